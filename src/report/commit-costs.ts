import { isGitHubError } from '../github/errors.ts';
import type { Scope } from '../github/scope.ts';
import type { BranchView, FileChange } from '../github/types.ts';
import { dayOf } from '../job/day.ts';
import {
  type CountedCall,
  entriesOfRecord,
  fixedEntries,
  type LedgerEntry,
  modelEntryOf,
} from '../job/ledger/entry.ts';
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
import { parseTicks } from '../job/ledger/parse-ticks.ts';
import { summarise } from '../job/ledger/summarise.ts';
import { parseRecord } from '../job/report-format.ts';
import { LOOP_PATH } from '../job/report-paths.ts';
import { costsCommitMessage } from '../messages/commit-messages.ts';
import { type LedgerCall, listCallsSince } from '../store/ledger-rows.ts';
import { listSchedules } from '../store/schedules.ts';
import { daysText, renderCosts } from './costs-md.ts';
import { updateLoop } from './loop-md.ts';
import { writeReports } from './reports-branch.ts';

/** Records read at one time. */
const AT_A_TIME = 8;

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

  const place = placer(files, today);
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

/**
 * To which month an entry belongs: where it stands already; else by its day, and a day that is still to come
 * (a runner's clock may be wrong) is today.
 */
function placer(files: ReadonlyMap<string, MonthFile>, today: string) {
  const owner = new Map(
    [...files.values()].flatMap(({ month, entries }) => entries.map(({ id }) => [id, month])),
  );
  return (entry: LedgerEntry, month: string): LedgerEntry[] => {
    const day = entry.day > today ? today : entry.day;
    return (owner.get(entry.id) ?? monthOf(day)) === month ? [{ ...entry, day }] : [];
  };
}

function monthOfPath(path: string): string | null {
  return new RegExp(`^${COSTS_FOLDER}(\\d{4}-\\d{2})\\.json$`).exec(path)?.[1] ?? null;
}

/** Blobs below `reports/` by path. */
async function reportBlobs(scope: Scope, commit: string): Promise<Map<string, string>> {
  const { client, signal } = scope;
  const root = await client.tree(commit, { recursive: false }, signal);
  const reports = root.entries.find((entry) => entry.path === 'reports' && entry.type === 'tree');
  if (!reports) return new Map();
  const tree = await client.tree(reports.sha, { recursive: true }, signal);
  if (tree.truncated) throw new Error(`GitHub lists not all of reports/ at ${commit}: move old ones away`);
  return new Map(
    tree.entries.filter(({ type }) => type === 'blob').map(({ path, sha }) => [`reports/${path}`, sha]),
  );
}

/**
 * From the records that are new since the ledger was last written, or changed. Before there is a ledger, or when
 * its commit is gone, from those that bear the month in their names; what it has already is not counted again.
 */
async function newEntries(
  scope: Scope,
  blobs: ReadonlyMap<string, string>,
  latest: MonthFile | null,
  day: string,
  read: Map<string, LedgerEntry[]>,
): Promise<LedgerEntry[]> {
  const known = latest ? await blobsThen(scope, latest.through.commit) : null;
  const since = monthBefore(latest ? monthBefore(latest.month) : monthOf(day));
  const isNew = (path: string, sha: string) => {
    if (known) return known.get(path) !== sha;
    const named = /\d{4}-\d{2}-\d{2}/.exec(path)?.[0];
    return named === undefined || monthOf(named) > since;
  };
  const wanted = [...blobs]
    .filter(([path]) => /\.(json|ndjson)$/.test(path) && !path.startsWith(COSTS_FOLDER))
    .filter(([path, sha]) => isNew(path, sha))
    .map(([, sha]) => sha);
  const missing = wanted.filter((sha) => !read.has(sha));
  for (let index = 0; index < missing.length; index += AT_A_TIME) {
    await Promise.all(
      missing.slice(index, index + AT_A_TIME).map(async (sha) => {
        const text = new TextDecoder().decode(await scope.client.readBlob(sha, scope.signal));
        const { modelPrices, timeZone } = scope.settings;
        const record = parseRecord(text);
        const records = record ? [record] : parseTicks(text);
        read.set(
          sha,
          records.flatMap((one) => entriesOfRecord(one, modelPrices, timeZone)),
        );
      }),
    );
  }
  return wanted.flatMap((sha) => read.get(sha) ?? []);
}

async function blobsThen(scope: Scope, commit: string): Promise<ReadonlyMap<string, string> | null> {
  try {
    return await reportBlobs(scope, commit);
  } catch (error) {
    // The branch was rewritten, and that commit is gone.
    if (isGitHubError(error, 'not_found', 'validation')) return null;
    throw error;
  }
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
