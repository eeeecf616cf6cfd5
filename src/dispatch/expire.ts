import { runsAgain } from '../job/state.ts';
import { announce } from '../store/announce.ts';
import { getJob, QUEUE_TOPIC } from '../store/jobs.ts';
import { patchRun } from '../store/runs.ts';
import type { Reader, Tx } from '../store/store.ts';
import type { RunRow } from '../store/tables.ts';
import { enqueue } from '../store/work.ts';
import { LEASE_TIMES, LEASES_KEY, returnRun } from './lease.ts';
import { moveJob } from './move-job.ts';

/** From the end of a started run's lease to its loss. */
const afterLease = ({ silenceMs, ttlMs }: typeof LEASE_TIMES) => silenceMs - ttlMs;

/** When `expireDue` has something to do next, in ms since the epoch; undefined: no run is under way. */
export async function nextExpiry(db: Reader, times = LEASE_TIMES): Promise<number | undefined> {
  const [leased, running] = await Promise.all([firstLeaseEnd(db, 'leased'), firstLeaseEnd(db, 'running')]);
  const lost = running === undefined ? undefined : running + afterLease(times);
  if (leased === undefined || lost === undefined) return leased ?? lost;
  return Math.min(leased, lost);
}

/**
 * Ends what its runner left: a lease not started goes back to the queue; a started run silent for 15 min is
 * lost with its job and never started again unasked, except an `idempotent` one.
 */
export async function expireDue(tx: Tx, now: number, times = LEASE_TIMES): Promise<void> {
  for (const run of await runsPast(tx, 'leased', now)) await returnRun(tx, run, now);
  for (const run of await runsPast(tx, 'running', now - afterLease(times))) await loseRun(tx, run, now);
}

/** After a time in which nobody could renew a lease: silence counts from now. */
export async function renewAllLeases(tx: Tx, now: number, times = LEASE_TIMES): Promise<void> {
  const renewed = await tx
    .updateTable('runs')
    .set({ lease_expires_at: now + times.ttlMs })
    .where('state', 'in', ['leased', 'running'])
    .executeTakeFirst();
  if (renewed.numUpdatedRows > 0n) await enqueue(tx, LEASES_KEY, now + times.ttlMs);
}

async function loseRun(tx: Tx, run: RunRow, now: number): Promise<void> {
  await patchRun(tx, run.id, { state: 'lost', finished_at: now });
  announce(tx, QUEUE_TOPIC);
  const job = await getJob(tx, run.repo_id, run.job_id);
  if (!job) return;
  const idempotent = job.idempotent === 1 && run.cancelled_by === null;
  const event = { kind: 'silent', idempotent, attempt: run.attempt } as const;
  const attempt = runsAgain(event) ? run.attempt + 1 : run.attempt;
  await moveJob(tx, job, event, now, { lease_losses: 0, attempt });
}

function runsPast(tx: Tx, state: 'leased' | 'running', leaseEnd: number): Promise<RunRow[]> {
  return tx
    .selectFrom('runs')
    .selectAll()
    .where('state', '=', state)
    .where('lease_expires_at', '<=', leaseEnd)
    .orderBy('lease_expires_at')
    .execute();
}

async function firstLeaseEnd(db: Reader, state: 'leased' | 'running'): Promise<number | undefined> {
  const row = await db
    .selectFrom('runs')
    .select('lease_expires_at')
    .where('state', '=', state)
    .orderBy('lease_expires_at')
    .limit(1)
    .executeTakeFirst();
  return row?.lease_expires_at;
}
