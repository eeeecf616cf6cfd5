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
   * `signal` aborts: at a shutdown, and when another process may take the item over. An error with a number `retryAt` (ms) is due then and counts as no failure.
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

/** The clock goes back by less than this by itself. */
const JUMP_MS = 5_000;
const HOLD_MAX_MS = 250;
const HOLD_STEP_MS = 5;
/** How long effects have to end after their abort. They are repeated at the next start if they do not. */
const DRAIN_GRACE_MS = 50;
/** The same where an item that is not let go of waits until its hold ends. */
const SHARED_DRAIN_GRACE_MS = 2_000;
/** The longest sleep: after a change of the clock an item is at most this late. */
const SLEEP_MAX_MS = 60_000;
/** Of the time an item is held: it is renewed after this part, and given up before its end if that failed. */
const RENEW_AFTER = 1 / 3;
const GIVE_UP_AFTER = 5 / 6;

interface Running {
  item: WorkRow;
  abort: AbortController;
  ended: Promise<void>;
  /** Aborts when the item was not renewed in time. */
  guard: NodeJS.Timeout | undefined;
}

/**
 * Works on due items, one at a time per key. Whose an item is decide the store's claims: where several
 * processes share a database, an outcome counts only under the fence with which its item was taken.
 */
export function startWorker(store: Store, options: WorkerOptions): Worker {
  const { perform, log, concurrency = 8, maxAttempts = 12, backoff = defaultBackoff } = options;
  const holdWhile = options.holdWhile ?? (() => false);
  const { claims } = store;
  const isShared = Number.isFinite(claims.holdMs);
  const running = new Map<string, Running>();
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
    const asked = performance.now();
    // What ends while we read is read as it was before; its end makes us look again.
    const room = concurrency - running.size;
    const items = room > 0 ? await claims.take(now, room, new Set(running.keys())) : [];
    for (const item of items) {
      if (stopping) await claims.release(item);
      else start(item, asked);
    }
    const next = await claims.nextIn(now);
    sleep(Math.min(next ?? SLEEP_MAX_MS, claims.holdMs * RENEW_AFTER));
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

  /** `asked`: when the item was taken, at the latest, on the monotonic clock. */
  function start(item: WorkRow, asked: number): void {
    const abort = new AbortController();
    const entry: Running = { item, abort, ended: Promise.resolve(), guard: undefined };
    guard(entry, asked);
    running.set(item.key, entry);
    entry.ended = work(item, abort.signal).finally(() => {
      clearTimeout(entry.guard);
      running.delete(item.key);
      if (!stopping) void look();
    });
  }

  function guard(entry: Running, asked: number): void {
    clearTimeout(entry.guard);
    if (!isShared) return;
    const left = asked + claims.holdMs * GIVE_UP_AFTER - performance.now();
    entry.guard = setTimeout(() => lose(entry), left);
  }

  function lose(entry: Running): void {
    if (entry.abort.signal.aborted) return;
    log.warn({ key: entry.item.key }, 'a work item may be taken over by another app: stopped here');
    entry.abort.abort();
  }

  async function renew(): Promise<void> {
    const entries = [...running.values()].filter(({ abort }) => !abort.signal.aborted);
    if (entries.length === 0) return;
    const asked = performance.now();
    const kept = await store.write((tx) =>
      claims.renew(
        tx,
        entries.map(({ item }) => item),
      ),
    );
    const fences = new Map(kept.map(({ key, fence }) => [key, fence]));
    for (const entry of entries) {
      if (running.get(entry.item.key) !== entry || entry.abort.signal.aborted) continue;
      if (fences.get(entry.item.key) === entry.item.fence) guard(entry, asked);
      else lose(entry);
    }
  }

  async function work(item: WorkRow, signal: AbortSignal): Promise<void> {
    const wall = store.now();
    const awake = performance.now();
    try {
      const result = await perform(item.key, signal, item.attempts).then(
        (outcome) => ({ ok: true as const, outcome }),
        (error: unknown) => ({ ok: false as const, error }),
      );
      // What fails because of the shutdown is no failure; what ends after it is done again.
      if (closed) return;
      if (stopping && !result.ok) return await claims.release(item);
      // Its next owner does what is left.
      if (signal.aborted && !stopping && !result.ok) return;
      const step = store.now() - wall - (performance.now() - awake);
      // A time that was named while the clock was ahead is as far ahead.
      const setBack = step < -JUMP_MS ? Math.round(step) : 0;
      if (result.ok) await settle(item, result.outcome, setBack);
      else await fail(item, result.error, setBack);
    } catch (error) {
      log.error({ err: error, key: item.key }, 'the outcome of a work item could not be stored');
      await rest();
    }
  }

  /** The row as it was taken. A later claim has another fence. */
  const claimed = (tx: Tx, item: WorkRow) =>
    tx.updateTable('work').where('key', '=', item.key).where('fence', '=', item.fence);

  async function settle(item: WorkRow, outcome: { dueAt: number } | 'done', setBack: number): Promise<void> {
    await store.write(async (tx) => {
      if (outcome === 'done') {
        const { numDeletedRows } = await tx
          .deleteFrom('work')
          .where('key', '=', item.key)
          .where('fence', '=', item.fence)
          .where('generation', '=', item.generation)
          .executeTakeFirst();
        if (numDeletedRows === 1n) return;
      } else {
        await claimed(tx, item)
          .where('generation', '=', item.generation)
          .set({ due_at: outcome.dueAt + setBack })
          .execute();
      }
      await claimed(tx, item)
        .set({ ...FREE, attempts: 0, last_error: null })
        .execute();
    });
  }

  async function fail(item: WorkRow, error: unknown, setBack: number): Promise<void> {
    const lastError = String(error instanceof Error ? error.message : error).slice(0, 2_000);
    const retryAt = retryTime(error);
    const attempts = item.attempts + (retryAt === undefined ? 1 : 0);
    const stuck = attempts >= maxAttempts;
    const outage = options.isOutage?.(error) ?? false;
    const due_at = retryAt === undefined ? store.now() + backoff(attempts) : retryAt + setBack;
    log.warn({ err: error, key: item.key, attempts, retryAt, stuck }, 'a work item failed');
    await store.write(async (tx) => {
      // An item enqueued meanwhile has something new to see, so it stays due and is not given up.
      const { numUpdatedRows } = await claimed(tx, item)
        .where('generation', '=', item.generation)
        .set(stuck ? { stuck: outage ? 2 : 1 } : { due_at })
        .executeTakeFirst();
      await claimed(tx, item)
        .set({ ...FREE, attempts, last_error: lastError })
        .execute();
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
  const renewing = isShared
    ? setInterval(
        () => void renew().catch((err) => log.warn({ err }, 'work items could not be renewed; trying again')),
        claims.holdMs * RENEW_AFTER,
      )
    : undefined;
  void look();

  return {
    wake: () => void look(),
    async drain() {
      stopping = true;
      unsubscribe();
      clearTimeout(timer);
      clearInterval(renewing);
      for (const { abort } of running.values()) abort.abort();
      await looking;
      const ended = Promise.all([...running.values()].map((item) => item.ended));
      let grace: NodeJS.Timeout | undefined;
      await Promise.race([
        ended,
        new Promise((resolve) => {
          grace = setTimeout(resolve, isShared ? SHARED_DRAIN_GRACE_MS : DRAIN_GRACE_MS);
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
        else if (!(await claims.isDue(store.now()))) return;
        else await new Promise((resolve) => setTimeout(resolve, HOLD_STEP_MS));
      }
    },
  };
}

/** Nobody's any more. */
const FREE = { owner: null, expires_at: null } as const;

function retryTime(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('retryAt' in error)) return undefined;
  return typeof error.retryAt === 'number' ? error.retryAt : undefined;
}

function defaultBackoff(attempts: number): number {
  const full = Math.min(1_000 * 2 ** (attempts - 1), 300_000);
  return Math.round(full / 2 + (Math.random() * full) / 2);
}
