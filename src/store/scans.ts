import type { Reader, Tx } from './announce.ts';
import type { ScanRow } from './tables.ts';

export function getScan(db: Reader, repoId: number): Promise<ScanRow | undefined> {
  return db.selectFrom('scans').selectAll().where('repo_id', '=', repoId).executeTakeFirst();
}

export async function putScan(tx: Tx, row: ScanRow): Promise<void> {
  const { repo_id: _, ...changes } = row;
  await tx
    .insertInto('scans')
    .values(row)
    .onConflict((conflict) => conflict.column('repo_id').doUpdateSet(changes))
    .execute();
}

/** Times the reconciler keeps that belong to no repository, in ms since the epoch. */
export type Mark = 'installations_read' | 'deliveries_read';

export async function getMark(db: Reader, mark: Mark): Promise<number | undefined> {
  const row = await db.selectFrom('counters').select('value').where('name', '=', mark).executeTakeFirst();
  return row?.value;
}

export async function putMark(tx: Tx, mark: Mark, value: number): Promise<void> {
  await tx
    .insertInto('counters')
    .values({ name: mark, value })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
    .execute();
}
