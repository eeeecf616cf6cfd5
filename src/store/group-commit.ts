import { AsyncLocalStorage } from 'node:async_hooks';
import { openContext, type Tx } from './announce.ts';
import { StoreUnavailableError, toStoreError } from './errors.ts';

/** The one connection that writes, as a database's own module gives it. */
export interface Writer {
  /** Queries on that connection. */
  tx: Tx;
  /** Waits until no other process of this store writes, and begins a transaction. */
  begin(): Promise<void>;
  /** Keeps the transaction; other processes hear of `topics` with it. Throws when it was not kept. */
  commit(topics: ReadonlySet<string>): Promise<void>;
  /** Takes the transaction back, if it still stands. Never throws. */
  rollback(): Promise<void>;
  savepoint(step: 'set' | 'release' | 'rollback'): Promise<void>;
  /** Whether the transaction still stands: a full disk or a lost connection takes it back as a whole. */
  inTransaction(): boolean;
}

type Write = (tx: Tx) => Promise<unknown>;

interface Pending {
  run: Write;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

type Outcome = { ok: true; value: unknown } | { ok: false; error: unknown };

export interface GroupCommit {
  write<T>(run: (tx: Tx) => Promise<T>): Promise<T>;
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
  writer: Writer,
  now: () => number,
  onCommit: (topics: ReadonlySet<string>) => void,
): GroupCommit {
  const { tx } = writer;
  const inside = new AsyncLocalStorage<true>();

  const queue: Pending[] = [];
  let inGroup = 0;
  let busy = false;
  let ended = false;
  let onIdle: (() => void) | undefined;

  async function runOne(run: Write, topics: Set<string>): Promise<Outcome> {
    await writer.savepoint('set');
    const announced = openContext(tx, now);
    try {
      const value = await inside.run(true, run, tx);
      await writer.savepoint('release');
      for (const topic of announced) topics.add(topic);
      return { ok: true, value };
    } catch (error) {
      if (!writer.inTransaction()) throw error;
      await writer.savepoint('rollback');
      return { ok: false, error: toStoreError(error) };
    }
  }

  async function commitGroup(group: readonly Pending[]): Promise<void> {
    const topics = new Set<string>();
    const outcomes: Outcome[] = [];
    try {
      await writer.begin();
      for (const { run } of group) outcomes.push(await runOne(run, topics));
      await writer.commit(topics);
    } catch (cause) {
      await writer.rollback();
      const error = unavailable(cause);
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
    write<T>(run: (tx: Tx) => Promise<T>) {
      if (ended) return Promise.reject(new StoreUnavailableError('The store is closed.'));
      // It would wait for the group that waits for it.
      if (inside.getStore()) return Promise.reject(new Error('write() inside write(): use the tx you have.'));
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      queue.push({ run, resolve, reject });
      if (!busy) {
        busy = true;
        // After the poll phase: everything that arrived in this turn is in the queue by then.
        setImmediate(flush);
      }
      return promise as Promise<T>;
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

function unavailable(cause: unknown): StoreUnavailableError {
  if (cause instanceof StoreUnavailableError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new StoreUnavailableError(`The database could not be written: ${message}`, { cause });
}
