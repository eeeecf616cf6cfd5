import type { Scope } from '../github/scope.ts';
import { dayOf } from '../job/day.ts';
import { entriesOfRecord, fixedEntries, modelEntryOf } from '../job/ledger/entry.ts';
import { mergeEntries } from '../job/ledger/merge-entries.ts';
import { costsPath, parseMonth } from '../job/ledger/month-file.ts';
import { dayBefore, daysOf, monthOf } from '../job/ledger/months.ts';
import { type LedgerSummary, summarise } from '../job/ledger/summarise.ts';
import { parseJob } from '../job/parse-job.ts';
import { buildRecord, jobFacts, runEntry } from '../job/report-format.ts';
import { approvedPath } from '../job/tick-id.ts';
import { listCallsSince, listJudgedSince } from '../store/ledger-rows.ts';
import { countedCall } from './commit-costs.ts';
import { FALLBACK_REPORTS_BRANCH } from './reports-branch.ts';

export interface MonthSoFar {
  /** `2026-11`. */
  month: string;
  summary: LedgerSummary;
  /** Where the month's file stands, as `<branch>/<path>`; null: there is none yet. */
  file: string | null;
}

/** What the committed file has, and what came since; fixed costs up to yesterday. */
export async function monthSoFar(scope: Scope): Promise<MonthSoFar> {
  const { settings, store, repo } = scope;
  const today = dayOf(scope.now(), settings.timeZone).name;
  const month = monthOf(today);
  const committed = await readMonth(scope, month);
  // A day early: it begins at another time where the repository is.
  const since = Date.parse(`${dayBefore(`${month}-01`)}T00:00:00Z`);
  const prices = settings.modelPrices;
  const calls = await listCallsSince(store.db, repo.id, since);
  const judged = await listJudgedSince(store.db, repo.id, since);
  const stored = [
    ...calls.map((call) => modelEntryOf(countedCall(call), prices, settings.timeZone)),
    ...judged.flatMap((row) => {
      const file = parseJob(row.file, { path: approvedPath(row.id) });
      const about = { id: row.id, job_digest: row.digest, ...(file.ok ? jobFacts(file.job) : {}) };
      const record = buildRecord(null, runEntry.parse(JSON.parse(row.verdict ?? 'null')), about);
      return entriesOfRecord(record, prices, settings.timeZone);
    }),
  ].filter((entry) => monthOf(entry.day) === month);
  const entries = mergeEntries({
    committed: committed?.entries ?? [],
    recorded: [],
    stored: [...stored, ...fixedEntries(settings.costs.costs, daysOf(month, dayBefore(today)))],
  });
  return { month, summary: summarise(entries, settings.costs.rates), file: committed?.file ?? null };
}

async function readMonth(scope: Scope, month: string) {
  const { branch } = scope.settings.reports;
  for (const ref of branch ? [branch] : [scope.repo.default_branch, FALLBACK_REPORTS_BRANCH]) {
    const file = await scope.client.readFile(costsPath(month, 'json'), ref, scope.signal);
    const read = file && parseMonth(file.text);
    if (read) return { entries: read.entries, file: `${ref}/${costsPath(month, 'md')}` };
  }
  return null;
}
