import type { Reader, Tx } from './announce.ts';
import type { ModelCallRow } from './tables.ts';

/** Recorded when the call goes out and again, under the same id, with its answer: it counts once. */
export async function recordModelCall(tx: Tx, row: ModelCallRow): Promise<void> {
  const { id: _, ...answered } = row;
  await tx
    .insertInto('model_calls')
    .values(row)
    .onConflict((conflict) => conflict.column('id').doUpdateSet(answered))
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
