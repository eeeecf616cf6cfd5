import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Reads the app's work items beside it. */
export interface WorkView {
  /** Items due at this moment, as `key generation attempts`. */
  due(): Promise<string[]>;
  /** Items given up on, with their last error. */
  stuck(): Promise<string[]>;
  /** Items that wait for a time, with it. */
  waiting(): Promise<string[]>;
  close(): Promise<void>;
}

/** Keys that come back by themselves, as long as the app runs. */
const TIMERS = "('leases', 'reconcile')";

export function openSqliteWork(dataDir: string): WorkView {
  const database = new DatabaseSync(join(dataDir, 'guruguru.sqlite'), { readOnly: true });
  const list = async (where: string, what: string, ...parameters: number[]) =>
    database
      .prepare(`select ${what} as line from work where key not in ${TIMERS} and ${where}`)
      .all(...parameters)
      .map((row) => String(row.line));
  return {
    due: () => list('stuck = 0 and due_at <= ?', "key || ' ' || generation || ' ' || attempts", Date.now()),
    stuck: () => list('stuck = 1', "key || ': ' || coalesce(last_error, '')"),
    waiting: () => list('stuck = 0', "key || ' due at ' || due_at || ': ' || coalesce(last_error, '')"),
    close: async () => database.close(),
  };
}
