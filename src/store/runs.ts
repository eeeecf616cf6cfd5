import type { Reader, Tx } from './announce.ts';
import type { RunRow } from './tables.ts';

export function getRun(db: Reader, id: string): Promise<RunRow | undefined> {
  return db.selectFrom('runs').selectAll().where('id', '=', id).executeTakeFirst();
}

/** The run with the highest fence. */
export function latestRun(db: Reader, repoId: number, jobId: string): Promise<RunRow | undefined> {
  return db
    .selectFrom('runs')
    .selectAll()
    .where('repo_id', '=', repoId)
    .where('job_id', '=', jobId)
    .orderBy('fence', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** Oldest first; includes those returned to the queue, which share their attempt's number. */
export function listRuns(db: Reader, repoId: number, jobId: string): Promise<RunRow[]> {
  return db
    .selectFrom('runs')
    .selectAll()
    .where('repo_id', '=', repoId)
    .where('job_id', '=', jobId)
    .orderBy('fence')
    .execute();
}

export async function insertRun(tx: Tx, row: RunRow): Promise<void> {
  await tx.insertInto('runs').values(row).execute();
}

export async function patchRun(tx: Tx, id: string, patch: Partial<Omit<RunRow, 'id'>>): Promise<void> {
  await tx.updateTable('runs').set(patch).where('id', '=', id).execute();
}
