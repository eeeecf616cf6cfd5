import { addMoney, formatMoney, type Rates } from '../job/ledger/money.ts';
import type { MonthFile } from '../job/ledger/month-file.ts';
import type { FixedSummary, LedgerSummary } from '../job/ledger/summarise.ts';
import { type CreditSummary, DAY_USES, summarise } from '../job/ledger/summarise.ts';
import { formatCount } from '../messages/format.ts';
import { codeCell, paragraphs } from '../messages/markdown.ts';

/** Jobs listed, the dearest first; the .json has every run. */
const JOBS_SHOWN = 10;

/** `reports/costs/<yyyy-mm>.md`, in English like reports/loop.md: one file for everybody who reads the repository. */
export function renderCosts(file: MonthFile, rates: Rates | null): string {
  const summary = summarise(file.entries, rates);
  return `${paragraphs(
    `# Costs of ${file.month}`,
    `Up to ${file.through.day} (${file.timeZone}), what came later in part. guruguru writes this file once a day; every entry is in [${file.month}.json](${file.month}.json).`,
    totals(summary, rates),
    summary.fixed.length > 0 &&
      `## Fixed costs by what was done\n\n${fixedTable(summary.fixed)}\n\nchanged: a job that says it changes things succeeded that day. checked: jobs only looked. idle: nothing came to an end there.`,
    summary.goals.length > 0 && `## Goals\n\n${creditTable('goal', summary.goals)}`,
    summary.schedules.length > 0 && `## Schedules\n\n${creditTable('schedule', summary.schedules)}`,
    summary.jobs.length > 0 &&
      `## Jobs${summary.jobs.length > JOBS_SHOWN ? `, the dearest ${JOBS_SHOWN} of ${summary.jobs.length}` : ''}\n\n${creditTable('job', summary.jobs.slice(0, JOBS_SHOWN))}`,
    'Money of a job, goal or schedule: its model calls, and its part of the fixed costs of the days on which it touched them.',
  )}\n`;
}

function totals(s: LedgerSummary, rates: Rates | null): string {
  const { runs } = s;
  const ended = runs.succeeded + runs.failed + runs.cancelled + runs.lost;
  const rows: [string, string][] = [
    ['**Total**', `**${formatMoney(s.total)}**`],
    [
      'Models',
      `${formatMoney(s.models)} (${formatCount(s.inputTokens)} tokens in, ${formatCount(s.outputTokens)} out)`,
    ],
    ['Fixed', formatMoney(s.fixedTotal)],
    [
      'Per successful job',
      s.perSuccess === null ? 'no job succeeded' : `${formatMoney(s.perSuccess)} (total by ${s.succeeded})`,
    ],
    [
      'Runs',
      `${ended}: ${runs.succeeded} succeeded, ${runs.failed} failed, ${runs.cancelled} cancelled, ${runs.lost} lost`,
    ],
    ['Runner time', minutes(s.seconds)],
  ];
  const notes = [
    s.unpriced.length > 0 &&
      `Without a known price, and so not in the total: ${s.unpriced.map((one) => codeCell(one)).join(', ')} (\`model_prices\`).`,
    s.unanswered > 0 && `Calls whose answer was lost in a crash, cost not known: ${s.unanswered}.`,
    rates !== null &&
      `Put into ${rates.to}: ${Object.entries(rates.from)
        .map(([currency, rate]) => `${currency} 1 = ${rates.to} ${rate}`)
        .join(', ')}.`,
  ];
  return paragraphs(
    ['| | |', '|---|---|', ...rows.map(([name, text]) => `| ${name} | ${text} |`)].join('\n'),
    ...notes,
  );
}

function fixedTable(fixed: readonly FixedSummary[]): string {
  return [
    '| cost | changed | checked | idle | total |',
    '|---|---|---|---|---|',
    ...fixed.map(({ name, days, money }) => {
      const uses = DAY_USES.map((use) => `${daysText(days[use])}, ${formatMoney(money[use])}`);
      const whole = formatMoney(addMoney(...DAY_USES.map((use) => money[use])));
      return `| ${[codeCell(name), ...uses, whole].join(' | ')} |`;
    }),
  ].join('\n');
}

function creditTable(what: string, credits: readonly CreditSummary[]): string {
  return [
    `| ${what} | runs | succeeded | runner time | money |`,
    '|---|---|---|---|---|',
    ...credits.map(
      (one) =>
        `| ${[codeCell(one.id), one.runs, one.succeeded, minutes(one.seconds), formatMoney(one.money)].join(' | ')} |`,
    ),
  ].join('\n');
}

export function daysText(days: number): string {
  return days === 1 ? '1 day' : `${days} days`;
}

const minutes = (seconds: number) => `${formatCount(Math.round(seconds / 60))} min`;
