import { existsSync } from 'node:fs';
import { copyFile, lstat, mkdir, realpath, rm, writeFile } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { type Git, openGit } from '../git.ts';
import { type Environment, jobEnvironment } from '../job-environment.ts';

/** The agent's own copy of a checkout, gone after the run. */
export interface WorkCopy {
  /** Its top folder. */
  path: string;
  /** Where the agent starts: the place of the job's `workdir` in it. */
  cwd: string;
  /** The commit it stands on. */
  base: string;
  /** Where git finds the objects of the base. */
  objects: readonly string[];
  /** What a person should know of how the base was chosen. */
  note: string | null;
}

export type MadeCopy = { ok: true; copy: WorkCopy } | { ok: false; message: string };

/** Nothing of the person's own configuration: filters, hooks and line ends would change what is compared. */
export const PLAIN_GIT: Readonly<Record<string, string>> = {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_ATTR_NOSYSTEM: '1',
};
const FETCH_SECONDS = '60';

/** What git itself needs, and the tag by which what hangs is found after a `kill -9`. */
export function gitEnvironment(environment: Environment, runId: string): Record<string, string> {
  const made = jobEnvironment({ environment, job: { id: runId }, runId, reportFile: '' });
  return made.ok ? made.env : {};
}

/**
 * Makes a repository of its own in `<folder>/work` that borrows the checkout's objects (git's alternates) and has
 * nothing else of it: no branch, no remote, no index, no configuration. Whatever the agent does to it, the
 * checkout's next `git pull --ff-only` does not notice (docs/decisions, "a copy for the agent").
 *
 * Its commit is the newest of the branch the checkout follows, asked of the remote; where that cannot be asked
 * or there is none, what the checkout knows.
 */
export async function makeWorkCopy(plan: {
  workdir: string;
  folder: string;
  environment: Environment;
  runId: string;
}): Promise<MadeCopy> {
  const env = gitEnvironment(plan.environment, plan.runId);
  const checkout = openGit(plan.workdir, env);
  const top = await checkout.run(['rev-parse', '--show-toplevel']).catch(() => '');
  if (top === '') {
    return refuse(`${plan.workdir} is no git checkout. A codex job works on a copy of its newest commit.`);
  }
  const head = await checkout.run(['rev-parse', '--verify', 'HEAD^{commit}']).catch(() => '');
  if (head === '')
    return refuse(`${plan.workdir} has no commit yet. A codex job works on a copy of the newest.`);
  const prefix = await checkout.run(['rev-parse', '--show-prefix']);
  const path = join(plan.folder, 'work');
  await rm(plan.folder, { recursive: true, force: true });
  await mkdir(path, { recursive: true, mode: 0o700 });
  const borrowed = resolve(plan.workdir, await checkout.run(['rev-parse', '--git-path', 'objects']));
  const git = openGit(path, env);
  await git.run(['init', '--quiet', '--template='], { env: PLAIN_GIT });
  await mkdir(join(path, '.git', 'objects', 'info'), { recursive: true });
  await writeFile(join(path, '.git', 'objects', 'info', 'alternates'), `${borrowed}\n`);
  const shallow = resolve(plan.workdir, await checkout.run(['rev-parse', '--git-path', 'shallow']));
  if (existsSync(shallow)) await copyFile(shallow, join(path, '.git', 'shallow'));
  const { base, note } = await chooseBase(checkout, git, top, head);
  await git.run(['checkout', '--quiet', '--detach', base], { env: PLAIN_GIT });
  const cwd = join(path, prefix);
  if (!existsSync(cwd)) return refuse(`${plan.workdir} is not in commit ${base}, which the agent works on.`);
  const objects = [borrowed, join(path, '.git', 'objects')];
  return { ok: true, copy: { path: await realpath(path), cwd, base, objects, note } };
}

async function chooseBase(
  checkout: Git,
  git: Git,
  top: string,
  head: string,
): Promise<{ base: string; note: string | null }> {
  const branch = await checkout.run(['symbolic-ref', '--quiet', '--short', 'HEAD']).catch(() => '');
  const setting = (name: string) => checkout.run(['config', `branch.${branch}.${name}`]).catch(() => '');
  const remote = branch === '' ? '' : await setting('remote');
  const followed = branch === '' ? '' : await setting('merge');
  if (remote === '' || remote === '.' || followed === '') {
    return {
      base: head,
      note: `the checkout follows no remote branch; the agent works on its commit ${head}`,
    };
  }
  const url = await checkout.run(['remote', 'get-url', remote]).catch(() => remote);
  const from = /^[\w+.-]+:\/\/|^[^/]+:/.test(url) || isAbsolute(url) ? url : resolve(top, url);
  try {
    await git.run(['fetch', '--quiet', '--no-tags', '--no-auto-maintenance', from, followed], {
      env: { GIT_HTTP_LOW_SPEED_LIMIT: '1', GIT_HTTP_LOW_SPEED_TIME: FETCH_SECONDS },
    });
    return { base: await git.run(['rev-parse', 'FETCH_HEAD']), note: null };
  } catch {
    const known = await checkout.run(['rev-parse', '--verify', '@{upstream}^{commit}']).catch(() => head);
    const note = `the remote ${remote} could not be asked; the agent works on ${known}, the newest commit known here`;
    return { base: known, note };
  }
}

/** Never throws: what is left is removed at the next start. */
export async function removeWorkCopy(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
}

/** An agent without a sandbox may have put something else in its place. */
export async function isStillThere(copy: WorkCopy): Promise<boolean> {
  const facts = await lstat(copy.path).catch(() => null);
  return facts?.isDirectory() === true && (await realpath(copy.path)) === copy.path;
}

function refuse(why: string): MadeCopy {
  return { ok: false, message: `workdir: ${why}` };
}
