import { isGitHubError } from '../github/errors.ts';
import type { Scope } from '../github/scope.ts';
import { entriesOfRecord, type LedgerEntry } from '../job/ledger/entry.ts';
import { COSTS_FOLDER, type MonthFile } from '../job/ledger/month-file.ts';
import { monthBefore, monthOf } from '../job/ledger/months.ts';
import { parseTicks } from '../job/ledger/parse-ticks.ts';
import { parseRecord } from '../job/report-format.ts';

/** Records read at one time. */
const AT_A_TIME = 8;

/** Blobs below `reports/` by path. */
export async function reportBlobs(scope: Scope, commit: string): Promise<Map<string, string>> {
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
export async function newEntries(
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
