import { AsyncLocalStorage } from 'node:async_hooks';
import type { DatabaseSync } from 'node:sqlite';
import { openContext, type Tx } from './announce.ts';
import { StoreUnavailableError, toStoreError } from './errors.ts';

type Write = (tx: Tx) => Promise<unknown>;

interface Pending {
  run: Write;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

type Outcome = { ok: true; value: unknown } | { ok: false; error: unknown };

export interface GroupCommit {
  write(run: Write): Promise<unknown>;
  /** Writes that are not committed yet. */
  pending(): number;
  /** Resolves when every write handed in has ended; later ones are refused. */
  end(): Promise<void>;
}

/** Writes committed together at most, so that a flood cannot delay its own first commit for ever. */
const GROUP_MAX = 200;

/**
 * Group commit: writes that arrive in one turn of the event loop share one transaction and one fsync. Each
 * has its own savepoint, so that one that throws takes back only itself. `onCommit` hears what they announced.
 */
export function createGroupCommit(
  database: DatabaseSync,
  tx: Tx,
  now: () => number,
  onCommit: (topics: ReadonlySet<string>) => void,
): GroupCommit {
  const begin = database.prepare('BEGIN IMMEDIATE');
  const commit = database.prepare('COMMIT');
  const savepoint = database.prepare('SAVEPOINT one');
  const release = database.prepare('RELEASE one');
  const rollbackToSavepoint = database.prepare('ROLLBACK TO one');
  const inside = new AsyncLocalStorage<true>();

  const queue: Pending[] = [];
  let inGroup = 0;
  let busy = false;
  let ended = false;
  let onIdle: (() => void) | undefined;

  async function runOne(run: Write, topics: Set<string>): Promise<Outcome> {
    savepoint.run();
    const announced = openContext(tx, now);
    try {
      const value = await inside.run(true, run, tx);
      release.run();
      for (const topic of announced) topics.add(topic);
      return { ok: true, value };
    } catch (error) {
      // On a full disk or an I/O error SQLite itself may have rolled back the whole transaction.
      if (!database.isTransaction) throw error;
      rollbackToSavepoint.run();
      release.run();
      return { ok: false, error: toStoreError(error) };
    }
  }

  async function commitGroup(group: readonly Pending[]): Promise<void> {
    const topics = new Set<string>();
    const outcomes: Outcome[] = [];
    try {
      begin.run();
      for (const { run } of group) outcomes.push(await runOne(run, topics));
      commit.run();
    } catch (cause) {
      if (database.isTransaction) database.exec('ROLLBACK');
      const message = cause instanceof Error ? cause.message : String(cause);
      const error = new StoreUnavailableError(`The database could not be written: ${message}`, { cause });
      for (const { reject } of group) reject(error);
      return;
    }
    group.forEach(({ resolve, reject }, index) => {
      const outcome = outcomes[index];
      if (outcome?.ok) resolve(outcome.value);
      else reject(outcome?.error);
    });
    if (topics.size > 0) onCommit(topics);
  }

  async function flush(): Promise<void> {
    const group = queue.splice(0, GROUP_MAX);
    inGroup = group.length;
    await commitGroup(group);
    inGroup = 0;
    if (queue.length > 0) {
      setImmediate(flush);
      return;
    }
    busy = false;
    onIdle?.();
  }

  return {
    write(run) {
      if (ended) return Promise.reject(new StoreUnavailableError('The store is closed.'));
      // It would wait for the group that waits for it.
      if (inside.getStore()) return Promise.reject(new Error('write() inside write(): use the tx you have.'));
      return new Promise((resolve, reject) => {
        queue.push({ run, resolve, reject });
        if (busy) return;
        busy = true;
        // After the poll phase: everything that arrived in this turn is in the queue by then.
        setImmediate(flush);
      });
    },
    pending: () => queue.length + inGroup,
    end() {
      ended = true;
      if (!busy) return Promise.resolve();
      return new Promise((resolve) => {
        onIdle = resolve;
      });
    },
  };
}
