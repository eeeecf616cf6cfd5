import type { LedgerEntry } from './entry.ts';
import type { MonthFile } from './month-file.ts';
import { monthOf } from './months.ts';

/**
 * Whether an entry belongs into a month's file, and on which day: where it stands already, though its day may be
 * another by now; else by its day, and a day that is still to come (a runner's clock may be wrong) is today.
 * Empty: it does not.
 */
export function placeEntries(
  files: Iterable<Pick<MonthFile, 'month' | 'entries'>>,
  today: string,
): (entry: LedgerEntry, month: string) => LedgerEntry[] {
  const owner = new Map([...files].flatMap(({ month, entries }) => entries.map(({ id }) => [id, month])));
  return (entry, month) => {
    const day = entry.day > today ? today : entry.day;
    return (owner.get(entry.id) ?? monthOf(day)) === month ? [{ ...entry, day }] : [];
  };
}
