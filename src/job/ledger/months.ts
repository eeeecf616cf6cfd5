/** `2026-11` of `2026-11-22`. */
export function monthOf(day: string): string {
  return day.slice(0, 7);
}

/** The days of a month up to `through` (inclusive), as the calendar has them; clocks do not matter. */
export function daysOf(month: string, through: string): string[] {
  const [year = 0, number = 0] = month.split('-').map(Number);
  const length = new Date(Date.UTC(year, number, 0)).getUTCDate();
  return Array.from({ length }, (_, index) => `${month}-${String(index + 1).padStart(2, '0')}`).filter(
    (day) => day <= through,
  );
}

export function dayBefore(day: string): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) - 86_400_000).toISOString().slice(0, 10);
}

export function monthBefore(month: string): string {
  return monthOf(dayBefore(`${month}-01`));
}

/** From `first` to `last`, both included; none if `last` is earlier. */
export function monthsBetween(first: string, last: string): string[] {
  const months: string[] = [];
  for (let month = last; month >= first; month = monthBefore(month)) months.unshift(month);
  return months;
}
