import { announce, type Reader, type Tx } from './announce.ts';
import type { JobRow, JobState } from './tables.ts';

/** Announced when a runner may find something: a job was queued, or what kept one waiting is gone. */
export const QUEUE_TOPIC = 'queue';

export function getJob(db: Reader, repoId: number, id: string): Promise<JobRow | undefined> {
  return db
    .selectFrom('jobs')
    .selectAll()
    .where('repo_id', '=', repoId)
    .where('id', '=', id)
    .executeTakeFirst();
}

/** Resolves to whether it was new; a job already there stays as it is. */
export async function insertJob(tx: Tx, row: JobRow): Promise<boolean> {
  if (row.state === 'queued') announce(tx, QUEUE_TOPIC);
  const result = await tx
    .insertInto('jobs')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}

export async function patchJob(
  tx: Tx,
  repoId: number,
  id: string,
  patch: Partial<Omit<JobRow, 'repo_id' | 'id'>>,
): Promise<void> {
  if (patch.state === 'queued') announce(tx, QUEUE_TOPIC);
  await tx.updateTable('jobs').set(patch).where('repo_id', '=', repoId).where('id', '=', id).execute();
}

/** Jobs in one of the states, the longest queued first. Without a repository: all of them. */
export function listJobsByState(db: Reader, states: readonly JobState[], repoId?: number): Promise<JobRow[]> {
  const query = db
    .selectFrom('jobs')
    .selectAll()
    .where('state', 'in', states)
    .orderBy('queued_at', (order) => order.asc().nullsFirst())
    .orderBy('id');
  return (repoId === undefined ? query : query.where('repo_id', '=', repoId)).execute();
}

/** Jobs that wait, run, or ended without their record being committed. */
export function listUnfinishedJobs(db: Reader, repoId: number): Promise<JobRow[]> {
  return db
    .selectFrom('jobs')
    .selectAll()
    .where('repo_id', '=', repoId)
    .where('state', 'not in', ['rejected', 'superseded'])
    .where('report_sha', 'is', null)
    .orderBy('id')
    .execute();
}

/** Jobs of the asks written in a thread, and the job whose PR the thread is; by id. */
export function listJobsForThread(db: Reader, repoId: number, thread: number): Promise<JobRow[]> {
  return db
    .selectFrom('jobs')
    .selectAll()
    .where('repo_id', '=', repoId)
    .where((where) =>
      where.or([
        where('pr_number', '=', thread),
        where(
          'ask_key',
          'in',
          where
            .selectFrom('asks')
            .select('asks.key')
            .where('asks.repo_id', '=', repoId)
            .where('asks.thread', '=', thread),
        ),
      ]),
    )
    .orderBy('id')
    .execute();
}

/** By id. */
export function listJobsForAsk(db: Reader, askKey: string): Promise<JobRow[]> {
  return db.selectFrom('jobs').selectAll().where('ask_key', '=', askKey).orderBy('id').execute();
}

/** By id. */
export function listJobsForPull(db: Reader, repoId: number, prNumber: number): Promise<JobRow[]> {
  return db
    .selectFrom('jobs')
    .selectAll()
    .where('repo_id', '=', repoId)
    .where('pr_number', '=', prNumber)
    .orderBy('id')
    .execute();
}

/** Ids that begin with `prefix`, such as the day `2025-11-22-`; with an empty one, all. */
export async function listJobIds(db: Reader, repoId: number, prefix: string): Promise<string[]> {
  const rows = await db
    .selectFrom('jobs')
    .select('id')
    .where('repo_id', '=', repoId)
    .where('id', '>=', prefix)
    .where('id', '<', `${prefix}\uffff`)
    .orderBy('id')
    .execute();
  return rows.map((row) => row.id);
}
