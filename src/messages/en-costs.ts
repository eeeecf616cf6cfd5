import type { ExpectedRun } from '../job/ledger/estimate.ts';
import { formatMoney, type Money } from '../job/ledger/money.ts';
import { DAY_USES, type DayUse } from '../job/ledger/summarise.ts';
import { duration } from './en-views.ts';
import { code, link } from './markdown.ts';

const USES: Record<DayUse, string> = { changed: 'changed', checked: 'only checked', idle: 'idle' };
const days = (count: number) => (count === 1 ? '1 day' : `${count} days`);

/** What it costs, and whether the money does something. */
export const enCosts = {
  pullExpected: () => 'Expected run',
  pullExpectedRun: (p: ExpectedRun) => {
    const most = `at most ${duration(p.atMost)}`;
    const time =
      p.seconds === null
        ? `not known: nothing of its kind has run yet; ${most}`
        : `about ${duration(p.seconds)} on the runner${p.money ? ` and ${p.money} for the agent` : ''}, an estimate from ${p.runs === 1 ? 'one run' : `${p.runs} runs`} of its kind; ${most}`;
    return [time, ...p.daily.map(({ name, money }) => `${code(name)} costs ${money} a day anyway`)].join(
      '<br>',
    );
  },
  statusCosts: (p: {
    month: string;
    total: Money;
    succeeded: number;
    perSuccess: Money | null;
    url: string | undefined;
  }) => {
    const jobs = p.succeeded === 1 ? '1 job succeeded' : `${p.succeeded} jobs succeeded`;
    const each = p.perSuccess === null ? 'no job succeeded' : `${jobs}, ${formatMoney(p.perSuccess)} each`;
    return `${link('Costs', p.url)} of ${p.month} so far: ${formatMoney(p.total)}; ${each}.`;
  },
  statusFixed: (p: { name: string; days: Record<DayUse, number>; money: Record<DayUse, Money> }) =>
    `${code(p.name)}: ${DAY_USES.map((use) => `${USES[use]} ${days(p.days[use])} (${formatMoney(p.money[use])})`).join(', ')}`,
};
