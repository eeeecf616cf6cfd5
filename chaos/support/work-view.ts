import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Client } from 'pg';

/** Reads the app's work items beside it. */
export interface WorkView {
  /** Items due at this moment, as `key generation attempts`. */
  due(): Promise<string[]>;
  /** Items given up on, with their last error. */
  stuck(): Promise<string[]>;
  /** Items not done yet, with when they are due and their last error. */
  waiting(): Promise<string[]>;
  /** Processes that have a connection. Postgres only; they own items. */
  owners(): Promise<Set<string>>;
  /** Items that one of these processes took and nobody has taken since. Postgres only. */
  ownedBy(owners: ReadonlySet<string>): Promise<string[]>;
  close(): Promise<void>;
}

/** Not the timers, which come back by themselves as long as the app runs. */
const SELECT = (what: string, where: string) =>
  `select ${what} as line from work where key not in ('leases', 'reconcile') and key not like 'costs:%' and ${where}`;
const DUE = (now: number) =>
  SELECT("key || ' ' || generation || ' ' || attempts", `stuck = 0 and due_at <= ${now}`);
const STUCK = SELECT("key || ': ' || coalesce(last_error, '')", 'stuck = 1');
const WAITING = SELECT("key || ' due at ' || due_at || ': ' || coalesce(last_error, '')", 'stuck = 0');

export function openSqliteWork(dataDir: string): WorkView {
  const database = new DatabaseSync(join(dataDir, 'guruguru.sqlite'), { readOnly: true });
  const lines = async (sql: string) =>
    database
      .prepare(sql)
      .all()
      .map((row) => String(row.line));
  return {
    due: () => lines(DUE(Date.now())),
    stuck: () => lines(STUCK),
    waiting: () => lines(WAITING),
    owners: async () => new Set(),
    ownedBy: async () => [],
    close: async () => database.close(),
  };
}

export async function openPostgresWork(url: string): Promise<WorkView> {
  const client = new Client(url);
  await client.connect();
  const lines = async (sql: string) =>
    (await client.query<{ line: string }>(sql)).rows.map((row) => String(row.line));
  return {
    due: () => lines(DUE(Date.now())),
    stuck: () => lines(STUCK),
    waiting: () => lines(WAITING),
    owners: async () =>
      new Set(
        await lines(
          "select distinct substring(application_name from '[^ ]+$') as line from pg_stat_activity where application_name like 'guruguru %'",
        ),
      ),
    async ownedBy(owners) {
      const { rows } = await client.query<{ key: string }>(
        'select key from work where stuck = 0 and owner = any($1)',
        [[...owners]],
      );
      return rows.map((row) => row.key);
    },
    close: () => client.end(),
  };
}
