import { type CronTimes, cronTimes } from '../job/schedule/cron.ts';
import type { Schedule } from '../job/schedule/schedule.ts';

/** What has come due since the last look. Times are ms since the epoch. */
export interface DueTicks {
  /** The newest tick that is due; null: none is. */
  due: number | null;
  /** It was due so long ago that nobody was there. */
  late: boolean;
  /** Ticks before it that nobody made; counted up to `MISSED_MAX`. */
  missed: number;
  /** When to look again; null: no tick comes any more. */
  next: number | null;
}

/** A tick made within this time is on time. */
const LATE_MS = 5 * 60_000;
export const MISSED_MAX = 1_000;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** The newest tick is in the shortest of these times that holds any: so a long absence costs no long count. */
const SPANS_MS = [HOUR_MS, DAY_MS, 8 * DAY_MS, 32 * DAY_MS, 370 * DAY_MS];

/**
 * The ticks after `since` up to `now`. After an absence of any length only the newest of them is made: that is
 * the one catch-up. A clock that was set back (`now` before `since`) makes none until it has passed `now`;
 * what ran while it was ahead has its row, and is not made again.
 */
export function dueTicks(
  { cron, time_zone }: Pick<Schedule, 'cron' | 'time_zone'>,
  since: number,
  now: number,
): DueTicks {
  const times = cronTimes(cron, time_zone);
  const due = newest(times, since, now);
  return {
    due,
    late: due !== null && now - due > LATE_MS,
    missed: due === null ? 0 : count(times, since, due),
    next: times.next(now),
  };
}

function newest(times: CronTimes, since: number, now: number): number | null {
  for (const span of [...SPANS_MS, Number.POSITIVE_INFINITY]) {
    const from = Math.max(since, now - span);
    let last: number | null = null;
    for (let at = times.next(from); at !== null && at <= now; at = times.next(at)) last = at;
    if (last !== null || from === since) return last;
  }
  return null;
}

function count(times: CronTimes, since: number, due: number): number {
  let missed = 0;
  for (let at = times.next(since); at !== null && at < due && missed < MISSED_MAX; at = times.next(at))
    missed += 1;
  return missed;
}
