import type { FixedEntry, LedgerEntry, LedgerRun, ModelEntry } from './entry.ts';
import { addMoney, convertMoney, type Money, type Rates, splitMoney, toMoney } from './money.ts';

/**
 * What was done with a fixed cost on a day. `changed`: a job that says it changes things succeeded; `checked`:
 * a job only looked, or wanted to change something and did not; `idle`: nothing came to an end there.
 */
export type DayUse = 'changed' | 'checked' | 'idle';
export const DAY_USES: readonly DayUse[] = ['changed', 'checked', 'idle'];

export interface FixedSummary {
  name: string;
  days: Record<DayUse, number>;
  money: Record<DayUse, Money>;
}

/** Of one goal, schedule or job. */
export interface CreditSummary {
  id: string;
  runs: number;
  succeeded: number;
  seconds: number;
  /** Models, and its part of the fixed costs of the days on which it touched them. */
  money: Money;
}

export interface LedgerSummary {
  total: Money;
  models: Money;
  fixedTotal: Money;
  inputTokens: number;
  outputTokens: number;
  /** Models without a known price: what they cost is missing above. */
  unpriced: string[];
  /** Calls whose answer a crash took. */
  unanswered: number;
  runs: Record<LedgerRun['state'], number>;
  seconds: number;
  /** Jobs with a run that succeeded. */
  succeeded: number;
  /** All the money by the jobs that succeeded, idle days too; null when none did. */
  perSuccess: Money | null;
  goals: CreditSummary[];
  schedules: CreditSummary[];
  /** The dearest first. */
  jobs: CreditSummary[];
  fixed: FixedSummary[];
}

/** What the entries of a month come to. With `rates`, currencies that have one are put into one. */
export function summarise(entries: readonly LedgerEntry[], rates: Rates | null): LedgerSummary {
  const runs = entries.filter((entry) => entry.kind === 'run');
  const calls = entries.filter((entry) => entry.kind === 'model');
  const fixed = entries.filter((entry) => entry.kind === 'fixed');
  const spentOn = (entry: LedgerEntry) => convertMoney(moneyOf(entry), rates);
  const agents = runs.flatMap(({ agent }) => agent ?? []);
  const models = addMoney(...calls.map(spentOn), ...runs.map(spentOn));
  const fixedTotal = addMoney(...fixed.map(spentOn));
  const total = addMoney(models, fixedTotal);
  const succeeded = new Set(runs.filter((run) => run.state === 'succeeded').map(({ job }) => job)).size;
  const byDay = Map.groupBy(runs, ({ day }) => day);
  const shares = sharesOf(byDay, fixed, rates);
  const credit = (key: 'goal' | 'schedule' | 'job') => credits(key, runs, calls, spentOn, shares);
  return {
    total,
    models,
    fixedTotal,
    inputTokens: sum([...calls, ...agents].map((one) => one.input_tokens)),
    outputTokens: sum([...calls, ...agents].map((one) => one.output_tokens)),
    unpriced: [
      ...new Set(
        [...calls, ...agents]
          .filter((one) => one.usd === null && one.input_tokens + one.output_tokens > 0)
          .map(({ model }) => model),
      ),
    ].sort(),
    unanswered: calls.filter((call) => call.unanswered).length,
    runs: {
      succeeded: runs.filter(({ state }) => state === 'succeeded').length,
      failed: runs.filter(({ state }) => state === 'failed').length,
      cancelled: runs.filter(({ state }) => state === 'cancelled').length,
      lost: runs.filter(({ state }) => state === 'lost').length,
    },
    seconds: sum(runs.map(({ seconds }) => seconds)),
    succeeded,
    perSuccess: succeeded === 0 ? null : (splitMoney(total, succeeded)[0] ?? {}),
    goals: credit('goal'),
    schedules: credit('schedule'),
    jobs: credit('job').sort((a, b) => weight(b.money) - weight(a.money)),
    fixed: [...new Set(fixed.map(({ name }) => name))]
      .sort()
      .map((name) => usesOf(name, byDay, fixed, rates)),
  };
}

function moneyOf(entry: LedgerEntry): Money {
  switch (entry.kind) {
    case 'model':
      return toMoney(entry.usd ?? 0, 'USD');
    case 'run':
      return toMoney(entry.agent?.usd ?? 0, 'USD');
    case 'fixed':
      return toMoney(entry.amount, entry.currency);
  }
}

const sum = (numbers: readonly number[]) => numbers.reduce((whole, part) => whole + part, 0);
/** For an order only: currencies cannot be compared. */
const weight = (money: Money) => sum(Object.values(money));

type RunsByDay = ReadonlyMap<string, readonly LedgerRun[]>;

/** Runs that were judged, and touched the cost on its day. */
function touching(runs: RunsByDay, { name, day }: FixedEntry): LedgerRun[] {
  return (runs.get(day) ?? []).filter((run) => run.judged && run.touches.includes(name));
}

function useOf(runs: readonly LedgerRun[]): DayUse {
  if (runs.some((run) => run.changes && run.state === 'succeeded')) return 'changed';
  return runs.length > 0 ? 'checked' : 'idle';
}

function usesOf(
  name: string,
  runs: RunsByDay,
  fixed: readonly FixedEntry[],
  rates: Rates | null,
): FixedSummary {
  const days = fixed.filter((entry) => entry.name === name);
  const of = (use: DayUse) => days.filter((entry) => useOf(touching(runs, entry)) === use);
  const money = (use: DayUse) => addMoney(...of(use).map((entry) => convertMoney(moneyOf(entry), rates)));
  return {
    name,
    days: { changed: of('changed').length, checked: of('checked').length, idle: of('idle').length },
    money: { changed: money('changed'), checked: money('checked'), idle: money('idle') },
  };
}

/** Each run's part of the fixed costs: those of a day are shared by the runs that touched them that day. */
function sharesOf(runs: RunsByDay, fixed: readonly FixedEntry[], rates: Rates | null): Map<string, Money> {
  const shares = new Map<string, Money>();
  for (const entry of fixed) {
    const users = touching(runs, entry);
    const parts = splitMoney(convertMoney(moneyOf(entry), rates), users.length);
    for (const [index, run] of users.entries())
      shares.set(run.id, addMoney(shares.get(run.id) ?? {}, parts[index] ?? {}));
  }
  return shares;
}

function credits(
  key: 'goal' | 'schedule' | 'job',
  runs: readonly LedgerRun[],
  calls: readonly ModelEntry[],
  spentOn: (entry: LedgerEntry) => Money,
  shares: ReadonlyMap<string, Money>,
): CreditSummary[] {
  const owned = new Map<string, LedgerEntry[]>();
  for (const entry of [...runs, ...calls]) {
    const id = entry[key];
    if (id === undefined) continue;
    const own = owned.get(id) ?? [];
    own.push(entry);
    owned.set(id, own);
  }
  return [...owned.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([id, own]) => {
      const ran = own.filter((entry) => entry.kind === 'run');
      return {
        id,
        runs: ran.length,
        succeeded: ran.filter(({ state }) => state === 'succeeded').length,
        seconds: sum(ran.map(({ seconds }) => seconds)),
        money: addMoney(...own.map(spentOn), ...ran.map((run) => shares.get(run.id) ?? {})),
      };
    });
}
