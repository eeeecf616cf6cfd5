import { sql } from 'kysely';
import { announce, type Reader, type Tx, writeTime } from './announce.ts';
import type { WorkRow } from './tables.ts';

/** Announced when a work item was recorded. */
export const WORK_TOPIC = 'work';

/**
 * Records that `key` has something to be done from `dueAt` on (ms since the epoch, default now). An item
 * that is there already becomes due at the earlier of both times and is no longer stuck. One that is being
 * worked on is worked on again as soon as that ends, even if `dueAt` is later: effects decide by their state.
 */
export async function enqueue(tx: Tx, key: string, dueAt = writeTime(tx)): Promise<void> {
  // As a template: building the query anew for every delivery took longer than running it (0.25 ms, bench `ack`).
  await sql`
    insert into work (key, due_at, generation, attempts, owner, fence, expires_at, last_error, stuck)
    values (${key}, ${dueAt}, 1, 0, null, 0, null, null, 0)
    on conflict (key) do update set
      generation = work.generation + 1,
      due_at = case
        when work.stuck = 0 and work.due_at < excluded.due_at then work.due_at
        else excluded.due_at end,
      attempts = case when work.stuck > 0 then 0 else work.attempts end,
      stuck = 0`.execute(tx);
  announce(tx, WORK_TOPIC);
}

/**
 * Makes everything due that waits for its time: after the clock was set back, that is as far away as the clock
 * was ahead. To be early does no harm: effects decide by their state, and limits are told again.
 */
export async function wakeWaiting(tx: Tx, now: number): Promise<void> {
  await tx
    .updateTable('work')
    .set({ due_at: now })
    .where('due_at', '>', now)
    .where('stuck', '=', 0)
    .execute();
  announce(tx, WORK_TOPIC);
}

/** Whether something was written at a time that is still to come: then the clock was set back since. */
export async function hasFuture(db: Reader, now: number): Promise<boolean> {
  const row = await db
    .selectFrom('published')
    .select('key')
    .where('updated_at', '>', now)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

export function getWork(db: Reader, key: string): Promise<WorkRow | undefined> {
  return db.selectFrom('work').selectAll().where('key', '=', key).executeTakeFirst();
}

/** Items given up on whose key begins with `prefix` (`ask:<repo>:`), by key; with an empty one, all. */
export function listStuck(db: Reader, prefix = ''): Promise<WorkRow[]> {
  return db
    .selectFrom('work')
    .selectAll()
    .where('stuck', '>', 0)
    .where('key', '>=', prefix)
    .where('key', '<', `${prefix}\uffff`)
    .orderBy('key')
    .execute();
}

/** Between two tries of an item that was given up because of an outage. */
const OUTAGE_RETRY_MS = 5 * 60_000;

/**
 * Lets what an outage made stuck be tried once more, each item at most every five minutes. Its failures stay
 * counted: it is stuck again, and nobody is told twice, if the outage goes on.
 */
export async function wakeOutages(tx: Tx, now = writeTime(tx)): Promise<void> {
  const { numUpdatedRows } = await tx
    .updateTable('work')
    .set({ stuck: 0, due_at: now })
    .where('stuck', '=', 2)
    .where('due_at', '<=', now - OUTAGE_RETRY_MS)
    .executeTakeFirst();
  if (numUpdatedRows > 0n) announce(tx, WORK_TOPIC);
}
