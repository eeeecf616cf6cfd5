import { cronTimes } from '../job/schedule/cron.ts';
import type { ScheduleLine } from '../messages/views.ts';
import type { FoundSchedule } from './next-pull.ts';

/** What a PR does to one schedule, for those who decide on it. */
export function scheduleLine(
  { name, change, schedule }: Pick<FoundSchedule, 'name' | 'change' | 'schedule'>,
  now: number,
): ScheduleLine {
  const { title, cron = '', time_zone: timeZone = 'UTC', paused = false } = schedule ?? {};
  const next = schedule && !paused ? cronTimes(cron, timeZone).next(now) : null;
  return { name, ...(title ? { title } : {}), change, cron, timeZone, paused, next };
}
