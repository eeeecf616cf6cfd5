import { sql } from 'kysely';
import type { Reader, Tx } from './announce.ts';
import type { AskRow } from './tables.ts';

export function getAsk(db: Reader, key: string): Promise<AskRow | undefined> {
  return db.selectFrom('asks').selectAll().where('key', '=', key).executeTakeFirst();
}

/** Resolves to whether it was new; an ask already there stays as it is. */
export async function insertAsk(tx: Tx, row: AskRow): Promise<boolean> {
  // As a template: every comment comes through here, and building the query took longer than running it.
  const columns = sql.join(Object.keys(row).map((column) => sql.ref(column)));
  const { numAffectedRows } = await sql`
    insert into asks (${columns}) values (${sql.join(Object.values(row))}) on conflict do nothing`.execute(
    tx,
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
