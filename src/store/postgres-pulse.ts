import { type Kysely, sql } from 'kysely';
import { ALONE, type Others } from './others.ts';
import type { Tables } from './tables.ts';

/** What one app knows of the database's clock and of the other apps. */
export interface Pulse {
  /** The database's time, in ms since the epoch: one clock for all apps, whatever theirs say. */
  now(): number;
  others(): Others;
  /** Looks again. Rejects when the database cannot be asked. */
  beat(): Promise<void>;
}

/** What every app calls its sessions. */
export const APP_SESSION = 'guruguru ';

/** A clock that is off by less is left alone, so that it does not go back for nothing. */
const CLOCK_TOLERANCE_MS = 250;
/** An answer that took longer says too little of the time. */
const ANSWER_MAX_MS = 1_000;

/** Between two looks it goes on by the monotonic clock, which nobody sets. */
export function createPulse(db: Kysely<Tables>, session: string): Pulse {
  let base: number | undefined;
  let others = ALONE;
  return {
    now: () => Math.round((base ?? Date.now() - performance.now()) + performance.now()),
    others: () => others,
    async beat() {
      const asked = performance.now();
      const { rows } = await sql<{ now: number; apps: number; connected_ms: number | null }>`
        select (extract(epoch from clock_timestamp()) * 1000)::bigint as now,
          count(distinct application_name) as apps,
          (extract(epoch from clock_timestamp() - min(backend_start)) * 1000)::bigint as connected_ms
        from pg_stat_activity
        where datname = current_database() and application_name <> ${session}
          and application_name like ${`${APP_SESSION}%`}`.execute(db);
      const [row] = rows;
      if (!row) return;
      others = { apps: row.apps, connectedMs: row.connected_ms ?? 0 };
      const answered = performance.now();
      const found = row.now - (asked + answered) / 2;
      if (base === undefined) base = found;
      else if (answered - asked < ANSWER_MAX_MS && Math.abs(found - base) > CLOCK_TOLERANCE_MS) base = found;
    },
  };
}
