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
  await tx
    .insertInto('work')
    .values({
      key,
      due_at: dueAt,
      generation: 1,
      attempts: 0,
      owner: null,
      fence: 0,
      expires_at: null,
      last_error: null,
      stuck: 0,
    })
    .onConflict((conflict) =>
      conflict.column('key').doUpdateSet((set) => ({
        generation: set('work.generation', '+', 1),
        due_at: set
          .case()
          .when('work.stuck', '=', 1)
          .then(dueAt)
          .when('work.due_at', '<', dueAt)
          .then(set.ref('work.due_at'))
          .else(dueAt)
          .end(),
        attempts: set.case().when('work.stuck', '=', 1).then(0).else(set.ref('work.attempts')).end(),
        stuck: 0,
      })),
    )
    .execute();
  announce(tx, WORK_TOPIC);
}

export function getWork(db: Reader, key: string): Promise<WorkRow | undefined> {
  return db.selectFrom('work').selectAll().where('key', '=', key).executeTakeFirst();
}

/** Items given up on whose key begins with `prefix` (`ask:<repo>:`), by key; with an empty one, all. */
export function listStuck(db: Reader, prefix = ''): Promise<WorkRow[]> {
  return db
    .selectFrom('work')
    .selectAll()
    .where('stuck', '=', 1)
    .where('key', '>=', prefix)
    .where('key', '<', `${prefix}\uffff`)
    .orderBy('key')
    .execute();
}
