import type { Reader, Tx } from './announce.ts';
import type { PullRow } from './tables.ts';

export function getPull(db: Reader, repoId: number, number: number): Promise<PullRow | undefined> {
  return db
    .selectFrom('pulls')
    .selectAll()
    .where('repo_id', '=', repoId)
    .where('number', '=', number)
    .executeTakeFirst();
}

export async function putPull(tx: Tx, row: PullRow): Promise<void> {
  const { repo_id: _repo, number: _number, ...changes } = row;
  await tx
    .insertInto('pulls')
    .values(row)
    .onConflict((conflict) => conflict.columns(['repo_id', 'number']).doUpdateSet(changes))
    .execute();
}

export function listPulls(db: Reader, repoId: number): Promise<PullRow[]> {
  return db.selectFrom('pulls').selectAll().where('repo_id', '=', repoId).orderBy('number').execute();
}
