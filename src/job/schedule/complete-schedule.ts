import { completeJob, type PartialJob } from '../complete-job.ts';
import type { Job } from '../job.ts';
import type { JobDefaults } from '../settings.ts';
import { schedulePath } from '../tick-id.ts';
import { parseSchedule } from './parse-schedule.ts';
import { type Schedule, scheduleSchema, TICK_FIELDS } from './schedule.ts';

/** A schedule of which the repository's defaults say the rest. */
export type PartialSchedule = Pick<Schedule, 'name' | 'cron'> &
  Partial<Pick<Schedule, 'title' | 'time_zone' | 'overlap' | 'catch_up' | 'paused'>> & { job: PartialJob };

export type CompletedSchedule =
  | { ok: true; schedule: Schedule; job: Job; text: string; digest: string }
  | { ok: false; errors: { field: string; message: string }[] };

/** Stands for the id that every tick gets of its own. */
const NO_ID = '2001-01-01-001';

/** The schedule file of a plan or a pasted block, completed and judged by parseSchedule: it says everything itself. */
export function completeSchedule(
  partial: PartialSchedule,
  { defaults, timeZone }: { defaults: JobDefaults; timeZone: string },
): CompletedSchedule {
  const { job: template, ...given } = partial;
  const completed = completeJob(template, { id: NO_ID, defaults });
  if (!completed.ok) return completed;
  const job = Object.entries(JSON.parse(completed.text) as Record<string, unknown>).filter(
    ([field]) => !TICK_FIELDS.some((other) => other === field) && field !== 'title',
  );
  const title = given.title ?? template.title;
  const file: Record<string, unknown> = {
    ...given,
    ...(title === undefined ? {} : { title }),
    time_zone: given.time_zone ?? timeZone,
    job: Object.fromEntries(job),
  };
  const known = Object.keys(scheduleSchema.shape);
  const fields = [...known.filter((field) => file[field] !== undefined), ...others(file, known)];
  const text = `${JSON.stringify(Object.fromEntries(fields.map((field) => [field, file[field]])), null, 2)}\n`;
  const parsed = parseSchedule(text, { path: schedulePath(partial.name) });
  if (parsed.ok) return parsed;
  return {
    ok: false,
    errors: parsed.findings.map(({ field, message }) => ({ field: field ?? '', message })),
  };
}

/** For parseSchedule to refuse by name. */
function others(file: Record<string, unknown>, known: readonly string[]): string[] {
  return Object.keys(file).filter((field) => !known.includes(field));
}
