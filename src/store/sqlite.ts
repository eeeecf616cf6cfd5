import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { Kysely, type SqliteDatabase, SqliteDialect, type SqliteStatement } from 'kysely';
import type { Backend } from './backend.ts';
import { soleClaims } from './claims.ts';
import { StoreLockedError } from './errors.ts';
import type { Writer } from './group-commit.ts';
import { ALONE } from './others.ts';
import type { Tables } from './tables.ts';

/** Longest wait, in ms, for somebody else's lock (a command-line tool writing beside the app). */
const BUSY_TIMEOUT_MS = 1_000;
/** Statements kept prepared; texts vary only by the length of `in (…)` lists, so few are ever needed. */
const STATEMENT_CACHE_SIZE = 300;

/**
 * Opens guruguru.sqlite in `dataDir`, which is made (mode 0700) when missing.
 * @throws StoreLockedError when `exclusive` and another app has the directory
 */
export function openSqlite(dataDir: string, exclusive: boolean): Backend {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const lock = takeLock(join(dataDir, 'lock.sqlite'));
  if (!lock && exclusive) throw new StoreLockedError(dataDir);
  const opened: DatabaseSync[] = lock ? [lock] : [];
  // The lock goes last, so that a successor never meets an open database.
  const closeAll = () => {
    for (const database of opened) database.close();
  };
  try {
    const path = join(dataDir, 'guruguru.sqlite');
    const database = openWriter(path);
    opened.unshift(database);
    const writer = sqliteWriter(database);
    const readOnly = openReader(path);
    opened.unshift(readOnly);
    const reader = kyselyOver(readOnly);
    return {
      writer,
      reader,
      claims: soleClaims(reader),
      now: Date.now,
      others: () => ALONE,
      schema: writer.tx,
      // Without the lock an app is running on this database: it alone migrates.
      mayMigrate: () => lock !== undefined,
      close: async () => closeAll(),
    };
  } catch (error) {
    closeAll();
    throw error;
  }
}

/** The connection of `database` for group commits. */
export function sqliteWriter(database: DatabaseSync): Writer {
  const begin = database.prepare('BEGIN IMMEDIATE');
  const commit = database.prepare('COMMIT');
  const savepoints = {
    set: database.prepare('SAVEPOINT one'),
    release: database.prepare('RELEASE one'),
    // Rolling back keeps the savepoint itself.
    rollback: database.prepare('ROLLBACK TO one'),
  };
  return {
    tx: kyselyOver(database),
    begin: async () => void begin.run(),
    commit: async () => void commit.run(),
    rollback: async () => {
      if (database.isTransaction) database.exec('ROLLBACK');
    },
    savepoint: async (step) => {
      savepoints[step].run();
      if (step === 'rollback') savepoints.release.run();
    },
    inTransaction: () => database.isTransaction,
  };
}

/** Opens the database for writing: WAL, and every commit on disk before it is answered. */
export function openWriter(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
  database.exec('PRAGMA journal_mode = WAL');
  database.exec('PRAGMA synchronous = FULL');
  return database;
}

/** A second, read-only connection: in WAL mode it sees what is committed and never waits for the writer. */
function openReader(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { readOnly: true });
  database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
  return database;
}

/**
 * Node has no flock, so the lock is an exclusive SQLite transaction held on a file of its own; the kernel
 * drops it when the process dies. Returns undefined when another process (or store) holds it.
 */
function takeLock(path: string): DatabaseSync | undefined {
  const database = new DatabaseSync(path);
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE');
    database.exec('BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database.close();
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return undefined;
    throw error;
  }
}

const SQLITE_BUSY = 5;

/** Kysely over one node:sqlite connection, with its statements kept prepared. */
function kyselyOver(database: DatabaseSync): Kysely<Tables> {
  return new Kysely<Tables>({ dialect: new SqliteDialect({ database: preparing(database) }) });
}

function preparing(database: DatabaseSync): SqliteDatabase {
  const cache = new Map<string, SqliteStatement>();
  return {
    close: () => database.close(),
    prepare(sql) {
      const known = cache.get(sql);
      if (known) return known;
      const statement = adapt(database.prepare(sql));
      if (cache.size >= STATEMENT_CACHE_SIZE) cache.clear();
      cache.set(sql, statement);
      return statement;
    },
  };
}

function adapt(statement: StatementSync): SqliteStatement {
  // node:sqlite itself refuses a parameter of another type, naming its position.
  const inputs = (parameters: readonly unknown[]) => parameters as SQLInputValue[];
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...inputs(parameters)),
    run: (parameters) => statement.run(...inputs(parameters)),
    iterate: (parameters) => statement.iterate(...inputs(parameters)),
  };
}
