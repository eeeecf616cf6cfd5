import { describe, expect, it, onTestFinished } from 'vitest';
import { openStore, type Store } from '../../src/store/store.ts';
import { enqueue, getWork, listStuck } from '../../src/store/work.ts';
import { startWorker, type WorkerOptions } from '../../src/store/worker.ts';
import { BACKENDS, emptyPlace } from '../support/backends.ts';
import { tempStore } from '../support/store.ts';

const silent = { warn: () => {}, error: () => {} };

function worker(store: Store, perform: WorkerOptions['perform'], options: Partial<WorkerOptions> = {}) {
  const started = startWorker(store, { perform, log: silent, backoff: () => 0, ...options });
  onTestFinished(() => started.drain());
  return started;
}

const put = (store: Store, key: string, dueAt?: number) => store.write((tx) => enqueue(tx, key, dueAt));

describe.each(BACKENDS)('enqueue on %s', (backend) => {
  it('keeps one item a key, due at the earliest time asked for', async () => {
    const store = await tempStore({ ...(await emptyPlace(backend)), now: () => 1_000 });
    await put(store, 'a', 5_000);
    await put(store, 'a', 9_000);
    expect(await getWork(store.db, 'a')).toMatchObject({ due_at: 5_000, generation: 2 });
    await put(store, 'a');
    expect(await getWork(store.db, 'a')).toMatchObject({ due_at: 1_000, generation: 3 });
  });

  it('frees a stuck item, at the time asked for', async () => {
    const store = await tempStore({ ...(await emptyPlace(backend)), now: () => 1_000 });
    await put(store, 'a');
    await store.write((tx) => tx.updateTable('work').set({ stuck: 1, attempts: 12 }).execute());
    expect(await listStuck(store.db, 'a')).toHaveLength(1);
    await put(store, 'a', 3_000);
    expect(await getWork(store.db, 'a')).toMatchObject({ due_at: 3_000, stuck: 0, attempts: 0 });
    expect(await listStuck(store.db)).toEqual([]);
  });
});

describe.each(BACKENDS)('worker on %s', (backend) => {
  it('works on what is enqueued, at once, and forgets what is done', async () => {
    const store = await tempStore(await emptyPlace(backend));
    const performed = Promise.withResolvers<string>();
    const w = worker(store, async (key) => {
      performed.resolve(key);
      return 'done';
    });
    await w.idle();
    await put(store, 'a');
    expect(await performed.promise).toBe('a');
    await w.idle();
    expect(await getWork(store.db, 'a')).toBeUndefined();
  });

  it('works on a key again when it was enqueued meanwhile, never twice at one time', async () => {
    const store = await tempStore(await emptyPlace(backend));
    let inside = 0;
    let times = 0;
    const w = worker(store, async (key) => {
      expect(++inside).toBe(1);
      times++;
      if (times === 1) await put(store, key);
      inside--;
      return 'done';
    });
    await put(store, 'a');
    await w.idle();
    expect(times).toBe(2);
    expect(await getWork(store.db, 'a')).toBeUndefined();
  });

  it('works on several keys at one time, no more than its concurrency', async () => {
    const store = await tempStore(await emptyPlace(backend));
    const gate = Promise.withResolvers<void>();
    const started: string[] = [];
    const both = Promise.withResolvers<void>();
    const w = worker(
      store,
      async (key) => {
        started.push(key);
        if (started.length === 2) both.resolve();
        await gate.promise;
        return 'done';
      },
      { concurrency: 2 },
    );
    await store.write(async (tx) => {
      for (const key of ['a', 'b', 'c']) await enqueue(tx, key);
    });
    await both.promise;
    expect(started).toHaveLength(2);
    gate.resolve();
    await w.idle();
    expect(started.sort()).toEqual(['a', 'b', 'c']);
  });

  it('comes back when it said it would', async () => {
    let now = 1_000;
    const store = await tempStore({ ...(await emptyPlace(backend)), now: () => now });
    const times: number[] = [];
    const w = worker(store, async () => {
      times.push(now);
      return times.length === 1 ? { dueAt: 500_000 } : 'done';
    });
    await put(store, 'a');
    await w.idle();
    expect(times).toEqual([1_000]);
    now = 500_000;
    await w.idle();
    expect(times).toEqual([1_000, 500_000]);
  });

  it('wakes by itself for an item that becomes due', async () => {
    const store = await tempStore(await emptyPlace(backend));
    const performed = Promise.withResolvers<void>();
    worker(store, async () => {
      performed.resolve();
      return 'done';
    });
    // On Postgres the store's clock is the database's, as far as it is known.
    const due = store.now() + 30;
    await put(store, 'a', due);
    await performed.promise;
    expect(store.now()).toBeGreaterThanOrEqual(due);
  });

  it('tries again after an error, then gives up and says so', async () => {
    const store = await tempStore(await emptyPlace(backend));
    const attempts: number[] = [];
    const stuck: unknown[] = [];
    const w = worker(
      store,
      async (_key, _signal, attempt) => {
        attempts.push(attempt);
        throw new Error('GitHub said no');
      },
      { maxAttempts: 3, onStuck: async (_tx, key, error) => void stuck.push([key, String(error)]) },
    );
    await put(store, 'a');
    await w.idle();
    expect(attempts).toEqual([0, 1, 2]);
    expect(stuck).toEqual([['a', 'Error: GitHub said no']]);
    expect(await listStuck(store.db)).toMatchObject([
      { key: 'a', last_error: 'GitHub said no', attempts: 3 },
    ]);
  });

  it('forgets failures after a success', async () => {
    const store = await tempStore(await emptyPlace(backend));
    let times = 0;
    const w = worker(store, async () => {
      if (++times === 1) throw new Error('once');
      return { dueAt: Date.now() + 3_600_000 };
    });
    await put(store, 'a');
    await w.idle();
    expect(await getWork(store.db, 'a')).toMatchObject({ attempts: 0, last_error: null });
  });

  it.each(['named', 'refused'])(
    'takes back an hour from a time %s before the clock was set back',
    async (key) => {
      const HOUR_MS = 3_600_000;
      let now = HOUR_MS;
      const store = await tempStore({ ...(await emptyPlace(backend)), now: () => now });
      await put(store, key);
      const w = worker(store, async () => {
        const later = now + 60_000;
        now = 0;
        if (key === 'named') return { dueAt: later };
        throw Object.assign(new Error('rate limit'), { retryAt: later });
      });
      await w.idle();
      const { due_at } = (await getWork(store.db, key)) ?? expect.fail(`no ${key}`);
      expect(due_at).toBeGreaterThan(0);
      expect(due_at).toBeLessThanOrEqual(60_000);
    },
  );

  it('waits until retryAt without counting it as a failure', async () => {
    let now = 1_000;
    const store = await tempStore({ ...(await emptyPlace(backend)), now: () => now });
    let times = 0;
    const w = worker(
      store,
      async () => {
        if (++times > 1) return 'done';
        throw Object.assign(new Error('rate limit'), { retryAt: 60_000 });
      },
      { maxAttempts: 1 },
    );
    await put(store, 'a');
    await w.idle();
    expect(await getWork(store.db, 'a')).toMatchObject({ due_at: 60_000, attempts: 0, stuck: 0 });
    now = 60_000;
    await w.idle();
    expect(times).toBe(2);
  });

  it('does not give up on an item that was enqueued during its last attempt', async () => {
    const store = await tempStore(await emptyPlace(backend));
    let times = 0;
    const w = worker(
      store,
      async (key) => {
        if (++times > 1) return 'done';
        await put(store, key);
        throw new Error('no');
      },
      { maxAttempts: 1 },
    );
    await put(store, 'a');
    await w.idle();
    expect(times).toBe(2);
    expect(await listStuck(store.db)).toEqual([]);
  });

  it('starts nothing while acknowledgements wait, but not for ever', async () => {
    const store = await tempStore(await emptyPlace(backend));
    await put(store, 'a');
    const begin = performance.now();
    const performed = Promise.withResolvers<number>();
    worker(
      store,
      async () => {
        performed.resolve(performance.now() - begin);
        return 'done';
      },
      { holdWhile: () => true },
    );
    const waited = await performed.promise;
    expect(waited).toBeGreaterThanOrEqual(249);
    expect(waited).toBeLessThan(2_000);
  });

  it('aborts at drain, waits for no effect that goes on, and leaves the item for the next start', async () => {
    // Where somebody else may work, what goes on keeps its item until its hold ends.
    const place = { ...(await emptyPlace(backend)), holdMs: 3_000 };
    const store = await openStore(place);
    const started = Promise.withResolvers<AbortSignal>();
    const never = Promise.withResolvers<'done'>();
    const w = worker(store, async (_key, signal) => {
      started.resolve(signal);
      return never.promise;
    });
    await put(store, 'a');
    const signal = await started.promise;
    await w.drain();
    expect(signal.aborted).toBe(true);
    await store.close();
    never.resolve('done');

    const again = await tempStore(place);
    const performed = Promise.withResolvers<string>();
    worker(again, async (key) => {
      performed.resolve(key);
      return 'done';
    });
    expect(await performed.promise).toBe('a');
  });

  it('does not count an effect that the shutdown aborted as a failure', async () => {
    const store = await tempStore(await emptyPlace(backend));
    const started = Promise.withResolvers<void>();
    const w = worker(store, async (_key, signal) => {
      started.resolve();
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      return 'done';
    });
    await put(store, 'a');
    await started.promise;
    await w.drain();
    expect(await getWork(store.db, 'a')).toMatchObject({ attempts: 0, last_error: null });
  });

  it('stores at drain what ended in time', async () => {
    const store = await tempStore(await emptyPlace(backend));
    const started = Promise.withResolvers<void>();
    const w = worker(store, async (_key, signal) => {
      started.resolve();
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return 'done';
    });
    await put(store, 'a');
    await started.promise;
    await w.drain();
    expect(await getWork(store.db, 'a')).toBeUndefined();
  });
});
