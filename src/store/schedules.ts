import type { Reader, Tx } from './announce.ts';
import type { ScheduleRow, TickRow } from './tables.ts';

export function getSchedule(db: Reader, repoId: number, name: string): Promise<ScheduleRow | undefined> {
  return db
    .selectFrom('schedules')
    .selectAll()
    .where('repo_id', '=', repoId)
    .where('name', '=', name)
    .executeTakeFirst();
}

/** By name. */
export function listSchedules(db: Reader, repoId: number): Promise<ScheduleRow[]> {
  return db.selectFrom('schedules').selectAll().where('repo_id', '=', repoId).orderBy('name').execute();
}

export async function putSchedule(tx: Tx, row: ScheduleRow): Promise<void> {
  const { repo_id: _repo, name: _name, ...changes } = row;
  await tx
    .insertInto('schedules')
    .values(row)
    .onConflict((conflict) => conflict.columns(['repo_id', 'name']).doUpdateSet(changes))
    .execute();
}

export async function patchSchedule(
  tx: Tx,
  repoId: number,
  name: string,
  patch: Partial<Omit<ScheduleRow, 'repo_id' | 'name'>>,
): Promise<void> {
  await tx
    .updateTable('schedules')
    .set(patch)
    .where('repo_id', '=', repoId)
    .where('name', '=', name)
    .execute();
}

export function getTick(db: Reader, repoId: number, id: string): Promise<TickRow | undefined> {
  return db
    .selectFrom('ticks')
    .selectAll()
    .where('repo_id', '=', repoId)
    .where('id', '=', id)
    .executeTakeFirst();
}

/** Resolves to whether it was new: a tick is made once, whoever makes it. */
export async function insertTick(tx: Tx, row: TickRow): Promise<boolean> {
  const result = await tx
    .insertInto('ticks')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return Number(result.numInsertedOrUpdatedRows ?? 0) > 0;
}

export async function patchTick(
  tx: Tx,
  repoId: number,
  id: string,
  patch: Partial<Omit<TickRow, 'repo_id' | 'id'>>,
): Promise<void> {
  await tx.updateTable('ticks').set(patch).where('repo_id', '=', repoId).where('id', '=', id).execute();
}

/** The ticks of a schedule that are not recorded in the repository, the oldest first. */
export function listUnrecordedTicks(db: Reader, repoId: number, schedule: string): Promise<TickRow[]> {
  return db
    .selectFrom('ticks')
    .selectAll()
    .where('repo_id', '=', repoId)
    .where('schedule', '=', schedule)
    .where('recorded', '=', 0)
    .orderBy('at')
    .execute();
}
