/** A calendar day in a time zone. */
export interface Day {
  /** `YYYY-MM-DD`. */
  name: string;
  /** First millisecond of it, and of the next one. */
  start: number;
  end: number;
}

/** Longer than any day, with a change of the clock in it. */
const HOURS_30 = 30 * 3_600_000;

/** The day of `now`. Throws a RangeError for an unknown time zone (settings refuse those). */
export function dayOf(now: number, timeZone: string): Day {
  const format = new Intl.DateTimeFormat('en', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  });
  const nameAt = (time: number) => {
    const parts = format.formatToParts(time);
    const part = (type: string) => parts.find((candidate) => candidate.type === type)?.value ?? '';
    return `${part('year').padStart(4, '0')}-${part('month')}-${part('day')}`;
  };
  const name = nameAt(now);
  return {
    name,
    start: boundary(now - HOURS_30, now, (time) => nameAt(time) === name),
    end: boundary(now, now + HOURS_30, (time) => nameAt(time) > name),
  };
}

/** The first time after `from` for which `holds`, which changes once before `to`. */
function boundary(from: number, to: number, holds: (time: number) => boolean): number {
  let [before, after] = [from, to];
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (holds(middle)) after = middle;
    else before = middle;
  }
  return after;
}
