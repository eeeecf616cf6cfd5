import { getPublished } from '../store/published.ts';
import type { Store, Tx } from '../store/store.ts';

/**
 * Replies an hour and repository to people who may not write. Everyone who reads a public repository can
 * comment there, and each reply is taken from the 500 an hour that GitHub lets the app write.
 */
export const REFUSALS_AN_HOUR = 10;
const HOUR_MS = 3_600_000;

/** `last`: said with the reply; after it nobody without write access is answered until `until` (ms). */
export type RefusalAllowance = { kind: 'reply' } | { kind: 'last'; until: number } | { kind: 'silence' };

/** Takes one of the hour's replies. `key`: the comment's; one that went out before is not counted again. */
export async function takeRefusal(
  store: Store,
  repoId: number,
  key: string,
  now: number,
): Promise<RefusalAllowance> {
  const said = await getPublished(store.db, key);
  // 0: it was only looked for, or not heard of since.
  if (said !== undefined && said.github_id > 0) return { kind: 'reply' };
  const hour = Math.floor(now / HOUR_MS);
  const taken = await store.write((tx) => count(tx, `refusals:${repoId}:`, hour));
  if (taken < REFUSALS_AN_HOUR) return { kind: 'reply' };
  return taken === REFUSALS_AN_HOUR ? { kind: 'last', until: (hour + 1) * HOUR_MS } : { kind: 'silence' };
}

/** This hour's count after this one; earlier hours' are forgotten. */
async function count(tx: Tx, prefix: string, hour: number): Promise<number> {
  const name = `${prefix}${hour}`;
  await tx.deleteFrom('counters').where('name', 'like', `${prefix}%`).where('name', '!=', name).execute();
  const row = await tx
    .insertInto('counters')
    .values({ name, value: 1 })
    .onConflict((conflict) =>
      conflict.column('name').doUpdateSet((set) => ({ value: set('counters.value', '+', 1) })),
    )
    .returning('value')
    .executeTakeFirstOrThrow();
  return row.value;
}
