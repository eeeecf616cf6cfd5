import type { Reader, Tx } from './announce.ts';
import type { CommandRow } from './tables.ts';

export function getCommand(db: Reader, key: string): Promise<CommandRow | undefined> {
  return db.selectFrom('commands').selectAll().where('key', '=', key).executeTakeFirst();
}

/** Resolves to whether it was new; a command already there stays as it is. */
export async function insertCommand(tx: Tx, row: CommandRow): Promise<boolean> {
  const result = await tx
    .insertInto('commands')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  return result.numInsertedOrUpdatedRows === 1n;
}

export async function patchCommand(
  tx: Tx,
  key: string,
  patch: Partial<Omit<CommandRow, 'key'>>,
): Promise<void> {
  await tx.updateTable('commands').set(patch).where('key', '=', key).execute();
}
