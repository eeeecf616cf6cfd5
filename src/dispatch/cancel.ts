import { announce } from '../store/announce.ts';
import { getJob, QUEUE_TOPIC } from '../store/jobs.ts';
import { latestRun, patchRun } from '../store/runs.ts';
import type { Tx } from '../store/store.ts';
import type { JobState } from '../store/tables.ts';
import { moveJob } from './move-job.ts';
import { runTopic } from './topics.ts';

export type CancelResult =
  /** It had not started and never will. */
  | { kind: 'cancelled' }
  /** Its runner is being told. */
  | { kind: 'cancelling'; runner: string }
  /** Its last run is over. */
  | { kind: 'ended'; state: JobState }
  /** It waits for approval, or its PR is closed: there is nothing to take off the queue. */
  | { kind: 'not_queued'; state: JobState }
  | { kind: 'unknown' };

export async function cancelJob(
  tx: Tx,
  repoId: number,
  jobId: string,
  login: string,
  now: number,
): Promise<CancelResult> {
  const job = await getJob(tx, repoId, jobId);
  if (!job) return { kind: 'unknown' };
  switch (job.state) {
    case 'queued':
      await moveJob(tx, job, { kind: 'cancel' }, now);
      return { kind: 'cancelled' };
    case 'leased':
    case 'running': {
      const run = await latestRun(tx, repoId, jobId);
      if (run?.state === 'leased') {
        // Its runner was not told yet that it may start, and now never will be.
        await patchRun(tx, run.id, { state: 'returned', cancelled_by: login, finished_at: now });
        await moveJob(tx, job, { kind: 'cancel' }, now);
        announce(tx, QUEUE_TOPIC);
        return { kind: 'cancelled' };
      }
      if (run?.state !== 'running') return { kind: 'ended', state: job.state };
      if (run.cancelled_by === null) {
        await patchRun(tx, run.id, { cancelled_by: login });
        await moveJob(tx, job, { kind: 'cancel' }, now);
        announce(tx, runTopic(run.id));
      }
      return { kind: 'cancelling', runner: run.runner };
    }
    case 'proposed':
    case 'rejected':
    case 'superseded':
      return { kind: 'not_queued', state: job.state };
    default:
      return { kind: 'ended', state: job.state };
  }
}
