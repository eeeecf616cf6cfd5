import type { InstalledRepository } from '../github/app-reads.ts';
import { listInstallations, listRepositories as listInstalled } from '../github/app-reads.ts';
import type { Budget } from '../github/budget.ts';
import { isGitHubError } from '../github/errors.ts';
import type { LookMemory } from '../github/look.ts';
import type { Octokits } from '../github/octokit.ts';
import type { Log } from '../github/scope.ts';
import { listRepositories } from '../store/repositories.ts';
import { getScan, putMark, putScan } from '../store/scans.ts';
import type { Store } from '../store/store.ts';
import type { RepositoryRow } from '../store/tables.ts';
import type { Due, RepositoryFact } from './due.ts';
import { recordInto } from './record.ts';
import { firstSince } from './scan-repository.ts';

export interface InstallationDeps {
  store: Store;
  octokits: Octokits;
  budgetOf: (installationId: number) => Budget;
  memory: LookMemory;
  /** What every installation showed last: it still does when it says that nothing has changed. */
  listed: Listed;
  log: Log;
  now: () => number;
}

/** Repositories by id, by installation. */
export type Listed = Map<number, ReadonlyMap<number, InstalledRepository>>;

interface Change {
  fact?: RepositoryFact;
  due: Due[];
}

/** Records installations and repositories that were added, removed, suspended, renamed or archived. */
export async function scanInstallations(d: InstallationDeps, signal: AbortSignal): Promise<void> {
  const at = d.now();
  const installations = await listInstallations(d.octokits, d.memory, signal);
  const known = await listRepositories(d.store.db);
  const changes: Change[] = [];
  const looks: { keep(): void }[] = [];
  const listed: Listed = new Map();
  for (const { id, suspended } of installations) {
    const rows = known.filter((row) => row.installation_id === id);
    const state = suspended ? 'suspended' : 'active';
    const other = rows.some((row) => (suspended ? row.state === 'active' : row.state === 'suspended'));
    if (other) changes.push({ due: [{ kind: 'installation', id, state }] });
    if (suspended) continue;
    const found = await listInstalled(d.octokits, d.memory, id, d.budgetOf(id), signal).catch((err) => {
      // Suspended or removed a moment ago; the next look says which.
      if (!isGitHubError(err, 'suspended', 'gone', 'forbidden', 'not_found')) throw err;
      d.log.warn({ err, installation: id }, 'the repositories of an installation could not be read');
      return null;
    });
    if (!found) continue;
    looks.push(found);
    const before = found.same ? d.listed.get(id) : undefined;
    listed.set(id, before ?? new Map(found.items.map((repository) => [repository.id, repository])));
  }
  for (const [id, repositories] of listed) changes.push(...changesOf(id, repositories, known));
  const gone = known
    .filter(({ state }) => state !== 'gone')
    .filter((row) => isGone(row, installations, listed));
  if (gone.length > 0)
    changes.push({ due: [{ kind: 'repositories_removed', ids: gone.map(({ id }) => id) }] });
  const since = await firstSince(d.store.db, at);
  await d.store.write(async (tx) => {
    for (const change of changes) {
      await recordInto(tx, d.now(), { ...change, deliveryId: '' });
      const added = change.fact && !known.some(({ id }) => id === change.fact?.id) ? change.fact : null;
      // It was added after the last look, so whatever was written there since counts.
      if (added && !(await getScan(tx, added.id)))
        await putScan(tx, { repo_id: added.id, since, head: null, updated_at: at });
    }
    await putMark(tx, 'installations_read', at);
  });
  for (const found of looks) found.keep();
  for (const [id, repositories] of listed) d.listed.set(id, repositories);
}

/** Repositories that are new or not as the rows say; pure. */
export function changesOf(
  installationId: number,
  repositories: ReadonlyMap<number, InstalledRepository>,
  known: readonly RepositoryRow[],
): Change[] {
  return [...repositories.values()].flatMap((repository) => {
    const { id, owner, name, defaultBranch, archived } = repository;
    const fact: RepositoryFact = {
      id,
      owner,
      name,
      installation_id: installationId,
      default_branch: defaultBranch,
      state: archived ? 'archived' : 'active',
    };
    const row = known.find((one) => one.id === id);
    if (!row) return [{ fact, due: [] }];
    const equal = Object.entries(fact).every(([field, value]) => row[field as keyof typeof fact] === value);
    if (equal) return [];
    const from = row.owner === owner && row.name === name ? '' : `:${row.owner}/${row.name}`;
    return [{ fact, due: [{ kind: 'work', key: `repo:${id}${from}` }] }];
  });
}

/** No installation shows it any more; one that could not be read may. */
function isGone(
  row: RepositoryRow,
  installations: readonly { id: number }[],
  listed: ReadonlyMap<number, ReadonlyMap<number, unknown>>,
): boolean {
  if ([...listed.values()].some((repositories) => repositories.has(row.id))) return false;
  if (!installations.some(({ id }) => id === row.installation_id)) return true;
  return listed.has(row.installation_id);
}
