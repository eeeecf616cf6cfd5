import { z } from 'zod';
import { SCHEDULE_NAME, SCHEDULE_NAME_MAX } from '../tick-id.ts';

/** Fields of a job that every tick gets of its own. */
export const TICK_FIELDS = ['id', 'report_path', 'asked'] as const;

const timeZone = z.string().refine((value) => {
  try {
    return Intl.DateTimeFormat('en', { timeZone: value }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
});

/**
 * A schedule file, version 1 (design section 3). It says everything itself: what was approved once is what
 * every tick runs. The template under `job` is judged as a job file is, without what a tick adds.
 */
export const scheduleSchema = z.strictObject({
  name: z
    .string()
    .regex(SCHEDULE_NAME)
    .max(SCHEDULE_NAME_MAX)
    .describe('Lower-case words joined by dashes; the file is called <name>.json.'),
  title: z.string().min(1).max(120).optional().describe('One line that says what the schedule is for.'),
  cron: z
    .string()
    .min(1)
    .max(100)
    .describe('Minute, hour, day of the month, month and day of the week, such as 0 7 * * *.'),
  time_zone: timeZone.describe('IANA time zone in which cron is meant, such as Asia/Tokyo.'),
  overlap: z
    .literal('skip')
    .default('skip')
    .describe('skip: a tick that comes while the last one still runs is left out, which its report says.'),
  catch_up: z
    .enum(['one', 'none'])
    .default('one')
    .describe('After the app was away: one runs the last tick that was missed, none runs none of them.'),
  paused: z.boolean().default(false).describe('true: no tick runs until it is changed back.'),
  job: z
    .record(z.string(), z.unknown())
    .describe('The job that every tick runs: a job file without id, report_path and asked.'),
});

/** A validated schedule with its defaults filled in; `job` as it stands in the file. */
export type Schedule = z.output<typeof scheduleSchema>;
