import { isEnded, wasQueued } from '../job/state.ts';
import { getJob } from '../store/jobs.ts';
import type { Tx } from '../store/store.ts';
import type { JobRow, JobState } from '../store/tables.ts';
import { moveJob } from './move-job.ts';

export type RetryResult =
  | { kind: 'queued' }
  /** It is in the queue or runs. */
  | { kind: 'active'; state: JobState }
  /** Its last run has ended, and the record of it is not committed yet: a new run would take its place. */
  | { kind: 'unreported' }
  /** It was never approved. */
  | { kind: 'never_queued'; state: JobState }
  | { kind: 'unknown' };

/**
 * A new run of the same job file, with the next attempt number. From now on a late result of the lost run
 * before it is refused.
 */
export async function retryJob(tx: Tx, repoId: number, jobId: string, now: number): Promise<RetryResult> {
  const job = await getJob(tx, repoId, jobId);
  if (!job) return { kind: 'unknown' };
  if (isUnreported(job)) return { kind: 'unreported' };
  // From now on, so that nothing takes the last run for the current one. One cancelled before any run had number 1.
  const attempt = Math.max(1, job.attempt) + 1;
  const anew = { attempt, lease_losses: 0, report_sha: null, verdict: null, queued_at: now };
  if (await moveJob(tx, job, { kind: 'retry' }, now, anew)) return { kind: 'queued' };
  const { state } = job;
  const active = state === 'queued' || state === 'leased' || state === 'running';
  return active ? { kind: 'active', state } : { kind: 'never_queued', state };
}

/** Its run has ended, and no commit says so yet. With a lost database there is nothing of a run to write down. */
export function isUnreported(job: Pick<JobRow, 'state' | 'reason' | 'report_sha'>): boolean {
  return isEnded(job.state) && wasQueued(job.state) && job.report_sha === null && job.reason !== 'store_lost';
}
