import { sharedThing } from '../dispatch/pick-job.ts';
import type { GoalStatusView } from '../schedule/goal-status.ts';
import { getJob, listJobsByState } from '../store/jobs.ts';
import type { GoalRow, JobRow } from '../store/tables.ts';
import type { WorkContext } from './work.ts';

/** The job that a goal's queued job waits for, and the goal it belongs to; null = it waits for none. */
export async function heldBy(c: WorkContext, goal: GoalRow): Promise<GoalStatusView['held']> {
  const job = goal.job_id ? await getJob(c.store.db, c.repo.id, goal.job_id) : undefined;
  if (job?.state !== 'queued') return null;
  for (const other of await listJobsByState(c.store.db, ['leased', 'running'], c.repo.id)) {
    const thing = sharedThing(locks(other), locks(job));
    if (thing !== null) return { holder: other.id, goal: goalIn(other), thing };
  }
  return null;
}

function locks({ repo_id, touches, effect, concurrency }: JobRow) {
  return { repoId: repo_id, touches: JSON.parse(touches) as string[], effect, concurrency };
}

function goalIn({ file }: JobRow): string | null {
  return (JSON.parse(file) as { goal?: string }).goal ?? null;
}
