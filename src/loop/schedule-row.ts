import type { Job } from '../job/job.ts';
import { parseSchedule } from '../job/schedule/parse-schedule.ts';
import type { Schedule } from '../job/schedule/schedule.ts';
import { schedulePath } from '../job/tick-id.ts';
import type { ScheduleRow } from '../store/tables.ts';

/** The schedule of a row. Its file was validated before it was admitted, so a failure here is ours. */
export function scheduleOf(row: Pick<ScheduleRow, 'name' | 'file'>): { schedule: Schedule; job: Job } {
  const parsed = parseSchedule(row.file, { path: schedulePath(row.name) });
  if (!parsed.ok)
    throw new Error(`the stored file of schedule ${row.name} does not parse: ${parsed.findings[0]?.message}`);
  return parsed;
}

/** The key under which a schedule's results are counted, recorded and told. */
export function ticksKey(repoId: number, name: string): string {
  return `ticks:${repoId}:${name}`;
}

/** After its own time limit a run has so long to be heard of. */
export const GRACE_MS = 15 * 60_000;

/** How long a tick has to give a result. */
export function patienceMs(job: Pick<Job, 'timeout_minutes'>): number {
  return job.timeout_minutes * 60_000 + GRACE_MS;
}
