import type { Kysely } from 'kysely';
import type { Claims } from './claims.ts';
import type { Writer } from './group-commit.ts';
import type { Others } from './others.ts';
import type { Tables } from './tables.ts';

/**
 * A database under the store: all that SQLite and Postgres do differently. The modules of our tables use
 * only what both understand. Same on both:
 *
 * - Values are strings, numbers that are whole, null, and bytes; no booleans, no dates. Sums and counts are numbers.
 * - Upserts by `onConflict`, `returning`, and sql`…` templates with their values as `${…}`.
 * - A statement that fails inside `write` ends that write: catch it outside.
 */
export interface Backend {
  writer: Writer;
  /** Reads, beside the writer: what is committed. */
  reader: Kysely<Tables>;
  claims: Claims;
  /** This database's time, in ms since the epoch. */
  now: () => number;
  others: () => Others;
  /** The writer's connection, in this database's words for column types. */
  schema: Kysely<Tables>;
  /** Whether another process owns the database's version: then it is only compared, not changed. */
  mayMigrate: (version: number) => boolean;
  /** Tells what writes of other processes announced, from the call on. */
  hearOthers?: (listener: (topics: ReadonlySet<string>) => void) => Promise<void>;
  /** The error of a migration as one that says what to do. */
  explain?: (error: unknown) => unknown;
  close(): Promise<void>;
}
