import type { Reader, Tx } from './announce.ts';
import type { PlanRow } from './tables.ts';

export function getPlan(db: Reader, askKey: string, revision: number): Promise<PlanRow | undefined> {
  return db
    .selectFrom('plans')
    .selectAll()
    .where('ask_key', '=', askKey)
    .where('revision', '=', revision)
    .executeTakeFirst();
}

export function latestPlan(db: Reader, askKey: string): Promise<PlanRow | undefined> {
  return db
    .selectFrom('plans')
    .selectAll()
    .where('ask_key', '=', askKey)
    .orderBy('revision', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** By revision. */
export function listPlans(db: Reader, askKey: string): Promise<PlanRow[]> {
  return db.selectFrom('plans').selectAll().where('ask_key', '=', askKey).orderBy('revision').execute();
}

/** Resolves to whether it was new: a stored plan is never replaced. */
export async function insertPlan(tx: Tx, row: PlanRow): Promise<boolean> {
  const result = await tx
    .insertInto('plans')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}
