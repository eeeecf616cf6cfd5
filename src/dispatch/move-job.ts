import { type JobEvent, transition } from '../job/state.ts';
import { patchJob } from '../store/jobs.ts';
import type { Tx } from '../store/store.ts';
import type { JobRow, JobState } from '../store/tables.ts';
import { enqueue } from '../store/work.ts';

/** The work key under which a job's next step is decided. */
export function jobKey(job: { repo_id: number; id: string }): string {
  return `job:${job.repo_id}:${job.id}`;
}

/**
 * Moves a job by what happened to it, and lets the loop look at it.
 * @returns its new state; undefined when the event means nothing there, and then nothing was written
 */
export async function moveJob(
  tx: Tx,
  job: JobRow,
  event: JobEvent,
  now: number,
  also: Partial<Omit<JobRow, 'repo_id' | 'id' | 'state' | 'reason' | 'updated_at'>> = {},
): Promise<JobState | undefined> {
  const next = transition(job.state, event);
  if ('refused' in next) return undefined;
  await patchJob(tx, job.repo_id, job.id, { ...also, ...next, updated_at: now });
  await enqueue(tx, jobKey(job), now);
  return next.state;
}
