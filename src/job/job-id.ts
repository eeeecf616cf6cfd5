import { dayOf } from './day.ts';

/**
 * The next free `YYYY-MM-DD-NNN`, the date being `now` in an IANA time zone. One more than the highest
 * number taken that day, so that a number once given is not given again while its job is known anywhere.
 * Throws a RangeError for an unknown time zone (settings refuse those).
 */
export function nextJobId(taken: Iterable<string>, now: Date, timeZone: string): string {
  const date = dayOf(now.getTime(), timeZone).name;
  let highest = 0n;
  for (const id of taken) {
    const number = id.startsWith(`${date}-`) ? id.slice(date.length + 1) : '';
    if (/^\d{3,}$/.test(number) && BigInt(number) > highest) highest = BigInt(number);
  }
  return `${date}-${String(highest + 1n).padStart(3, '0')}`;
}
