import type { FixedCost } from './entry.ts';
import { formatMoney, toMoney } from './money.ts';

/** What a run may cost, told before anybody approves it. */
export interface ExpectedRun {
  /** Seconds on the runner, half of the runs before took less; null: there are none to go by. */
  seconds: number | null;
  /** Of its kind that touched the same, how many were looked at. */
  runs: number;
  /** Its time limit, in seconds: it takes no more. */
  atMost: number;
  /** Fixed costs it works on, which run up whether or not it runs: `JPY 800`. */
  daily: { name: string; money: string }[];
}

export function expectRun(
  job: { timeout_minutes: number; touches?: readonly string[] | undefined },
  /** Seconds that runs before took. */
  before: readonly number[],
  costs: readonly FixedCost[],
): ExpectedRun {
  const sorted = before.toSorted((a, b) => a - b);
  const atMost = job.timeout_minutes * 60;
  const median = sorted[Math.floor((sorted.length - 1) / 2)];
  return {
    seconds: median === undefined ? null : Math.min(median, atMost),
    runs: sorted.length,
    atMost,
    daily: costs
      .filter(({ name }) => job.touches?.includes(name))
      .map(({ name, perDay, currency }) => ({ name, money: formatMoney(toMoney(perDay, currency)) })),
  };
}
