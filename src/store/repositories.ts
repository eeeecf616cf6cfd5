import type { Reader, Tx } from './announce.ts';
import type { RepositoryRow } from './tables.ts';

export function getRepository(db: Reader, id: number): Promise<RepositoryRow | undefined> {
  return db.selectFrom('repositories').selectAll().where('id', '=', id).executeTakeFirst();
}

/** By `owner/name`, without regard to case, as GitHub does. A repository that is gone is not found. */
export async function findRepository(
  db: Reader,
  owner: string,
  name: string,
): Promise<RepositoryRow | undefined> {
  const wanted = fullName({ owner, name });
  const rows = await db.selectFrom('repositories').selectAll().where('state', '!=', 'gone').execute();
  return rows.find((row) => fullName(row) === wanted);
}

/** All of them, or those in one state. */
export function listRepositories(db: Reader, state?: RepositoryRow['state']): Promise<RepositoryRow[]> {
  const query = db.selectFrom('repositories').selectAll().orderBy('id');
  return (state ? query.where('state', '=', state) : query).execute();
}

export async function putRepository(tx: Tx, row: RepositoryRow): Promise<void> {
  const { id: _, ...changes } = row;
  await tx
    .insertInto('repositories')
    .values(row)
    .onConflict((conflict) => conflict.column('id').doUpdateSet(changes))
    .execute();
}

export async function patchRepository(
  tx: Tx,
  id: number,
  patch: Partial<Omit<RepositoryRow, 'id'>>,
): Promise<void> {
  await tx.updateTable('repositories').set(patch).where('id', '=', id).execute();
}

/** `owner/name` in lower case: how tokens name repositories. */
export function fullName(repository: Pick<RepositoryRow, 'owner' | 'name'>): string {
  return `${repository.owner}/${repository.name}`.toLowerCase();
}
