import type { Hints } from '../describe-problem.ts';
import type { JsonPath } from '../locate.ts';
import { scheduleSchema } from './schedule.ts';

/** What to write instead, by field of a schedule file. */
export const SCHEDULE_HINTS: Hints = {
  name: 'use at most 50 lower-case letters and digits, with single dashes between words, such as "hello-ready"',
  title: 'use one line of 1 to 120 characters',
  cron: 'use five fields (minute hour day month weekday), such as "0 7 * * *"',
  time_zone: 'use an IANA time zone such as "Asia/Tokyo"',
  overlap: 'use "skip", or remove the field',
  catch_up: 'use "one" or "none", or remove the field',
  paused: 'use true or false',
  job: 'use an object with the fields of a job, such as { "kind": "run_shell", "workdir": …, "script": […], "dod": … }',
};

export function scheduleFields(path: JsonPath): readonly string[] {
  return path.length === 0 ? Object.keys(scheduleSchema.shape) : [];
}
