import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { Reader, Tx } from './announce.ts';
import { StoreLockedError } from './errors.ts';
import { createGroupCommit } from './group-commit.ts';
import { checkVersion, migrate } from './migrations.ts';
import { kyselyOver, openReader, openWriter, takeLock } from './sqlite.ts';

export type { Reader, Tx } from './announce.ts';

export interface StoreOptions {
  /** Created (mode 0700) when missing. Holds guruguru.sqlite and lock.sqlite. */
  dataDir: string;
  /** Milliseconds since the epoch; default Date.now. */
  now?: () => number;
  /**
   * Default true: this is the app, the only one on this directory. false: a command beside a running app,
   * which may write rows but does not migrate.
   */
  exclusive?: boolean;
}

export interface Store {
  /** Committed state, on a connection of its own: a read waits for no write and never sees half of one. */
  db: Reader;
  /**
   * Runs `fn` in a transaction shared with the writes that arrive at the same time, and resolves when it is
   * on disk. `fn` awaits nothing but `tx`: every other write waits for it. When it throws, only its own
   * changes are taken back and only its promise rejects. Rejects with StoreUnavailableError when the commit fails.
   */
  write<T>(fn: (tx: Tx) => Promise<T>): Promise<T>;
  /** Writes waiting for their commit. */
  pendingWrites(): number;
  /** Hears the topics announced by committed writes. Returns how to stop. */
  subscribe(listener: (topics: ReadonlySet<string>) => void): () => void;
  now: () => number;
  /** Waits for the writes handed in, then closes. Idempotent. */
  close(): Promise<void>;
}

/** @throws StoreLockedError, StoreVersionError */
export async function openStore(options: StoreOptions): Promise<Store> {
  const now = options.now ?? Date.now;
  const dataDir = resolve(options.dataDir);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const lock = takeLock(join(dataDir, 'lock.sqlite'));
  if (!lock && options.exclusive !== false) throw new StoreLockedError(dataDir);

  const opened: DatabaseSync[] = lock ? [lock] : [];
  try {
    const path = join(dataDir, 'guruguru.sqlite');
    const writer = openWriter(path);
    opened.unshift(writer);
    const tx = kyselyOver(writer);
    // Without the lock an app is running on this database: it alone migrates.
    await (lock ? migrate(tx, now()) : checkVersion(tx));
    const reader = openReader(path);
    opened.unshift(reader);
    return createStore(writer, tx, kyselyOver(reader), now, () => closeAll(opened));
  } catch (error) {
    closeAll(opened);
    throw error;
  }
}

function createStore(
  writer: DatabaseSync,
  tx: Tx,
  db: Reader,
  now: () => number,
  closeDatabases: () => void,
): Store {
  const listeners = new Set<(topics: ReadonlySet<string>) => void>();
  const group = createGroupCommit(writer, tx, now, (topics) => {
    for (const listener of listeners) listener(topics);
  });
  let closing: Promise<void> | undefined;
  return {
    db,
    now,
    write: <T>(fn: (tx: Tx) => Promise<T>) => group.write(fn) as Promise<T>,
    pendingWrites: group.pending,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      closing ??= group.end().then(closeDatabases);
      return closing;
    },
  };
}

/** The lock goes last, so that a successor never meets an open database. */
function closeAll(databases: readonly DatabaseSync[]): void {
  for (const database of databases) database.close();
}
