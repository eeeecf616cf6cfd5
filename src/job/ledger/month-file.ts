import { z } from 'zod';
import { type LedgerEntry, ledgerEntry } from './entry.ts';
import { type Money, type Rates, toUnits } from './money.ts';
import { type LedgerSummary, summarise } from './summarise.ts';

/** `reports/costs/<yyyy-mm>.json`: the entries of a month, and what they come to. */
export interface MonthFile {
  month: string;
  timeZone: string;
  /** The last day that is in it whole, and the commit whose records are in it. */
  through: { day: string; commit: string };
  entries: readonly LedgerEntry[];
}

const monthFile = z.object({
  version: z.literal(1),
  month: z.string().regex(/^\d{4}-\d{2}$/),
  time_zone: z.string(),
  through: z.strictObject({
    day: z.string().regex(/^\d{4}-\d{2}-\d{2}$/),
    commit: z.string().regex(/^[0-9a-f]{40}$/),
  }),
  entries: z.array(ledgerEntry),
});

export const COSTS_FOLDER = 'reports/costs/';

export function costsPath(month: string, kind: 'md' | 'json'): string {
  return `${COSTS_FOLDER}${month}.${kind}`;
}

/** Read back; null when it is not one (a person may have edited it): then it is made anew. */
export function parseMonth(text: string): MonthFile | null {
  try {
    const { month, time_zone: timeZone, through, entries } = monthFile.parse(JSON.parse(text));
    return { month, timeZone, through, entries };
  } catch {
    return null;
  }
}

/** One entry a line, so that a day's changes are a day's lines. The summary is for readers; nobody reads it back. */
export function renderMonth(file: MonthFile, rates: Rates | null): string {
  const head = {
    version: 1,
    month: file.month,
    time_zone: file.timeZone,
    through: file.through,
    summary: summaryJson(summarise(file.entries, rates)),
  };
  const lines = file.entries.map((entry) => `    ${JSON.stringify(entry)}`);
  const body = JSON.stringify(head, null, 2).slice(0, -2);
  return `${body},\n  "entries": [${lines.length > 0 ? `\n${lines.join(',\n')}\n  ` : ''}]\n}\n`;
}

function summaryJson(summary: LedgerSummary) {
  const money = (one: Money) => toUnits(one);
  const credits = (list: LedgerSummary['goals']) =>
    list.map(({ seconds, money: spent, ...one }) => ({
      ...one,
      runner_minutes: minutes(seconds),
      money: money(spent),
    }));
  return {
    total: money(summary.total),
    models: money(summary.models),
    fixed_total: money(summary.fixedTotal),
    input_tokens: summary.inputTokens,
    output_tokens: summary.outputTokens,
    unpriced_models: summary.unpriced,
    unanswered_calls: summary.unanswered,
    runs: summary.runs,
    runner_minutes: minutes(summary.seconds),
    jobs_succeeded: summary.succeeded,
    per_successful_job: summary.perSuccess === null ? null : money(summary.perSuccess),
    goals: credits(summary.goals),
    schedules: credits(summary.schedules),
    fixed: summary.fixed.map(({ name, days, money: spent }) => ({
      name,
      days,
      money: { changed: money(spent.changed), checked: money(spent.checked), idle: money(spent.idle) },
    })),
  };
}

const minutes = (seconds: number) => Math.round(seconds / 6) / 10;
