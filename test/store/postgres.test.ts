import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { announce } from '../../src/store/announce.ts';
import { StoreConnectError, StoreUnavailableError } from '../../src/store/errors.ts';
import { appendLog, readLog } from '../../src/store/logs.ts';
import { openPostgres, refuseOld } from '../../src/store/postgres.ts';
import { type HearOptions, hearNews } from '../../src/store/postgres-news.ts';
import type { Store, Tx } from '../../src/store/store.ts';
import { enqueue, getWork } from '../../src/store/work.ts';
import { startWorker, type WorkerOptions } from '../../src/store/worker.ts';
import { postgresDatabase } from '../support/backends.ts';
import { administer } from '../support/postgres.ts';
import { tempDir, tempStore } from '../support/store.ts';

/** Several stores on one database, as several apps have them. */
async function replicas(count: number, options: { holdMs?: number } = {}) {
  const databaseUrl = await postgresDatabase();
  const stores = await Promise.all(
    Array.from({ length: count }, () => tempStore({ dataDir: tempDir(), databaseUrl, ...options })),
  );
  const [a, b = a] = stores;
  if (!a || !b) throw new Error('at least one');
  return { databaseUrl, stores, a, b };
}

/** Ends the sessions of `pattern`, as a restart of the server does. */
function endSessions(databaseUrl: string, pattern = 'guruguru%'): Promise<unknown> {
  return administer(
    databaseUrl,
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and application_name like '${pattern}'`,
  );
}

const value = (db: Store['db'], name: string) =>
  db.selectFrom('counters').select('value').where('name', '=', name).executeTakeFirst();
const put = (tx: Tx, name: string, number: number) =>
  tx
    .insertInto('counters')
    .values({ name, value: number })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value: number }))
    .execute();

describe('write', () => {
  it('lets what one process reads stay true until it has written, whatever others do', async () => {
    const { stores, a } = await replicas(3);
    const increment = async (tx: Tx) => {
      const row = await value(tx, 'n');
      await put(tx, 'n', (row?.value ?? 0) + 1);
    };
    await Promise.all(stores.flatMap((store) => Array.from({ length: 20 }, () => store.write(increment))));
    expect(await value(a.db, 'n')).toEqual({ value: 60 });
  });

  it('fails as unavailable when its session is ended, keeps nothing of it, and works again at the next', async () => {
    const { a, databaseUrl } = await replicas(1);
    const cut = a.write(async (tx) => {
      await put(tx, 'n', 1);
      await endSessions(databaseUrl);
      await put(tx, 'n', 2);
    });
    await expect(cut).rejects.toThrow(StoreUnavailableError);
    await a.write((tx) => put(tx, 'm', 3));
    // Reads share a few sessions; those that were ended while nobody used them are replaced.
    await vi.waitFor(async () => expect(await value(a.db, 'm')).toEqual({ value: 3 }));
    expect(await value(a.db, 'n')).toBeUndefined();
  });

  it('keeps nothing of a write that went on after a statement had failed', async () => {
    const { a } = await replicas(1);
    const wrong = a.write(async (tx) => {
      await put(tx, 'n', 1);
      await tx
        .insertInto('counters')
        .values({ name: 'n', value: 2 })
        .execute()
        .catch(() => {});
    });
    await expect(wrong).rejects.toThrow();
    expect(await value(a.db, 'n')).toBeUndefined();
  });

  it('is cut off by the server when its process stops in the middle', async () => {
    const { a } = await replicas(1);
    const { rows } = await a.write((tx) =>
      tx.executeQuery<{ limit: string }>({
        ...tx.selectNoFrom([]).compile(),
        sql: `select current_setting('idle_in_transaction_session_timeout') as limit`,
      }),
    );
    expect(rows).toEqual([{ limit: '5s' }]);
  });

  it('keeps numbers, fractions of a millisecond rounded, bytes, and a text with the character 0', async () => {
    const { a } = await replicas(1);
    const large = 9_007_199_254_740_991;
    await a.write(async (tx) => {
      await put(tx, 'large', large);
      await put(tx, 'a\0b', 1);
      await enqueue(tx, 'k', 1_234.6);
      await appendLog(tx, 'r', 0, Uint8Array.of(0, 255, 1));
    });
    expect(await value(a.db, 'large')).toEqual({ value: large });
    expect(await value(a.db, 'a\ufffdb')).toEqual({ value: 1 });
    expect(await getWork(a.db, 'k')).toMatchObject({ due_at: 1_235 });
    expect([...(await readLog(a.db, 'r'))]).toEqual([0, 255, 1]);
  });
});

describe('announcements', () => {
  it('reach other processes at once', async () => {
    const { a, b } = await replicas(2);
    const heard = Promise.withResolvers<string[]>();
    b.subscribe((topics) => heard.resolve([...topics].sort()));
    await a.write(async (tx) => {
      announce(tx, 'x');
      announce(tx, "y'");
    });
    expect(await heard.promise).toEqual(['x', "y'"]);
  });

  it('reach them also where nothing can be listened to, and after the sessions were ended', async () => {
    const { a, databaseUrl } = await replicas(1);
    const heard: string[] = [];
    const deaf: HearOptions = {
      connect: () => Promise.reject(new Error('no')),
      db: a.db,
      me: 'b',
      listener: (topics) => heard.push(...topics),
    };
    const stop = await hearNews(deaf);
    onTestFinished(stop);
    await a.write(async (tx) => announce(tx, 'x'));
    await vi.waitFor(() => expect(heard).toEqual(['x']), { timeout: 5_000 });
    await endSessions(databaseUrl);
    await vi.waitFor(() => a.write(async (tx) => announce(tx, 'y')));
    await vi.waitFor(() => expect(heard).toEqual(['x', 'y']), { timeout: 5_000 });
  });

  it('are not told of a write that was taken back, nor to its own process twice', async () => {
    const { a, b } = await replicas(2);
    const heard: string[] = [];
    const last = Promise.withResolvers<void>();
    a.subscribe((topics) => heard.push(...[...topics].map((topic) => `a ${topic}`)));
    b.subscribe((topics) => {
      heard.push(...[...topics].map((topic) => `b ${topic}`));
      if (topics.has('z')) last.resolve();
    });
    await a
      .write(async (tx) => {
        announce(tx, 'no');
        throw new Error('no');
      })
      .catch(() => {});
    await a.write(async (tx) => announce(tx, 'y'));
    await a.write(async (tx) => announce(tx, 'z'));
    await last.promise;
    expect(heard.sort()).toEqual(['a y', 'a z', 'b y', 'b z']);
  });
});

describe('what an app knows of the others', () => {
  it('is how many there are, commands not counted', async () => {
    const { a, databaseUrl } = await replicas(3);
    await tempStore({ databaseUrl, exclusive: false });
    await vi.waitFor(() => expect(a.others()).toMatchObject({ apps: 2 }), { timeout: 5_000 });
  });

  it('is the time: the database’s, whatever the clock here says', async () => {
    const { a, databaseUrl } = await replicas(1);
    vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 3_600_000);
    onTestFinished(() => void vi.restoreAllMocks());
    const [row] = await administer(databaseUrl, 'select extract(epoch from now())::int as seconds');
    expect(Math.abs(a.now() / 1_000 - Number(row?.seconds))).toBeLessThan(60);
  });
});

describe('workers of several processes', () => {
  const silent = { warn: () => {}, error: () => {} };
  function worker(store: Store, perform: WorkerOptions['perform']) {
    const started = startWorker(store, { perform, log: silent, backoff: () => 0 });
    onTestFinished(() => started.drain());
    return started;
  }
  /** Until nothing is left to do. */
  const empty = (store: Store) =>
    vi.waitFor(async () => expect(await store.db.selectFrom('work').selectAll().execute()).toEqual([]), {
      timeout: 20_000,
    });

  it('do every item once', async () => {
    const { stores, a } = await replicas(3);
    const done: string[] = [];
    for (const store of stores)
      worker(store, async (key) => {
        done.push(key);
        return 'done';
      });
    const keys = Array.from({ length: 60 }, (_, n) => `k${n}`);
    await Promise.all(keys.map((key, n) => stores[n % 3]?.write((tx) => enqueue(tx, key))));
    await empty(a);
    expect(done.sort()).toEqual(keys.sort());
  });

  it('take over what a dead one held, once its hold ends and not before', async () => {
    const { a, b } = await replicas(2, { holdMs: 1_500 });
    await a.write((tx) => enqueue(tx, 'k'));
    const taken = performance.now();
    // Nobody renews it: this is how a process that was killed leaves it.
    expect(await a.claims.take(a.now(), 1, new Set())).toMatchObject([{ key: 'k' }]);
    const performed = Promise.withResolvers<number>();
    worker(b, async () => {
      performed.resolve(performance.now() - taken);
      return 'done';
    });
    const waited = await performed.promise;
    expect(waited).toBeGreaterThanOrEqual(1_490);
    await empty(b);
  });

  it('keep what takes long, by renewing it', async () => {
    const { a, b } = await replicas(2, { holdMs: 3_000 });
    const owners: string[] = [];
    const kept = Promise.withResolvers<boolean>();
    const slow = (name: string) => async (_key: string, signal: AbortSignal) => {
      owners.push(name);
      // Longer than one hold: until it was taken and three times renewed.
      const ends = new Set<number | null | undefined>();
      await vi.waitFor(
        async () => {
          ends.add((await getWork(a.db, 'k'))?.expires_at);
          if (ends.size < 4 && !signal.aborted) throw new Error('not yet');
        },
        { timeout: 20_000 },
      );
      kept.resolve(!signal.aborted);
      return 'done' as const;
    };
    worker(a, slow('a'));
    await a.write((tx) => enqueue(tx, 'k'));
    await vi.waitFor(() => expect(owners).toEqual(['a']), { timeout: 5_000 });
    worker(b, slow('b'));
    expect(await kept.promise).toBe(true);
    await empty(a);
    expect(owners).toEqual(['a']);
  });

  it('stop what they have lost, and its outcome does not count', async () => {
    const { a } = await replicas(1, { holdMs: 900 });
    const started = Promise.withResolvers<void>();
    const stopped = Promise.withResolvers<void>();
    const w = worker(a, async (_key, signal) => {
      started.resolve();
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      stopped.resolve();
      return 'done';
    });
    await a.write((tx) => enqueue(tx, 'k'));
    await started.promise;
    // As somebody else takes it after this process had slept.
    const other = { owner: 'somebody', fence: Number.MAX_SAFE_INTEGER, expires_at: Date.now() + 3_600_000 };
    await a.write((tx) => tx.updateTable('work').set(other).execute());
    await stopped.promise;
    await w.idle();
    expect(await getWork(a.db, 'k')).toMatchObject(other);
  });

  it('stop before the hold ends when the database cannot be reached to renew it', async () => {
    const { a } = await replicas(1, { holdMs: 900 });
    const begin = performance.now();
    const stopped = Promise.withResolvers<number>();
    const store: Store = {
      ...a,
      claims: { ...a.claims, renew: () => Promise.reject(new StoreUnavailableError('away')) },
    };
    worker(store, async (_key, signal) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      stopped.resolve(performance.now() - begin);
      throw signal.reason;
    });
    await a.write((tx) => enqueue(tx, 'k'));
    expect(await stopped.promise).toBeGreaterThan(300);
    // Whoever comes next does what is left: it is no failure.
    expect(await getWork(a.db, 'k')).toMatchObject({ attempts: 0, last_error: null });
  });

  it('let go of what they have when they stop, so that another goes on at once', async () => {
    const { a, b } = await replicas(2);
    const started = Promise.withResolvers<void>();
    const w = worker(a, async (_key, signal) => {
      started.resolve();
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      return 'done';
    });
    await a.write((tx) => enqueue(tx, 'k'));
    await started.promise;
    await w.drain();
    expect(await getWork(a.db, 'k')).toMatchObject({ owner: null, expires_at: null, attempts: 0 });
    worker(b, async () => 'done');
    await empty(b);
  });
});

describe('openStore', () => {
  it('makes the tables once when several processes start together', async () => {
    const { stores } = await replicas(4);
    const fences = await Promise.all(stores.map((store) => value(store.db, 'fence')));
    expect(new Set(fences.map((fence) => fence?.value)).size).toBe(1);
  });

  it('lets a command in beside apps, also before the first app', async () => {
    const databaseUrl = await postgresDatabase();
    const command = await tempStore({ databaseUrl, exclusive: false });
    await command.write((tx) => put(tx, 'n', 1));
    const app = await tempStore({ databaseUrl });
    expect(await value(app.db, 'n')).toEqual({ value: 1 });
  });

  const refused = (url: string) =>
    openPostgres(url, { exclusive: true, holdMs: 1 }).then(
      () => '',
      (error: Error) => {
        expect(error).toBeInstanceOf(StoreConnectError);
        return error.message;
      },
    );

  it('says what to do when the database cannot be used, and never the password', async () => {
    const good = new URL(await postgresDatabase());
    const change = (changes: Partial<URL>) => Object.assign(new URL(good), changes).href;
    const place = `127.0.0.1:${good.port}`;
    const said = [
      await refused(change({ port: '1' })),
      await refused(change({ hostname: 'nowhere.invalid' })),
      await refused(change({ password: 'wr0ng-one' })),
      await refused(change({ pathname: '/none' })),
    ];
    expect(said[0]).toBe(
      'DATABASE_URL: no Postgres answers at 127.0.0.1:1 (ECONNREFUSED). Start it, or correct host and port.',
    );
    expect(said[1]).toMatch(/^DATABASE_URL: no Postgres answers at nowhere\.invalid:\d+ \(E\w+\)\. Start it/);
    expect(said[2]).toContain(`DATABASE_URL: Postgres at ${place} refuses user guruguru or its password.`);
    expect(said[3]).toBe(
      `DATABASE_URL: Postgres at ${place} has no database none. Make it (createdb none), or correct the name.`,
    );
    expect(said.join()).not.toMatch(/wr0ng-one|for tests only|for%20tests/);
  });

  it('refuses a server that is too old', () => {
    expect(() => refuseOld('13.22', 130_022)).toThrow(
      'DATABASE_URL: the server is Postgres 13.22, which is too old. Use version 14 or newer.',
    );
    refuseOld('14.0', 140_000);
  });

  it('says it when the user may not make tables', async () => {
    const url = new URL(await postgresDatabase());
    await administer(
      url.href,
      `do $$ begin create role plain login password 'x'; exception when duplicate_object then null; end $$`,
    );
    Object.assign(url, { username: 'plain', password: 'x' });
    await expect(tempStore({ databaseUrl: url.href })).rejects.toThrow(
      /^DATABASE_URL: user plain may not make tables .* GRANT CREATE ON SCHEMA public TO plain/,
    );
  });
});
