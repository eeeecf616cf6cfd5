import { renderFinding } from '../job/finding.ts';
import { parseSettings, type Settings } from '../job/settings.ts';
import { type Git, GitError } from './git.ts';

const SETTINGS_PATH = '.github/guruguru.yml';

/** The checkout is not in a state to work with; the message says what to do. */
export class CheckoutError extends Error {
  override name = 'CheckoutError';
}

export interface Branch {
  remote: string;
  /** The branch's name at the remote. */
  name: string;
  /** The remote's head as fetched. */
  head: string;
}

/**
 * `git pull --ff-only` that says what is wrong: the checkout must be on the default branch (what another
 * branch queues is not approved), have no changes to tracked files and no commits of its own. Untracked
 * files are left alone.
 * @throws CheckoutError
 */
export async function pull(git: Git): Promise<Branch> {
  const branch = await git.run(['symbolic-ref', '--quiet', '--short', 'HEAD']).catch(() => null);
  if (branch === null) {
    throw new CheckoutError(
      `${git.checkout} is on no branch. Check out the default branch: git checkout main`,
    );
  }
  const remote = await git.run(['config', `branch.${branch}.remote`]).catch(() => null);
  const merge = await git.run(['config', `branch.${branch}.merge`]).catch(() => null);
  if (remote === null || merge === null) {
    throw new CheckoutError(
      `${branch} in ${git.checkout} follows no remote branch. Set one: git branch --set-upstream-to origin/${branch}`,
    );
  }
  const name = merge.replace(/^refs\/heads\//, '');
  const main = await defaultBranch(git, remote);
  if (main !== null && main !== name) {
    throw new CheckoutError(
      `${git.checkout} is on ${name}, and only the jobs of ${main} are approved. Check that out: git checkout ${main}. ` +
        `(Where the default branch was renamed: git remote set-head ${remote} --auto)`,
    );
  }
  const dirty = await git.run(['status', '--porcelain', '--untracked-files=no']);
  if (dirty !== '') {
    const files = dirty.split('\n').map((line) => line.slice(3));
    throw new CheckoutError(
      `${git.checkout} has changes that are not committed: ${files.slice(0, 5).join(', ')}. Commit or stash them; they are left as they are.`,
    );
  }
  const head = await fetchHead(git, remote, name);
  try {
    await git.run(['merge', '--ff-only', '--quiet', head]);
  } catch (error) {
    const why = error instanceof GitError ? error.message : String(error);
    throw new CheckoutError(
      `${git.checkout} cannot be moved on to ${remote}/${name} (${why}). Push or set aside its own commits.`,
    );
  }
  if ((await git.run(['rev-parse', 'HEAD'])) !== head) {
    throw new CheckoutError(
      `${git.checkout} has commits that ${remote}/${name} does not have. Push them, or reset to it.`,
    );
  }
  return { remote, name, head };
}

/** null: neither the clone nor the remote says. */
async function defaultBranch(git: Git, remote: string): Promise<string | null> {
  const prefix = `refs/remotes/${remote}/`;
  const known = await git.run(['symbolic-ref', '--quiet', `${prefix}HEAD`]).catch(() => '');
  if (known.startsWith(prefix)) return known.slice(prefix.length);
  const told = await git.run(['ls-remote', '--symref', remote, 'HEAD']);
  return /^ref: refs\/heads\/(\S+)\tHEAD/.exec(told)?.[1] ?? null;
}

export async function fetchHead(git: Git, remote: string, name: string): Promise<string> {
  await git.run(['fetch', '--quiet', remote, `+refs/heads/${name}:refs/remotes/${remote}/${name}`]);
  return git.run(['rev-parse', `refs/remotes/${remote}/${name}`]);
}

/** `owner/name` of a GitHub remote, for `owner/name=/path` roots; null for any other. */
export async function repositoryName(git: Git, remote: string): Promise<string | null> {
  const url = await git.run(['remote', 'get-url', remote]).catch(() => '');
  return /[/:]([A-Za-z0-9-]+\/[A-Za-z0-9._-]+?)(?:\.git)?\/?$/.exec(url)?.[1] ?? null;
}

/** Whether report commits say `[skip ci]`. A report is due also when the settings have become wrong meanwhile. */
export async function skipsCi(git: Git, head: string): Promise<boolean> {
  const parsed = await readSettings(git, head);
  return !parsed.ok || parsed.settings.reports.skipCi;
}

async function readSettings(git: Git, head: string) {
  const text = await git.run(['show', `${head}:${SETTINGS_PATH}`]).catch(() => null);
  return parseSettings(text, SETTINGS_PATH);
}

/** The settings at this commit, which must leave dispatch to git. @throws CheckoutError */
export async function gitSettings(git: Git, head: string): Promise<Settings> {
  const parsed = await readSettings(git, head);
  if (!parsed.ok) throw new CheckoutError(parsed.findings.map(renderFinding).join('\n'));
  const { settings } = parsed;
  if (settings.dispatch !== 'git') {
    throw new CheckoutError(
      `${SETTINGS_PATH} does not say "dispatch: git", so the app gives out this repository's jobs, and a second ` +
        'dispatcher would run them twice. Add that line to the default branch, or run without --git.',
    );
  }
  if (settings.reports.branch !== null) {
    throw new CheckoutError(
      `${SETTINGS_PATH}: reports.branch is not available with "dispatch: git". Remove it.`,
    );
  }
  return settings;
}
