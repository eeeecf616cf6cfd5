import { getJob } from '../store/jobs.ts';
import type { Tx } from '../store/store.ts';
import { moveJob } from './move-job.ts';

/** An approved job enters the queue; waiting runners hear of it at the commit. false: it was not `proposed`. */
export async function queueJob(tx: Tx, repoId: number, jobId: string, now: number): Promise<boolean> {
  const job = await getJob(tx, repoId, jobId);
  if (!job) return false;
  const state = await moveJob(tx, job, { kind: 'admitted' }, now, { queued_at: now });
  return state !== undefined;
}
