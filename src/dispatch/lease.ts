import { randomUUID } from 'node:crypto';
import { parseTickId } from '../job/tick-id.ts';
import { announce } from '../store/announce.ts';
import { writeAudit } from '../store/audit.ts';
import { getGoal } from '../store/goals.ts';
import { getJob, QUEUE_TOPIC } from '../store/jobs.ts';
import { fullName, getRepository } from '../store/repositories.ts';
import { insertRun, latestRun, patchRun } from '../store/runs.ts';
import { getTick } from '../store/schedules.ts';
import type { Tx } from '../store/store.ts';
import type { JobRow, RepositoryRow, RunRow } from '../store/tables.ts';
import { isIdRevoked } from '../store/tokens.ts';
import { enqueue } from '../store/work.ts';
import { moveJob } from './move-job.ts';
import { pickJob } from './pick-job.ts';
import { LEASE_TTL_SECONDS } from './protocol.ts';
import { readQueue } from './read-queue.ts';
import { isFenced, noteRunner, type RunnerIdentity } from './runner-identity.ts';

export interface Lease {
  repository: RepositoryRow;
  job: JobRow;
  run: RunRow;
  /** The PR that brought its file, or that of the schedule whose tick it is; null: none did. */
  pull: number | null;
  /** The PR that brought the goal whose job it is; null: it is no goal's. */
  goalPull: number | null;
}

/** The work key of the one timer that looks for expired leases. */
export const LEASES_KEY = 'leases';
export const LEASE_TTL_MS = LEASE_TTL_SECONDS * 1_000;

/** How long silence is borne, in ms. */
export interface LeaseTimes {
  /** Without a renewal for so long, a lease that was not started goes back to the queue. */
  ttlMs: number;
  /** A started run is given up after this long without a word. */
  silenceMs: number;
}
export const LEASE_TIMES: LeaseTimes = { ttlMs: LEASE_TTL_MS, silenceMs: 15 * 60_000 };

/**
 * Leases the longest queued job this runner may take and suits. An attempt whose lease was lost before it
 * started keeps its number in its next run. undefined: there is nothing for it.
 */
export async function acquireJob(
  tx: Tx,
  runner: RunnerIdentity,
  now: number,
  times = LEASE_TIMES,
): Promise<Lease | undefined> {
  if ((await isFenced(tx, runner)) || (await isIdRevoked(tx, runner.tokenId))) return undefined;
  const { queued, active, idle } = await readQueue(tx, now);
  const allowed = queued.filter((job) => runner.repositories.includes(job.repository));
  const picked = pickJob(allowed, active, runner, idle);
  if (!picked) return undefined;
  const repository = await getRepository(tx, picked.repoId);
  const job = await getJob(tx, picked.repoId, picked.id);
  if (!repository || !job) return undefined;

  const last = await latestRun(tx, job.repo_id, job.id);
  const used = last?.attempt === job.attempt && last.state !== 'returned';
  const attempt = used ? job.attempt + 1 : Math.max(1, job.attempt);
  const run: RunRow = {
    id: randomUUID(),
    repo_id: job.repo_id,
    job_id: job.id,
    attempt,
    state: 'leased',
    fence: await nextFence(tx),
    runner: runner.name,
    process: runner.process,
    lease_expires_at: now + times.ttlMs,
    seen_at: now,
    started_at: null,
    finished_at: null,
    cancelled_by: null,
    result: null,
    log_bytes: 0,
  };
  await insertRun(tx, run);
  await moveJob(tx, job, { kind: 'leased' }, now, { attempt });
  await noteRunner(tx, runner, run.id, now);
  await writeAudit(tx, {
    what: 'lease_granted',
    who: `runner ${runner.name}`,
    subject: job.id,
    repoId: job.repo_id,
    detail: { run: run.id, fence: run.fence, attempt, digest: job.digest, token: runner.tokenId },
  });
  await enqueue(tx, LEASES_KEY, run.lease_expires_at);
  return { repository, job: { ...job, state: 'leased', attempt }, run, ...(await pullsOf(tx, job)) };
}

/**
 * The lease this process already has and never started: it asks again because the answer did not reach it
 * (a runner works on one job at a time). The lease is renewed.
 */
export async function resumeLease(
  tx: Tx,
  runner: RunnerIdentity,
  now: number,
  times = LEASE_TIMES,
): Promise<Lease | undefined> {
  const [lease] = await leasesOf(tx, runner);
  if (!lease) return undefined;
  await patchRun(tx, lease.run.id, { seen_at: now, lease_expires_at: now + times.ttlMs });
  await noteRunner(tx, runner, lease.run.id, now);
  return lease;
}

/** Takes a lease back before its run started: the job keeps its place in the queue, up to five times. */
export async function returnRun(tx: Tx, run: RunRow, now: number): Promise<void> {
  await patchRun(tx, run.id, { state: 'returned', finished_at: now });
  const job = await getJob(tx, run.repo_id, run.job_id);
  if (!job) return;
  const losses = job.lease_losses + 1;
  await moveJob(tx, job, { kind: 'lease_lost', losses }, now, { lease_losses: losses });
  announce(tx, QUEUE_TOPIC);
}

/** Leases not started of a process, among the repositories of its token: names are only unique per token. */
export async function leasesOf(
  tx: Tx,
  runner: Pick<RunnerIdentity, 'name' | 'process' | 'repositories'>,
): Promise<Lease[]> {
  const runs = await tx
    .selectFrom('runs')
    .selectAll()
    .where('state', '=', 'leased')
    .where('runner', '=', runner.name)
    .where('process', '=', runner.process)
    .execute();
  const leases: Lease[] = [];
  for (const run of runs) {
    const repository = await getRepository(tx, run.repo_id);
    const job = await getJob(tx, run.repo_id, run.job_id);
    if (repository && job && runner.repositories.includes(fullName(repository)))
      leases.push({ repository, job, run, ...(await pullsOf(tx, job)) });
  }
  return leases;
}

async function pullsOf(tx: Tx, job: JobRow): Promise<Pick<Lease, 'pull' | 'goalPull'>> {
  const { goal } = JSON.parse(job.file) as { goal?: string };
  const goalPull = goal === undefined ? null : ((await getGoal(tx, job.repo_id, goal))?.pr_number ?? null);
  if (job.pr_number !== null || !parseTickId(job.id)) return { pull: job.pr_number, goalPull };
  return { pull: (await getTick(tx, job.repo_id, job.id))?.pr_number ?? null, goalPull };
}

/** Grows with every lease, and begins above what a lost database may have given out (see migrations). */
async function nextFence(tx: Tx): Promise<number> {
  const row = await tx
    .updateTable('counters')
    .set((set) => ({ value: set('value', '+', 1) }))
    .where('name', '=', 'fence')
    .returning('value')
    .executeTakeFirstOrThrow();
  return row.value;
}
