import { resolve } from 'node:path';
import type { Reader, Tx } from './announce.ts';
import type { Claims } from './claims.ts';
import { createGroupCommit } from './group-commit.ts';
import { migrate } from './migrations.ts';
import type { Others } from './others.ts';
import { openSqlite } from './sqlite.ts';

export type { Reader, Tx } from './announce.ts';

/** Where the tables are. */
export interface StorePlace {
  /** Created (mode 0700) when missing. Holds guruguru.sqlite and lock.sqlite. */
  dataDir: string;
  /** `postgres://…`: the tables are there, several apps may share them, and `dataDir` is not used. */
  databaseUrl?: string | null;
}

export interface StoreOptions extends StorePlace {
  /** Milliseconds since the epoch; default: on SQLite Date.now, on Postgres the server's clock. */
  now?: () => number;
  /**
   * Default true: this is an app, on SQLite the only one. false: a command beside a running app, which may
   * write rows but does not migrate.
   */
  exclusive?: boolean;
  /** How long another app on the same Postgres waits for one that is gone, in ms; default 30 s. */
  holdMs?: number;
}

export interface Store {
  /** Committed state, on a connection of its own: a read waits for no write and never sees half of one. */
  db: Reader;
  /**
   * Runs `fn` in a transaction shared with the writes that arrive at the same time, and resolves when it is
   * on disk. One writes at a time, over all processes on this database, so what `fn` reads through `tx` stays
   * true until it is committed. `fn` awaits nothing but `tx`: every other write waits for it. When it throws,
   * only its own changes are taken back and only its promise rejects. Rejects with StoreUnavailableError when
   * the commit fails; where a connection was lost meanwhile, it may have been kept after all.
   */
  write<T>(fn: (tx: Tx) => Promise<T>): Promise<T>;
  /** Writes waiting for their commit. */
  pendingWrites(): number;
  /** Whose items of work are; for the worker. */
  claims: Claims;
  /** Hears the topics announced by committed writes, those of other processes too. Returns how to stop. */
  subscribe(listener: (topics: ReadonlySet<string>) => void): () => void;
  now: () => number;
  /** Other apps on the same database; none on SQLite. */
  others: () => Others;
  /** Waits for the writes handed in, then closes. Idempotent. */
  close(): Promise<void>;
}

/** How long an item of work stays with an app that does not renew it, in ms. */
const HOLD_MS = 30_000;

/** @throws StoreLockedError, StoreConnectError, StoreVersionError */
export async function openStore(options: StoreOptions): Promise<Store> {
  const exclusive = options.exclusive !== false;
  const backend = options.databaseUrl
    ? await (await import('./postgres.ts')).openPostgres(options.databaseUrl, {
        exclusive,
        holdMs: options.holdMs ?? HOLD_MS,
      })
    : openSqlite(resolve(options.dataDir), exclusive);
  const now = options.now ?? backend.now;
  const listeners = new Set<(topics: ReadonlySet<string>) => void>();
  const tell = (topics: ReadonlySet<string>) => {
    for (const listener of listeners) listener(topics);
  };
  const group = createGroupCommit(backend.writer, now, tell);
  try {
    await group.write(() => migrate(backend.schema, now(), backend.mayMigrate));
    if (exclusive) await backend.hearOthers?.(tell);
  } catch (error) {
    await backend.close();
    throw backend.explain?.(error) ?? error;
  }
  let closing: Promise<void> | undefined;
  return {
    db: backend.reader,
    claims: backend.claims,
    others: backend.others,
    now,
    write: group.write,
    pendingWrites: group.pending,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      closing ??= group.end().then(backend.close);
      return closing;
    },
  };
}
