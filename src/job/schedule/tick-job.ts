import { dayOf } from '../day.ts';
import { tickId, utcMinute } from '../tick-id.ts';
import type { Schedule } from './schedule.ts';

/**
 * The job file of one tick, byte for byte the same wherever it is made: app and runner each make it from the
 * schedule file that people approved. `at`: ms since the epoch.
 */
export function tickJobText(
  schedule: Pick<Schedule, 'name' | 'title' | 'time_zone' | 'job'>,
  at: number,
): string {
  const { name, title, job } = schedule;
  const file = {
    id: tickId({ name, at }),
    ...job,
    ...(title !== undefined && !Object.hasOwn(job, 'title') ? { title } : {}),
    report_path: `${tickFolder(schedule, at)}/${utcMinute(at)}.out`,
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/** Where the logs of a tick's day go; the day is one in the schedule's time zone. */
export function tickFolder({ name, time_zone }: Pick<Schedule, 'name' | 'time_zone'>, at: number): string {
  return `reports/schedules/${name}/${dayOf(at, time_zone).name}`;
}
