import type { FixedCost } from './entry.ts';
import { formatMoney, toMoney } from './money.ts';

/** What a run may cost, told before anybody approves it. */
export interface ExpectedRun {
  /** Seconds on the runner, half of the runs before took less; null: there are none to go by. */
  seconds: number | null;
  /** What an agent used then, priced, half of them less; null: not known, or no agent. */
  money: string | null;
  /** Of its kind that touched the same, how many were looked at. */
  runs: number;
  /** Its time limit, in seconds: it takes no more. */
  atMost: number;
  /** Fixed costs it works on, which run up whether or not it runs: `JPY 800`. */
  daily: { name: string; money: string }[];
}

export function expectRun(
  job: { timeout_minutes: number; touches?: readonly string[] | undefined },
  /** What runs before took, and what their agents cost in USD. */
  before: readonly { seconds: number; usd: number | null }[],
  costs: readonly FixedCost[],
): ExpectedRun {
  const atMost = job.timeout_minutes * 60;
  const seconds = median(before.map((run) => run.seconds));
  const usd = median(before.flatMap((run) => run.usd ?? []));
  return {
    seconds: seconds === undefined ? null : Math.min(seconds, atMost),
    money: usd === undefined ? null : formatMoney(toMoney(usd, 'USD')),
    runs: before.length,
    atMost,
    daily: costs
      .filter(({ name }) => job.touches?.includes(name))
      .map(({ name, perDay, currency }) => ({ name, money: formatMoney(toMoney(perDay, currency)) })),
  };
}

/** The lower one of two in the middle. */
function median(numbers: readonly number[]): number | undefined {
  return numbers.toSorted((a, b) => a - b)[Math.floor((numbers.length - 1) / 2)];
}
