import { announce } from './announce.ts';
import type { Store, Tx } from './store.ts';
import type { WorkRow } from './tables.ts';
import { WORK_TOPIC } from './work.ts';

interface WorkerLog {
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface WorkerOptions {
  /**
   * Does the next thing for a key and says when there is more: at `dueAt` (ms since the epoch), or `done`
   * until somebody enqueues it. `attempts` counts the failures before this one. It must end soon after
   * `signal` aborts. An error with a number `retryAt` (ms) is due then and counts as no failure.
   */
  perform: (key: string, signal: AbortSignal, attempts: number) => Promise<{ dueAt: number } | 'done'>;
  /**
   * Called once when a key failed `maxAttempts` times, in the transaction that gives it up; it is then left
   * alone until enqueued again.
   */
  onStuck?: (tx: Tx, key: string, error: unknown) => Promise<void>;
  /** Whether an error passes by itself: what is given up because of one can be woken by `wakeOutages`. Default never. */
  isOutage?: (error: unknown) => boolean;
  log: WorkerLog;
  /** Keys worked on at one time, default 8. */
  concurrency?: number;
  /** Default 12, about twenty minutes with the default backoff. */
  maxAttempts?: number;
  /** Ms to wait after failure number `attempts`; default 1 s doubling to 5 min, half of it random. */
  backoff?: (attempts: number) => number;
  /** While true no new effect is started, for at most 250 ms: acknowledgements go first. */
  holdWhile?: () => boolean;
}

export interface Worker {
  /** Looks for due items now. Needed only when the clock is not the real one. */
  wake(): void;
  /** Starts nothing more, aborts what runs, and resolves after a few ms even if an effect goes on. */
  drain(): Promise<void>;
  /** Resolves when nothing runs and nothing is due. */
  idle(): Promise<void>;
}

const HOLD_MAX_MS = 250;
const HOLD_STEP_MS = 5;
/** How long effects have to end after their abort. They are repeated at the next start if they do not. */
const DRAIN_GRACE_MS = 50;
/** The longest sleep: after a change of the clock an item is at most this late. */
const SLEEP_MAX_MS = 60_000;

/**
 * Works on due items, one at a time per key. Which keys are being worked on is known to this process alone:
 * there is one per database, so what a dead one held is free at once.
 */
export function startWorker(store: Store, options: WorkerOptions): Worker {
  const { perform, log, concurrency = 8, maxAttempts = 12, backoff = defaultBackoff } = options;
  const holdWhile = options.holdWhile ?? (() => false);
  const running = new Map<string, { abort: AbortController; ended: Promise<void> }>();
  let stopping = false;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;
  let lookAgain = false;
  let heldSince: number | undefined;

  /** One look at a time; a wake during one makes it look again. */
  function look(): Promise<void> {
    lookAgain = true;
    looking ??= lookUntilNothingNew().finally(() => {
      looking = undefined;
    });
    return looking;
  }

  async function lookUntilNothingNew(): Promise<void> {
    while (lookAgain && !stopping) {
      lookAgain = false;
      try {
        await startDue();
      } catch (error) {
        log.error({ err: error }, 'the work table could not be read; trying again');
        sleep(1_000);
      }
    }
  }

  async function startDue(): Promise<void> {
    if (held()) return sleep(HOLD_STEP_MS);
    const now = store.now();
    // What ends while we read is read as it was before; its end makes us look again.
    const before = new Set(running.keys());
    for (const item of await dueItems(store, now, concurrency)) {
      if (stopping || running.size >= concurrency) break;
      if (!before.has(item.key)) start(item);
    }
    const next = await nextDue(store, now);
    if (next !== undefined) sleep(next - now);
  }

  function held(): boolean {
    if (!holdWhile()) {
      heldSince = undefined;
      return false;
    }
    heldSince ??= performance.now();
    if (performance.now() - heldSince < HOLD_MAX_MS) return true;
    heldSince = undefined;
    return false;
  }

  function sleep(ms: number): void {
    clearTimeout(timer);
    if (!stopping) timer = setTimeout(look, Math.min(Math.max(ms, 0), SLEEP_MAX_MS));
  }

  function start(item: WorkRow): void {
    const abort = new AbortController();
    const ended = work(item, abort.signal).finally(() => {
      running.delete(item.key);
      if (!stopping) void look();
    });
    running.set(item.key, { abort, ended });
  }

  async function work(item: WorkRow, signal: AbortSignal): Promise<void> {
    try {
      const result = await perform(item.key, signal, item.attempts).then(
        (outcome) => ({ ok: true as const, outcome }),
        (error: unknown) => ({ ok: false as const, error }),
      );
      // What fails because of the shutdown is no failure; what ends after it is done again.
      if (closed || (stopping && !result.ok)) return;
      if (result.ok) await settle(item, result.outcome);
      else await fail(item, result.error);
    } catch (error) {
      log.error({ err: error, key: item.key }, 'the outcome of a work item could not be stored');
      await rest();
    }
  }

  async function settle(item: WorkRow, outcome: { dueAt: number } | 'done'): Promise<void> {
    await store.write(async (tx) => {
      if (outcome === 'done') {
        await tx
          .deleteFrom('work')
          .where('key', '=', item.key)
          .where('generation', '=', item.generation)
          .execute();
      } else {
        await tx
          .updateTable('work')
          .set({ due_at: outcome.dueAt })
          .where('key', '=', item.key)
          .where('generation', '=', item.generation)
          .execute();
      }
      if (item.attempts === 0) return;
      await tx
        .updateTable('work')
        .set({ attempts: 0, last_error: null })
        .where('key', '=', item.key)
        .execute();
    });
  }

  async function fail(item: WorkRow, error: unknown): Promise<void> {
    const lastError = String(error instanceof Error ? error.message : error).slice(0, 2_000);
    const retryAt = retryTime(error);
    const attempts = item.attempts + (retryAt === undefined ? 1 : 0);
    const stuck = attempts >= maxAttempts;
    const outage = options.isOutage?.(error) ?? false;
    log.warn({ err: error, key: item.key, attempts, retryAt, stuck }, 'a work item failed');
    await store.write(async (tx) => {
      await tx
        .updateTable('work')
        .set({ attempts, last_error: lastError })
        .where('key', '=', item.key)
        .execute();
      // An item enqueued meanwhile has something new to see, so it stays due and is not given up.
      const { numUpdatedRows } = await tx
        .updateTable('work')
        .set(stuck ? { stuck: outage ? 2 : 1 } : { due_at: retryAt ?? store.now() + backoff(attempts) })
        .where('key', '=', item.key)
        .where('generation', '=', item.generation)
        .executeTakeFirst();
      // Woken after an outage and failing again by one, it was told of before.
      const told = outage && attempts > maxAttempts;
      if (stuck && !told && numUpdatedRows === 1n) await options.onStuck?.(tx, item.key, error);
      announce(tx, WORK_TOPIC);
    });
  }

  /** The store failed: without a pause the same item would be started again at once. */
  async function rest(): Promise<void> {
    if (!stopping) await new Promise((resolve) => setTimeout(resolve, 1_000));
  }

  const unsubscribe = store.subscribe((topics) => {
    if (topics.has(WORK_TOPIC)) void look();
  });
  void look();

  return {
    wake: () => void look(),
    async drain() {
      stopping = true;
      unsubscribe();
      clearTimeout(timer);
      for (const { abort } of running.values()) abort.abort();
      await looking;
      const ended = Promise.all([...running.values()].map((item) => item.ended));
      let grace: NodeJS.Timeout | undefined;
      await Promise.race([
        ended,
        new Promise((resolve) => {
          grace = setTimeout(resolve, DRAIN_GRACE_MS);
        }),
      ]);
      clearTimeout(grace);
      closed = true;
    },
    async idle() {
      while (!stopping) {
        await look();
        const working = [...running.values()].map((item) => item.ended);
        if (working.length > 0) await Promise.race(working);
        else if ((await dueItems(store, store.now(), 1)).length === 0) return;
        else await new Promise((resolve) => setTimeout(resolve, HOLD_STEP_MS));
      }
    },
  };
}

/** Due items, the longest due first. */
function dueItems(store: Store, now: number, limit: number): Promise<WorkRow[]> {
  return store.db
    .selectFrom('work')
    .selectAll()
    .where('stuck', '=', 0)
    .where('due_at', '<=', now)
    .orderBy('due_at')
    .limit(limit)
    .execute();
}

/** When the next item after `now` is due. Those due before start when another one ends. */
async function nextDue(store: Store, now: number): Promise<number | undefined> {
  const row = await store.db
    .selectFrom('work')
    .select('due_at')
    .where('stuck', '=', 0)
    .where('due_at', '>', now)
    .orderBy('due_at')
    .limit(1)
    .executeTakeFirst();
  return row?.due_at;
}

function retryTime(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('retryAt' in error)) return undefined;
  return typeof error.retryAt === 'number' ? error.retryAt : undefined;
}

function defaultBackoff(attempts: number): number {
  const full = Math.min(1_000 * 2 ** (attempts - 1), 300_000);
  return full / 2 + (Math.random() * full) / 2;
}
