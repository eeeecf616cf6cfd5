import { getJob } from '../store/jobs.ts';
import { latestRun, patchRun } from '../store/runs.ts';
import type { Tx } from '../store/store.ts';
import { moveJob } from './move-job.ts';

/**
 * A merged job of which a lost or rolled-back database may have started a run: it is never started again
 * unasked. `attempt`: the highest number such a run may have had. false: it is not one that waits or runs.
 */
export async function loseJob(
  tx: Tx,
  repoId: number,
  jobId: string,
  now: number,
  attempt: number,
): Promise<boolean> {
  const job = await getJob(tx, repoId, jobId);
  if (!job) return false;
  const also = { attempt: Math.max(job.attempt, attempt), queued_at: job.queued_at ?? now };
  if (!(await moveJob(tx, job, { kind: 'store_lost' }, now, also))) return false;
  const run = await latestRun(tx, repoId, jobId);
  if (run?.state === 'leased' || run?.state === 'running')
    await patchRun(tx, run.id, { state: 'lost', finished_at: now });
  return true;
}
