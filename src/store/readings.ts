import type { Reader, Tx } from './announce.ts';
import type { ReadingRow } from './tables.ts';

export function getReading(db: Reader, key: string): Promise<ReadingRow | undefined> {
  return db.selectFrom('readings').selectAll().where('key', '=', key).executeTakeFirst();
}

/** A stored reading is never replaced. */
export async function insertReading(tx: Tx, row: ReadingRow): Promise<void> {
  await tx
    .insertInto('readings')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}
