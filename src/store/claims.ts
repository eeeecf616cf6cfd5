import type { Reader, Tx } from './announce.ts';
import type { WorkRow } from './tables.ts';

/** An item as it was taken. Its outcome counts only while the row has this fence. */
export type Claim = Pick<WorkRow, 'key' | 'fence'>;

/** Whose an item of work is. Times are ms since the epoch. */
export interface Claims {
  /** What `work.owner` says of this process; null where it is the only one. */
  owner: string | null;
  /** How long an item stays ours without `renew`, in ms; Infinity when nobody else can take it. */
  holdMs: number;
  /** Takes due items that nobody works on, the longest due first, and none whose key is in `running`. */
  take(now: number, limit: number, running: ReadonlySet<string>): Promise<WorkRow[]>;
  /** Whether `take` would find something. */
  isDue(now: number): Promise<boolean>;
  /** Ms until an item becomes due, or one that another process holds becomes free; undefined: none will. */
  nextIn(now: number): Promise<number | undefined>;
  /** Resolves to those of `held` that are still ours, for another `holdMs`. A write, so that it waits for no other halfway. */
  renew(tx: Tx, held: readonly Claim[]): Promise<Claim[]>;
  /** Lets go of an item whose outcome is not known: somebody else may take it at once. */
  release(claim: Claim): Promise<void>;
}

/** For the one process of a database: all is its own, so what a dead one worked on is free at once. */
export function soleClaims(db: Reader): Claims {
  const due = (now: number, limit: number) =>
    db
      .selectFrom('work')
      .selectAll()
      .where('stuck', '=', 0)
      .where('due_at', '<=', now)
      .orderBy('due_at')
      .limit(limit)
      .execute();
  return {
    owner: null,
    holdMs: Number.POSITIVE_INFINITY,
    async take(now, limit, running) {
      const items = await due(now, limit + running.size);
      return items.filter((item) => !running.has(item.key)).slice(0, limit);
    },
    isDue: async (now) => (await due(now, 1)).length > 0,
    async nextIn(now) {
      const row = await db
        .selectFrom('work')
        .select('due_at')
        .where('stuck', '=', 0)
        .where('due_at', '>', now)
        .orderBy('due_at')
        .limit(1)
        .executeTakeFirst();
      return row && row.due_at - now;
    },
    renew: async (_tx, held) => [...held],
    release: async () => {},
  };
}
