import type { Tx } from '../store/store.ts';

/**
 * Lets fences go on above `fence`, if they are not there yet: with the second of each start and with every
 * offer that is heard of, neither a lost database nor an old backup makes the app hand out one twice.
 */
export async function raiseFence(tx: Tx, fence: number): Promise<void> {
  await tx
    .updateTable('counters')
    .set({ value: fence })
    .where('name', '=', 'fence')
    .where('value', '<', fence)
    .execute();
}
