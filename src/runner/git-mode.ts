import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { closeDod } from '../job/dod.ts';
import { pause } from './client.ts';
import { GitError, openGit } from './git.ts';
import { type Branch, CheckoutError, gitSettings, pull, repositoryName } from './git-checkout.ts';
import { COPIES, publishAndLetGo, settleJournal } from './git-finish.ts';
import { clearJournal, type Journal, writeJournal } from './git-journal.ts';
import { claim, claimHolder, makeClaim, type QueuedJob, readQueue, releaseClaim } from './git-queue.ts';
import type { GitModeDeps, GitModeOptions, GitRunner } from './git-runner.ts';
import { DirectoryLockedError, lockDirectory } from './lock-directory.ts';
import { describeEntry, runLocally } from './run-local.ts';

/**
 * `guruguru runner --git`: the loop without app and model. Pulls, takes the oldest queued job that suits,
 * runs it, judges its DoD, and pushes one commit with log, record and move. A job is started at most once:
 * several runners settle it by a claim at the remote, a restart by a journal in the git directory; a job
 * that was going on when the runner was killed is recorded as `lost` and never run again.
 *
 * Resolves to the exit code. With `once`: 0 when a job succeeded or none was there, 1 when it failed.
 * Without: 0 when drained, 1 when the checkout cannot be worked with.
 */
export async function runGitMode(options: GitModeOptions, deps: GitModeDeps): Promise<0 | 1> {
  const git = openGit(options.checkout, deps.environment);
  let unlock: () => void = () => undefined;
  try {
    const top = await git.run(['rev-parse', '--absolute-git-dir']).catch(() => null);
    if (top === null)
      throw new CheckoutError(`${options.checkout} is no git checkout. Clone the repository there.`);
    const directory = join(top, 'guruguru');
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    unlock = lockDirectory(directory, 'give this one its own checkout');
    return await loop({ options, deps, git, directory, told: new Set() });
  } catch (error) {
    if (!(error instanceof CheckoutError) && !(error instanceof DirectoryLockedError)) throw error;
    deps.say(error.message);
    return 1;
  } finally {
    unlock();
    await closeDod();
  }
}

async function loop(runner: GitRunner): Promise<0 | 1> {
  const { options, deps } = runner;
  for (let first = true; !deps.drain.aborted; first = false) {
    try {
      const end = await takeOne(runner);
      if (options.once) return end === 'failed' ? 1 : 0;
      if (end !== 'none') continue;
    } catch (error) {
      // What a person must mend is told at the start; later the checkout may be in use for a moment.
      if (options.once || (first && error instanceof CheckoutError)) {
        if (error instanceof GitError) throw new CheckoutError(error.message);
        throw error;
      }
      tellOnce(runner, String(error), `${error instanceof Error ? error.message : error}; trying again`);
    }
    await pause(options.intervalSeconds * 1000, deps.drain).catch(() => undefined);
  }
  return 0;
}

async function takeOne(runner: GitRunner): Promise<'succeeded' | 'failed' | 'none'> {
  const { git, options, deps } = runner;
  const recovered = await settleJournal(runner);
  if (recovered !== 'none') return recovered;
  const branch = await pull(git);
  await gitSettings(git, branch.head);
  const queue = await readQueue(git, branch.head, options, (key, text) => tellOnce(runner, key, text));
  for (const queued of queue) {
    if (deps.drain.aborted) break;
    const work = await tryClaim(runner, branch, queued);
    if (work !== null) return runClaimed(runner, work, queued);
  }
  return 'none';
}

async function tryClaim(runner: GitRunner, branch: Branch, queued: QueuedJob): Promise<Journal | null> {
  const { git, options, directory } = runner;
  const { job, path, digest } = queued;
  const holder = await claimHolder(git, branch.remote, job.id);
  const run = `git-${job.id}-${randomUUID()}`;
  const object = holder ?? (await makeClaim(git, job.id, options.name, run));
  const work: Journal = {
    state: 'claimed',
    job: job.id,
    path,
    digest,
    report_path: job.report_path,
    dod: job.dod,
    run,
    remote: branch.remote,
    branch: branch.name,
    claim: object,
    started_at: null,
    entry: null,
    log: '',
    beside: [],
  };
  if (holder === null) {
    writeJournal(directory, work);
    if ((await claim(git, branch.remote, job.id, object)) === 'ours') {
      // Another runner may have run it, pushed and let go since we pulled.
      const now = await pull(git);
      const still = await git.run(['ls-tree', now.head, path]);
      const before = await git.run(['ls-tree', branch.head, path]);
      if (still === before) return work;
      await releaseClaim(git, branch.remote, job.id, object);
    }
    clearJournal(directory);
    return null;
  }
  tellOnce(
    runner,
    holder,
    `${job.id} is claimed by another runner. If that one is gone for good, let go of its claim, and the job ` +
      `starts again: git push ${branch.remote} --delete refs/guruguru/claims/${job.id}`,
  );
  return null;
}

async function runClaimed(
  runner: GitRunner,
  work: Journal,
  queued: QueuedJob,
): Promise<'succeeded' | 'failed'> {
  const { options, deps, directory, git } = runner;
  const started: Journal = { ...work, state: 'started', started_at: new Date().toISOString() };
  writeJournal(directory, started);
  deps.say(`running ${work.job}`);
  const { entry, log, beside } = await runLocally(queued.job, {
    runId: work.run,
    attempt: 1,
    runner: options.name,
    directory: join(directory, 'logs'),
    copies: join(directory, COPIES),
    ...(options.codexConfig === undefined ? {} : { codexConfig: options.codexConfig }),
    roots: options.roots,
    repository: await repositoryName(git, work.remote),
    environment: deps.environment,
    signal: deps.cancel,
    ...(options.sandbox === undefined ? {} : { sandbox: options.sandbox }),
    ...(options.passOn === undefined ? {} : { passOn: options.passOn }),
    ...(options.timing === undefined ? {} : { timing: options.timing }),
  });
  const finished = { ...started, state: 'finished' as const, entry, log, beside };
  writeJournal(directory, finished);
  deps.say(`${work.job} ${describeEntry(entry)}`);
  await publishAndLetGo(runner, finished);
  return entry.state === 'succeeded' ? 'succeeded' : 'failed';
}

function tellOnce(runner: GitRunner, key: string, text: string): void {
  if (runner.told.has(key)) return;
  runner.told.add(key);
  runner.deps.say(text);
}
