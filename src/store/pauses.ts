import type { Reader, Tx } from './announce.ts';
import type { Store } from './store.ts';
import type { PauseRow } from './tables.ts';

/** Stands for every repository: the app itself is paused. */
export const EVERY_REPOSITORY = 0;

/** The pauses of a repository, those of the whole app first. */
export function listPauses(db: Reader, repoId: number): Promise<PauseRow[]> {
  return db
    .selectFrom('pauses')
    .selectAll()
    .where('repo_id', 'in', [EVERY_REPOSITORY, repoId])
    .orderBy('repo_id')
    .orderBy('source')
    .execute();
}

/** Ids of paused repositories. */
export async function pausedRepositories(db: Reader): Promise<Set<number>> {
  const rows = await db.selectFrom('pauses').select('repo_id').execute();
  return new Set(rows.map((row) => row.repo_id));
}

/** Resolves to whether it was new. */
export async function addPause(tx: Tx, row: PauseRow): Promise<boolean> {
  const result = await tx
    .insertInto('pauses')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return Number(result.numInsertedOrUpdatedRows ?? 0) > 0;
}

/** Resolves to whether there was one. */
export async function removePause(tx: Tx, repoId: number, source: PauseRow['source']): Promise<boolean> {
  const result = await tx
    .deleteFrom('pauses')
    .where('repo_id', '=', repoId)
    .where('source', '=', source)
    .executeTakeFirst();
  return Number(result.numDeletedRows) > 0;
}

/** Notes whether the app as a whole is paused, for the leases and the messages. */
export async function keepPause(store: Store, paused: boolean): Promise<void> {
  await store.write(async (tx) => {
    if (!paused) await removePause(tx, EVERY_REPOSITORY, 'app');
    else await addPause(tx, { repo_id: EVERY_REPOSITORY, source: 'app', login: null, at: store.now() });
  });
}
