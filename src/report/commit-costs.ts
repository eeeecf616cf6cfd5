import type { Scope } from '../github/scope.ts';
import type { BranchView, FileChange } from '../github/types.ts';
import { dayOf } from '../job/day.ts';
import { type CountedCall, fixedEntries, type LedgerEntry, modelEntryOf } from '../job/ledger/entry.ts';
import { mergeEntries } from '../job/ledger/merge-entries.ts';
import { formatMoney } from '../job/ledger/money.ts';
import {
  COSTS_FOLDER,
  costsPath,
  type MonthFile,
  parseMonth,
  renderMonth,
} from '../job/ledger/month-file.ts';
import { dayBefore, daysOf, monthBefore, monthOf, monthsBetween } from '../job/ledger/months.ts';
import { placeEntries } from '../job/ledger/place-entry.ts';
import { summarise } from '../job/ledger/summarise.ts';
import { LOOP_PATH } from '../job/report-paths.ts';
import { costsCommitMessage } from '../messages/commit-messages.ts';
import { type LedgerCall, listCallsSince } from '../store/ledger-rows.ts';
import { listSchedules } from '../store/schedules.ts';
import { daysText, renderCosts } from './costs-md.ts';
import { updateLoop } from './loop-md.ts';
import { newEntries, reportBlobs } from './new-records.ts';
import { writeReports } from './reports-branch.ts';

/**
 * Commits the ledger up to yesterday, once a day: what the month's file on the branch says is what was done,
 * so neither another app nor a new database does it again. Resolves to whether there was something to write.
 */
export async function commitCosts(scope: Scope): Promise<boolean> {
  const today = dayOf(scope.now(), scope.settings.timeZone).name;
  const read = new Map<string, LedgerEntry[]>();
  const outcome = await writeReports(scope, (branch) => ({
    branch,
    message: costsCommitMessage(dayBefore(today), scope.settings.reports.skipCi),
    files: (at: BranchView) => costFiles(scope, at, today, read),
  }));
  return outcome.kind === 'committed';
}

/** The files that a commit on this head has to write; null: the day is in already. `read`: entries by blob. */
async function costFiles(
  scope: Scope,
  at: BranchView,
  today: string,
  read: Map<string, LedgerEntry[]>,
): Promise<FileChange[] | null> {
  const day = dayBefore(today);
  const blobs = await reportBlobs(scope, at.headSha);
  const months = [...blobs.keys()]
    .flatMap((path) => monthOfPath(path) ?? [])
    .filter((month) => month <= monthOf(today));
  const files = new Map<string, MonthFile>();
  const load = async (month: string) => {
    if (files.has(month) || !months.includes(month)) return;
    const file = parseMonth((await at.readFile(costsPath(month, 'json')))?.text ?? '');
    if (file) files.set(month, file);
  };
  const newest = months.toSorted().at(-1);
  if (newest) await load(newest);
  const latest = newest ? files.get(newest) : undefined;
  if (latest && latest.through.day >= day) return null;

  const recorded = await newEntries(scope, blobs, latest ?? null, day, read);
  const first = latest?.month ?? monthOf(day);
  for (const month of [monthBefore(first), first, ...recorded.map((entry) => monthOf(entry.day))])
    await load(month);
  const from = [first, ...files.keys()].reduce((a, b) => (a < b ? a : b));
  const stored = await storedCalls(scope, dayBefore(`${from}-01`));
  const due = [
    ...new Set([...files.keys(), ...monthsBetween(first, monthOf(day)), monthOf(day), monthOf(today)]),
  ];

  const place = placeEntries(files.values(), today);
  const changes: FileChange[] = [];
  for (const month of due.sort()) {
    const file = files.get(month);
    const here = (entries: readonly LedgerEntry[]) => entries.flatMap((entry) => place(entry, month));
    const entries = mergeEntries({
      committed: file?.entries ?? [],
      recorded: here(recorded),
      stored: [...here(stored), ...fixedEntries(scope.settings.costs.costs, daysOf(month, day))],
    });
    if (JSON.stringify(entries) === JSON.stringify(file?.entries ?? [])) continue;
    const made = { month, timeZone: scope.settings.timeZone, through: { day, commit: at.headSha }, entries };
    files.set(month, made);
    changes.push({ path: costsPath(month, 'json'), content: renderMonth(made, scope.settings.costs.rates) });
    changes.push({ path: costsPath(month, 'md'), content: renderCosts(made, scope.settings.costs.rates) });
  }
  const now = files.get(monthOf(today)) ?? files.get(monthOf(day));
  if (changes.length > 0 && now) changes.push(await loopFile(scope, at, now));
  return changes;
}

/** How the fixed costs stand this month, in `reports/loop.md`; of schedules that are gone it says nothing more. */
async function loopFile(scope: Scope, at: BranchView, file: MonthFile): Promise<FileChange> {
  const { fixed } = summarise(file.entries, scope.settings.costs.rates);
  const costs = fixed.map(({ name, days, money }) => {
    const whole = days.changed + days.checked + days.idle;
    const text = `idle ${days.idle} of ${daysText(whole)} (${formatMoney(money.idle)}), only checked ${days.checked}, changed ${days.changed}; ${file.month} up to ${file.through.day}`;
    return { key: name, text };
  });
  const gone = (await listSchedules(scope.store.db, scope.repo.id)).filter(({ state }) => state === 'gone');
  const schedules = gone.map(({ name }) => ({ key: name, text: null }));
  const before = (await at.readFile(LOOP_PATH))?.text ?? null;
  return { path: LOOP_PATH, content: updateLoop(before, { costs, schedules }) };
}

function monthOfPath(path: string): string | null {
  return new RegExp(`^${COSTS_FOLDER}(\\d{4}-\\d{2})\\.json$`).exec(path)?.[1] ?? null;
}

/** From the day `from` on. */
async function storedCalls(scope: Scope, from: string): Promise<LedgerEntry[]> {
  const { modelPrices, timeZone } = scope.settings;
  const calls = await listCallsSince(scope.store.db, scope.repo.id, Date.parse(`${from}T00:00:00Z`));
  return calls.map((call) => modelEntryOf(countedCall(call), modelPrices, timeZone));
}

export function countedCall(call: LedgerCall): CountedCall {
  return {
    id: call.id,
    model: call.model,
    input: Number(call.input_tokens),
    output: Number(call.output_tokens),
    at: Number(call.at),
    answered: call.outcome !== 'unanswered',
    ...(call.goal_id ? { goal: call.goal_id } : call.job_id ? { job: call.job_id } : {}),
  };
}
