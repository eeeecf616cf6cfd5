import { CompiledQuery } from 'kysely';
import type { Reader, Tx } from './announce.ts';
import type { AskRow } from './tables.ts';

export function getAsk(db: Reader, key: string): Promise<AskRow | undefined> {
  return db.selectFrom('asks').selectAll().where('key', '=', key).executeTakeFirst();
}

function insertStatement(columns: string[]): string {
  const places = columns.map(() => '?').join(', ');
  return `insert into asks (${columns.join(', ')}) values (${places}) on conflict do nothing`;
}

/** Resolves to whether it was new; an ask already there stays as it is. */
export async function insertAsk(tx: Tx, row: AskRow): Promise<boolean> {
  const { numAffectedRows } = await tx.executeQuery(
    CompiledQuery.raw(insertStatement(Object.keys(row)), Object.values(row)),
  );
  return numAffectedRows === 1n;
}

export async function patchAsk(tx: Tx, key: string, patch: Partial<Omit<AskRow, 'key'>>): Promise<void> {
  await tx.updateTable('asks').set(patch).where('key', '=', key).execute();
}

/** Oldest first. */
export function listAsksForThread(db: Reader, repoId: number, thread: number): Promise<AskRow[]> {
  return db
    .selectFrom('asks')
    .selectAll()
    .where('repo_id', '=', repoId)
    .where('thread', '=', thread)
    .orderBy('created_at')
    .orderBy('key')
    .execute();
}

/** The ask whose job PR this is; the newest when it was replanned on the PR itself. */
export function findAskByPull(db: Reader, repoId: number, prNumber: number): Promise<AskRow | undefined> {
  return db
    .selectFrom('asks')
    .selectAll()
    .where('repo_id', '=', repoId)
    .where('pr_number', '=', prNumber)
    .orderBy('created_at', 'desc')
    .orderBy('key', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** Asks that still have something to come, oldest first. */
export function listOpenAsks(db: Reader, repoId: number): Promise<AskRow[]> {
  return db
    .selectFrom('asks')
    .selectAll()
    .where('repo_id', '=', repoId)
    .where('state', 'not in', ['ended', 'ignored'])
    .orderBy('created_at')
    .orderBy('key')
    .execute();
}
