import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { scriptOf } from '../job/job.ts';
import { parseJob } from '../job/parse-job.ts';
import { buildEntry, decodeLog, renderLog } from '../job/report-format.ts';
import { runLogPath } from '../job/report-paths.ts';
import { fetchHead, pull, repositoryName, skipsCi } from './git-checkout.ts';
import { clearJournal, type Journal, readJournal, writeJournal } from './git-journal.ts';
import { publish } from './git-publish.ts';
import { releaseClaim } from './git-queue.ts';
import type { GitRunner } from './git-runner.ts';
import { keepNewest } from './keep-newest.ts';
import { repairLogSpool } from './log-spool.ts';
import { endLeftovers } from './tagged-processes.ts';

/** Where agents' copies of the checkout are, in the runner's folder. */
export const COPIES = 'copies';

/** What an earlier process, or a push that failed, left behind. */
export async function settleJournal(runner: GitRunner): Promise<'succeeded' | 'failed' | 'none'> {
  const { directory, git, deps } = runner;
  const work = readJournal(directory);
  if (work === null) return 'none';
  if (work.state === 'claimed') {
    // Nothing was run: the job is free again.
    await releaseClaim(git, work.remote, work.job, work.claim);
    clearJournal(directory);
    return 'none';
  }
  if (work.state === 'finished' && work.entry !== null) {
    await publishAndLetGo(runner, { ...work, entry: work.entry });
    return work.entry.state === 'succeeded' ? 'succeeded' : 'failed';
  }
  await endLeftovers(work.run, null, 10_000);
  rmSync(join(directory, COPIES), { recursive: true, force: true });
  const message =
    'the runner was killed while the job ran; how far it came is not known. It is not run again.';
  deps.say(`${work.job} lost: ${message}`);
  const paths = {
    uploadPath: join(directory, 'logs', `${work.run}.ndjson`),
    fullPath: join(directory, 'logs', `${work.run}.full.ndjson`),
  };
  // Killed before the log was begun: there may be no folder yet.
  mkdirSync(join(directory, 'logs'), { recursive: true, mode: 0o700 });
  repairLogSpool(paths, message);
  const file = await git
    .bytes(['show', `refs/remotes/${work.remote}/${work.branch}:${work.path}`])
    .catch(() => Buffer.alloc(0));
  const queued = parseJob(file, { path: work.path });
  const entry = {
    ...buildEntry({
      attempt: 1,
      runner: runner.options.name,
      result: null,
      dodSource: work.dod,
      dod: null,
      log: runLogPath(work.report_path, 1),
      message,
    }),
    started_at: work.started_at,
  };
  const log = renderLog(decodeLog(readFileSync(paths.uploadPath)), queued.ok ? scriptOf(queued.job) : []);
  const finished = { ...work, state: 'finished' as const, entry, log };
  writeJournal(directory, finished);
  await publishAndLetGo(runner, finished);
  return 'failed';
}

/** The report at the remote, then the claim let go, then the journal cleared: a crash in between repeats the rest. */
export async function publishAndLetGo(
  runner: GitRunner,
  work: Journal & { entry: NonNullable<Journal['entry']> },
): Promise<void> {
  const { git, directory, deps } = runner;
  // Not the branch that is checked out: the job, or a person, may have left another.
  const head = await fetchHead(git, work.remote, work.branch);
  await publish(git, work, {
    directory,
    branch: work.branch,
    repository: await repositoryName(git, work.remote),
    skipCi: await skipsCi(git, head),
    say: deps.say,
  });
  await releaseClaim(git, work.remote, work.job, work.claim);
  clearJournal(directory);
  const logs = join(directory, 'logs');
  rmSync(join(logs, `${work.run}.ndjson`), { force: true });
  if (existsSync(logs)) keepNewest(logs);
  // A job may have left changes here; the next pull says so.
  await pull(git).catch(() => undefined);
}
