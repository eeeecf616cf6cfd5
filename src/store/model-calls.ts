import type { Reader, Tx } from './announce.ts';
import type { ModelCallRow } from './tables.ts';

/** A call recorded under the same id counts once. */
export async function insertModelCall(tx: Tx, row: ModelCallRow): Promise<void> {
  await tx
    .insertInto('model_calls')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Oldest first. */
export function listModelCalls(db: Reader, askKey: string): Promise<ModelCallRow[]> {
  return db
    .selectFrom('model_calls')
    .selectAll()
    .where('ask_key', '=', askKey)
    .orderBy('at')
    .orderBy('id')
    .execute();
}
