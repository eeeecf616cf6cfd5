import { describe } from '../job/describe-problem.ts';
import { completeSchedule, type PartialSchedule } from '../job/schedule/complete-schedule.ts';
import type { Settings } from '../job/settings.ts';
import { fenceFailures } from './check-job.ts';
import { scheduleErrors } from './check-schedule.ts';
import type { PlannedSchedule } from './plan.ts';

/** Whether a pasted JSON block is a schedule file: only that has a `cron`. */
export function isScheduleText(text: string): boolean {
  const value = parsed(text);
  return value !== null && Object.hasOwn(value, 'cron');
}

/** The plan of a pasted schedule file; what it leaves out comes from the repository's defaults. */
export function scheduleFromFence(
  title: string | null,
  text: string,
  settings: Settings,
): { ok: true; plan: PlannedSchedule } | { ok: false; errors: string[] } {
  const file = parsed(text) ?? {};
  const { name, job } = file;
  if (typeof name !== 'string')
    return { ok: false, errors: [`\`name\` ${describe(name)}: use lower-case words, such as "hello-ready"`] };
  if (typeof job !== 'object' || job === null || Array.isArray(job))
    return { ok: false, errors: [`\`job\` ${describe(job)}: use an object with the fields of a job`] };
  // What is wrong in it is said by the judge of schedule files.
  const schedule = {
    ...file,
    ...(title === null || file.title ? {} : { title }),
  } as unknown as PartialSchedule;
  const errors = scheduleErrors(schedule, settings, fenceFailures);
  if (errors.length > 0) return { ok: false, errors };
  const completed = completeSchedule(schedule, settings);
  const shown = completed.ok ? completed.schedule.title : undefined;
  return { ok: true, plan: { kind: 'schedule', title: shown ?? name, summary: '', schedule, serves: [] } };
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
