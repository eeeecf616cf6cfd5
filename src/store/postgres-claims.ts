import { type Kysely, sql } from 'kysely';
import type { Claims } from './claims.ts';
import type { Tables, WorkRow } from './tables.ts';

/** The database's clock, in ms: that of another process may differ, or jump. */
const DB_NOW = sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`;
/** In µs: a fence no other claim of this key had or will have, though its row is deleted when it is done. */
const FENCE = sql<number>`greatest(fence + 1, (extract(epoch from clock_timestamp()) * 1000000)::bigint)`;

/** For several processes on one database: an item is its owner's until `expires_at`. */
export function sharedClaims(db: Kysely<Tables>, me: string, holdMs: number): Claims {
  const expiry = sql<number>`${DB_NOW} + ${holdMs}::bigint`;
  const free = sql<boolean>`(expires_at is null or expires_at <= ${DB_NOW})`;
  return {
    owner: me,
    holdMs,
    async take(now, limit, running) {
      const { rows } = await sql<WorkRow>`
        with due as materialized (
          select key as due_key from work
          where stuck = 0 and due_at <= ${now} and ${free} and key <> all(${[...running]}::text[])
          order by due_at limit ${limit} for update skip locked)
        update work set owner = ${me}, fence = ${FENCE}, expires_at = ${expiry}
        from due where key = due_key returning work.*`.execute(db);
      return rows.sort((a, b) => a.due_at - b.due_at);
    },
    async isDue(now) {
      const row = await db
        .selectFrom('work')
        .select('key')
        .where('stuck', '=', 0)
        .where('due_at', '<=', now)
        .where(free)
        .limit(1)
        .executeTakeFirst();
      return row !== undefined;
    },
    async nextIn(now) {
      const due = db
        .selectFrom('work')
        .select((select) => select.fn.min('due_at').as('due_at'))
        .where('stuck', '=', 0)
        .where('due_at', '>', now);
      const held = db
        .selectFrom('work')
        .select(sql<number>`min(expires_at) - ${DB_NOW}`.as('wait'))
        .where('stuck', '=', 0)
        .where('owner', '<>', me)
        .where('expires_at', '>', DB_NOW);
      const [first, other] = await Promise.all([due.executeTakeFirst(), held.executeTakeFirst()]);
      const waits = [first?.due_at == null ? null : first.due_at - now, other?.wait ?? null];
      const known = waits.filter((wait) => wait !== null);
      return known.length > 0 ? Math.max(0, Math.min(...known)) : undefined;
    },
    async renew(tx, held) {
      const keys = held.map(({ key }) => key);
      const { rows } = await sql<{ key: string; fence: number }>`
        update work set expires_at = ${expiry} where owner = ${me} and key = any(${keys}::text[])
        returning key, fence`.execute(tx);
      return rows;
    },
    async release({ key, fence }) {
      await db
        .updateTable('work')
        .set({ owner: null, expires_at: null })
        .where('key', '=', key)
        .where('fence', '=', fence)
        .execute();
    },
  };
}
