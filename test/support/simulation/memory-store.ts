import { DatabaseSync } from 'node:sqlite';
import { soleClaims } from '../../../src/store/claims.ts';
import { createGroupCommit } from '../../../src/store/group-commit.ts';
import { migrate } from '../../../src/store/migrations.ts';
import { ALONE } from '../../../src/store/others.ts';
import { sqliteWriter } from '../../../src/store/sqlite.ts';
import type { Store } from '../../../src/store/store.ts';
import type { JobRow, RunRow } from '../../../src/store/tables.ts';

/** The store over a database in memory: the same transactions and savepoints, no disk. */
export interface MemoryStore extends Store {
  /** Commits so far. */
  commits(): number;
  /** The rows as they stand, read at once. */
  jobs(): JobRow[];
  runs(): RunRow[];
  log(run: string): Buffer;
  /** An empty database, as of a new installation. */
  clear(): void;
}

export async function openMemoryStore(now: () => number): Promise<MemoryStore> {
  const database = new DatabaseSync(':memory:');
  const writer = sqliteWriter(database);
  const { tx } = writer;
  await migrate(tx, now());
  let commits = 0;
  const listeners = new Set<(topics: ReadonlySet<string>) => void>();
  const group = createGroupCommit(writer, now, (topics) => {
    for (const listener of listeners) listener(topics);
  });
  const all = (sql: string) => {
    const statement = database.prepare(sql);
    return <T>(...parameters: string[]) => statement.all(...parameters) as unknown as T[];
  };
  const jobs = all('SELECT * FROM jobs ORDER BY id');
  const runs = all('SELECT * FROM runs ORDER BY fence');
  const chunks = all('SELECT bytes FROM log_chunks WHERE run_id = ? ORDER BY offset');
  const tables = all("SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'counters'")<{
    name: string;
  }>();
  return {
    db: tx,
    now,
    write: (fn) => {
      commits += 1;
      return group.write(fn);
    },
    claims: soleClaims(tx),
    others: () => ALONE,
    commits: () => commits,
    pendingWrites: group.pending,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      await group.end();
      database.close();
    },
    jobs: () => jobs<JobRow>(),
    runs: () => runs<RunRow>(),
    log: (run) => Buffer.concat(chunks<{ bytes: Uint8Array }>(run).map((row) => row.bytes)),
    clear() {
      listeners.clear();
      for (const { name } of tables) database.exec(`DELETE FROM ${name}`);
      // As a migration of a new database sets it.
      database.exec(`UPDATE counters SET value = ${Math.floor(now() / 1000)} WHERE name = 'fence'`);
    },
  };
}
