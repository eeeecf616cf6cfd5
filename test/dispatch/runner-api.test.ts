import { serve } from '@hono/node-server';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { cancelJob } from '../../src/dispatch/cancel.ts';
import type { Offer } from '../../src/dispatch/protocol.ts';
import { createRunnerApi } from '../../src/dispatch/runner-api.ts';
import { getJob } from '../../src/store/jobs.ts';
import { putRepository } from '../../src/store/repositories.ts';
import { listLiveRunners } from '../../src/store/runners.ts';
import { listRuns } from '../../src/store/runs.ts';
import type { Store } from '../../src/store/store.ts';
import { createToken } from '../../src/store/tokens.ts';
import { getWork } from '../../src/store/work.ts';
import { type Clock, JOB_ID, queueJobs, runResult, SIGNING_KEY, startDispatch } from '../support/dispatch.ts';
import { repositoryRow, tempStore } from '../support/store.ts';

const body = async (response: Response | Promise<Response>) => (await (await response).json()) as unknown;

describe('acquire', () => {
  it('leases the longest queued job, with its file byte for byte', async () => {
    const { store, runner } = await startDispatch();
    await queueJobs(store, { id: 'b', queued_at: 2 }, { id: 'a', queued_at: 1, file: '{ "é": 1 }\n' });
    const offer = await runner().take();
    expect(offer).toMatchObject({
      repository: 'Acme/Site',
      job_id: 'a',
      file: '{ "é": 1 }\n',
      attempt: 1,
      ttl_seconds: 60,
    });
    expect(await getJob(store.db, 1, 'a')).toMatchObject({ state: 'leased', attempt: 1 });
    expect(await getWork(store.db, 'job:1:a')).toBeDefined();
    expect(await getWork(store.db, 'leases')).toBeDefined();
  });

  it('gives one job to one of many runners that ask at one time, and each a higher fence', async () => {
    const { store, runner } = await startDispatch();
    await queueJobs(store, { id: 'a' }, { id: 'b' }, { id: 'c' });
    const runners = Array.from({ length: 20 }, (_, n) => runner({ name: `r${n}`, process: `process-${n}` }));
    const responses = await Promise.all(runners.map((one) => one.acquire()));
    const offers = (await Promise.all(
      responses.filter((response) => response.status === 200).map((response) => response.json()),
    )) as Offer[];
    expect(offers.map((offer) => offer.job_id).sort()).toEqual(['a', 'b', 'c']);
    expect(new Set(offers.map((offer) => offer.fence)).size).toBe(3);
    expect(responses.filter((response) => response.status === 204)).toHaveLength(17);
  });

  it('gives only jobs of active repositories of the token', async () => {
    const { store, runner } = await startDispatch();
    await store.write(async (tx) => {
      await putRepository(tx, repositoryRow({ id: 2, name: 'Other' }));
      await putRepository(tx, repositoryRow({ state: 'archived' }));
    });
    await queueJobs(store, { id: 'a', repo_id: 2 }, { id: 'b', repo_id: 1 });
    expect((await runner().acquire()).status).toBe(204);
    const other = await store.write((tx) => createToken(tx, 'other', ['acme/OTHER'], 1));
    expect(await runner({ token: other.token }).take()).toMatchObject({ job_id: 'a' });
  });

  it('answers a waiting runner as soon as a job is queued, the longest waiting first', async () => {
    const { store, runner } = await startDispatch();
    const first = runner({ name: 'first', process: 'process-1' }).acquire(25);
    await registered(store, 1);
    const second = runner({ name: 'second', process: 'process-2' }).acquire(25);
    await registered(store, 2);
    await queueJobs(store, { id: 'a' });
    expect(await body(first)).toMatchObject({ job_id: 'a' });
    await queueJobs(store, { id: 'b' });
    expect(await body(second)).toMatchObject({ job_id: 'b' });
  });

  it('passes over waiting runners that do not suit', async () => {
    const { store, runner } = await startDispatch();
    const linux = runner({ name: 'linux', process: 'process-1', labels: ['linux'] }).acquire(25);
    await registered(store, 1);
    const mac = runner({ name: 'mac', process: 'process-2', labels: ['macos'] }).acquire(25);
    await registered(store, 2);
    await queueJobs(
      store,
      { id: 'a', runs_on: '["macos"]' },
      { id: 'b', runs_on: '["linux"]', queued_at: 2 },
    );
    expect(await body(mac)).toMatchObject({ job_id: 'a' });
    expect(await body(linux)).toMatchObject({ job_id: 'b' });
  });

  it('gives a job that waited for another one when that ends', async () => {
    const { store, runner } = await startDispatch();
    await queueJobs(store, { id: 'a', concurrency: 'x' }, { id: 'b', concurrency: 'x', queued_at: 2 });
    const one = runner({ name: 'one', process: 'process-1' });
    const offer = await one.take();
    await one.starting(offer);
    const other = runner({ name: 'other', process: 'process-2' }).acquire(25);
    await registered(store, 2);
    await one.finish(offer);
    expect(await body(other)).toMatchObject({ job_id: 'b' });
  });

  it('answers 204 when nothing came, and at a shutdown', async () => {
    const { store, runner, shutdown } = await startDispatch();
    expect((await runner().acquire(0.01)).status).toBe(204);
    const waiting = runner().acquire(25);
    await registered(store, 1);
    shutdown.abort();
    expect((await waiting).status).toBe(204);
  });

  it('gives a process that asks again the lease it never heard of', async () => {
    const { store, runner } = await startDispatch();
    await queueJobs(store, {}, { id: 'another', queued_at: 5 });
    const offer = await runner().take();
    expect(await runner().take()).toEqual(offer);
  });

  it('ends the wait of the same runner before, so that no job goes to a dead connection', async () => {
    const { store, runner } = await startDispatch();
    const before = runner().acquire(25);
    await registered(store, 1);
    const now = runner().acquire(25);
    expect((await before).status).toBe(204);
    await queueJobs(store, {});
    expect((await now).status).toBe(200);
  });

  it('ends it too when the new call is served at once', async () => {
    const { store, runner } = await startDispatch();
    const before = runner().acquire(25);
    await registered(store, 1);
    await queueJobs(store, { runs_on: '["macos"]' });
    expect((await runner({ labels: ['macos'] }).acquire()).status).toBe(200);
    expect((await before).status).toBe(204);
  });

  it('fences the process before: its lease goes back, its started run goes on, its calls are refused', async () => {
    const { store, runner } = await startDispatch();
    await queueJobs(store, { id: 'a' }, { id: 'b', queued_at: 2 });
    const old = runner({ process: 'process-old' });
    const started = await old.take();
    await old.starting(started);
    const leased = await old.take();
    expect([started.job_id, leased.job_id]).toEqual(['a', 'b']);

    const fresh = runner({ process: 'process-new' });
    const again = await fresh.take();
    expect(again).toMatchObject({ job_id: 'b', attempt: 1 });
    expect(again.fence).toBeGreaterThan(leased.fence);
    expect((await old.starting(leased)).status).toBe(409);
    expect(await body(old.sync(started, {}))).toMatchObject({ drain: true, cancel: false });
    expect(await body(old.acquire())).toMatchObject({ error: 'stale_fence' });
    expect((await old.finish(started)).status).toBe(200);
    const live = await listLiveRunners(store.db, 'acme/site', 0);
    expect(live.map((one) => one.draining).sort()).toEqual([false, true]);
  });

  it('tells a waiting sync of a replaced process to drain', async () => {
    const { store, runner, clock } = await startDispatch();
    await queueJobs(store, {});
    const old = runner({ process: 'process-old' });
    const offer = await old.take();
    await old.starting(offer);
    const waiting = old.sync(offer, { wait: 15 });
    await synced(store, clock);
    await runner({ process: 'process-new' }).acquire();
    expect(await body(waiting)).toMatchObject({ drain: true });
  });
});

describe('sync', () => {
  async function leased() {
    const dispatch = await startDispatch();
    await queueJobs(dispatch.store, {});
    const runner = dispatch.runner();
    return { ...dispatch, runner, offer: await runner.take() };
  }

  it('starts, logs and finishes a run, and enqueues its job each time', async () => {
    const { store, runner, offer, clock } = await leased();
    const forget = () => store.write((tx) => tx.deleteFrom('work').execute());
    await forget();
    expect(await body(runner.starting(offer))).toEqual({
      offset: 0,
      cancel: false,
      drain: false,
      ttl_seconds: 60,
    });
    expect(await getJob(store.db, 1, JOB_ID)).toMatchObject({ state: 'running', reason: 'started' });
    expect(await getWork(store.db, `job:1:${JOB_ID}`)).toMatchObject({ due_at: clock.now });

    await forget();
    clock.now += 3_000;
    expect(await body(runner.log(offer, 0, 'hello'))).toMatchObject({ offset: 5 });
    expect(await getWork(store.db, `job:1:${JOB_ID}`)).toMatchObject({ due_at: clock.now + 7_000 });

    await forget();
    expect((await runner.finish(offer, { log_bytes: 5, exit_code: 3 })).status).toBe(200);
    expect(await getWork(store.db, `job:1:${JOB_ID}`)).toMatchObject({ due_at: clock.now });
    const [run] = await listRuns(store.db, 1, JOB_ID);
    expect(run).toMatchObject({ state: 'finished', log_bytes: 5, finished_at: clock.now });
    expect(JSON.parse(run?.result ?? '')).toEqual(runResult({ log_bytes: 5, exit_code: 3 }));
    expect(await getJob(store.db, 1, JOB_ID)).toMatchObject({ state: 'running' });
  });

  it('takes a chunk twice without storing it twice, and answers 416 with the offset to a gap or an overlap', async () => {
    const { runner, offer } = await leased();
    await runner.starting(offer);
    await runner.log(offer, 0, 'hello');
    for (const [offset, text] of [
      [0, 'hello'],
      [2, 'll'],
    ] as const) {
      const again = await runner.log(offer, offset, text);
      expect(again.status).toBe(200);
      expect(await again.json()).toMatchObject({ offset: 5 });
    }
    for (const offset of [6, 3]) {
      const response = await runner.log(offer, offset, 'world');
      expect(response.status).toBe(416);
      expect(await response.json()).toMatchObject({ error: 'wrong_offset', offset: 5 });
    }
    expect(await body(runner.log(offer, 5, ' world'))).toMatchObject({ offset: 11 });
  });

  it('renews the lease even when the log is refused', async () => {
    const { store, runner, offer, clock } = await leased();
    await runner.starting(offer);
    clock.now += 50_000;
    await runner.log(offer, 9, 'x');
    const [run] = await listRuns(store.db, 1, JOB_ID);
    expect(run).toMatchObject({ seen_at: clock.now, lease_expires_at: clock.now + 60_000 });
  });

  it('answers 412 to a finish whose log is not all there, and takes the same finish later, twice', async () => {
    const { store, runner, offer } = await leased();
    await runner.starting(offer);
    await runner.log(offer, 0, 'hello');
    const early = await runner.finish(offer, { log_bytes: 9 });
    expect(early.status).toBe(412);
    expect(await early.json()).toMatchObject({ error: 'log_incomplete', offset: 5 });
    expect((await listRuns(store.db, 1, JOB_ID))[0]).toMatchObject({ state: 'running' });
    await runner.log(offer, 5, 'more');
    expect((await runner.finish(offer, { log_bytes: 9 })).status).toBe(200);
    expect((await runner.finish(offer, { log_bytes: 9, exit_code: 7 })).status).toBe(200);
    const [run] = await listRuns(store.db, 1, JOB_ID);
    expect(JSON.parse(run?.result ?? '')).toMatchObject({ exit_code: 0 });
  });

  it('takes the end of a run that was refused before it started', async () => {
    const { store, runner, offer } = await leased();
    const refused = { outcome: 'refused', exit_code: null, message: 'workdir is missing' } as const;
    expect((await runner.finish(offer, refused)).status).toBe(200);
    expect((await listRuns(store.db, 1, JOB_ID))[0]).toMatchObject({ state: 'finished' });
    expect(await getJob(store.db, 1, JOB_ID)).toMatchObject({ state: 'running' });
  });

  it('answers 409 to another fence, 403 to a token of another run, 404 to a run it does not know', async () => {
    const { runner, offer } = await leased();
    expect(await body(runner.sync(offer, { fence: offer.fence - 1 }))).toMatchObject({
      error: 'stale_fence',
    });
    expect(await body(runner.sync(offer, { token: 'x.y' }))).toMatchObject({ error: 'forbidden' });
    expect(await body(runner.sync({ ...offer, run: 'nope' }, {}))).toMatchObject({ error: 'unknown_run' });
  });

  it('answers 403 to the token of another repository', async () => {
    const { store, runner } = await startDispatch();
    await queueJobs(store, {});
    const offer = await runner().take();
    const other = await store.write((tx) => createToken(tx, 'other', ['acme/other'], 1));
    const response = await runner({ token: other.token }).sync(offer, {});
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({
      error: 'forbidden',
      message: expect.stringContaining('does not cover acme/site'),
    });
  });

  it('answers a waiting sync at once when its job is cancelled, and only the first time', async () => {
    const { store, runner, offer, clock } = await leased();
    await runner.starting(offer);
    const waiting = runner.sync(offer, { wait: 15 });
    await synced(store, clock);
    const result = await store.write((tx) => cancelJob(tx, 1, JOB_ID, 'ada', clock.now));
    expect(result).toEqual({ kind: 'cancelling', runner: 'devbox' });
    expect(await body(waiting)).toMatchObject({ cancel: true });
    const begin = performance.now();
    expect(await body(runner.sync(offer, { wait: 0.05 }))).toMatchObject({ cancel: true });
    expect(performance.now() - begin).toBeGreaterThanOrEqual(45);
  });

  it('says cancel at once to a sync that comes after it', async () => {
    const { store, runner, offer, clock } = await leased();
    await runner.starting(offer);
    await store.write((tx) => cancelJob(tx, 1, JOB_ID, 'ada', clock.now));
    expect(await body(runner.sync(offer, { wait: 15 }))).toMatchObject({ cancel: true });
  });

  it('answers what waits at a shutdown', async () => {
    const { store, runner, offer, shutdown, clock } = await leased();
    await runner.starting(offer);
    const waiting = runner.sync(offer, { wait: 15 });
    await synced(store, clock);
    shutdown.abort();
    expect(await body(waiting)).toMatchObject({ cancel: false });
  });
});

describe('bad input', () => {
  it('asks for a token, and refuses one it does not know', async () => {
    const { api, runner } = await startDispatch();
    const bare = await api.request('/api/runner/acquire', { method: 'POST', body: '{}' });
    expect(bare.status).toBe(401);
    expect(await bare.json()).toMatchObject({
      error: 'unauthorized',
      message: expect.stringContaining('guruguru token create'),
    });
    const unknown = await runner({ token: 'ggr_unknown' }).acquire();
    expect(unknown.status).toBe(401);
    expect(await unknown.json()).toMatchObject({
      message: expect.stringContaining('does not know the token'),
    });
  });

  it.each<[string, unknown, string]>([
    ['no field', {}, 'name: '],
    ['an unknown field', { ...valid(), extra: 1 }, 'extra'],
    ['a wrong field', { ...valid(), labels: ['a b'] }, 'labels.0: '],
    ['a long wait', { ...valid(), wait: 26 }, 'wait: '],
  ])('names the field for %s', async (_name, request, message) => {
    const { runner } = await startDispatch();
    const response = await runner().post('/acquire', request);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: 'invalid_request',
      message: expect.stringContaining(message),
    });
  });

  it('wants a result at the end, JSON, and no more than 2 MiB', async () => {
    const { api, store, token, runner } = await startDispatch();
    await queueJobs(store, {});
    const offer = await runner().take();
    expect(await body(runner().sync(offer, { phase: 'finished' }))).toMatchObject({
      error: 'invalid_request',
      message: expect.stringContaining('result: '),
    });
    const send = (text: string) =>
      api.request('/api/runner/acquire', {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
        body: text,
      });
    expect(await body(send('{'))).toMatchObject({ message: 'body: is not JSON' });
    const large = await send(`"${'x'.repeat(2_200_000)}"`);
    expect(large.status).toBe(413);
    expect(await large.json()).toMatchObject({ error: 'payload_too_large' });
  });

  it('refuses a chunk over 64 KiB', async () => {
    const { store, runner } = await startDispatch();
    await queueJobs(store, {});
    const offer = await runner().take();
    await runner().starting(offer);
    expect((await runner().log(offer, 0, 'x'.repeat(65_536))).status).toBe(200);
    expect((await runner().log(offer, 65_536, 'x'.repeat(65_537))).status).toBe(413);
  });

  it('answers 503 while the app is not ready, and when the store refuses', async () => {
    const store = await tempStore();
    let ready = false;
    const api = createRunnerApi({
      store,
      signingKey: SIGNING_KEY,
      log: { error: () => {} },
      isReady: () => ready,
    });
    const { token } = await store.write((tx) => createToken(tx, 'x', ['acme/site'], 1));
    const ask = () =>
      api.request('/api/runner/acquire', {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
        body: JSON.stringify(valid()),
      });
    expect((await ask()).status).toBe(503);
    ready = true;
    expect((await ask()).status).toBe(204);
    await store.close();
    expect((await ask()).status).toBe(503);
  });
});

describe('over HTTP', () => {
  it('gives no job to a runner whose connection is gone', async () => {
    const { api, store, token, runner } = await startDispatch();
    const listening = Promise.withResolvers<number>();
    const noticed = Promise.withResolvers<void>();
    const handle = (request: Request) => {
      request.signal.addEventListener('abort', () => noticed.resolve());
      return api.fetch(request);
    };
    const server = serve({ fetch: handle, port: 0, hostname: '127.0.0.1' }, (info) =>
      listening.resolve(info.port),
    );
    onTestFinished(() => new Promise<void>((resolve) => void server.close(() => resolve())));
    const gone = new AbortController();
    const call = fetch(`http://127.0.0.1:${await listening.promise}/api/runner/acquire`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify({ ...valid(), name: 'gone', wait: 25 }),
      signal: gone.signal,
    });
    await registered(store, 1);
    gone.abort();
    await expect(call).rejects.toThrow();
    await noticed.promise;
    const other = runner({ name: 'other', process: 'process-2' }).acquire(25);
    await registered(store, 2);
    await queueJobs(store, {});
    expect(await body(other)).toMatchObject({ job_id: JOB_ID });
  });

  it('serves two hundred that wait, each with its own job', async () => {
    const { store, runner } = await startDispatch();
    const waiting = Array.from({ length: 200 }, (_, n) =>
      runner({ name: `r${n}`, process: `process-${n}` }).acquire(25),
    );
    await registered(store, 200);
    const before = process.cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, 200));
    const idle = process.cpuUsage(before);
    expect(idle.user + idle.system).toBeLessThan(100_000);
    await queueJobs(store, ...Array.from({ length: 200 }, (_, n) => ({ id: `j${n}` })));
    const offers = await Promise.all(waiting.map(body));
    expect(new Set(offers.map((offer) => (offer as Offer).job_id)).size).toBe(200);
  });
});

/** Resolves when so many runner processes are known, which they are before they wait. */
async function registered(store: Store, runners: number): Promise<void> {
  await vi.waitFor(
    async () => expect(await store.db.selectFrom('runners').select('name').execute()).toHaveLength(runners),
    { interval: 1 },
  );
}

/** Resolves when the only run has heard of the sync sent just before, which waits from then on. */
async function synced(store: Store, clock: Clock): Promise<void> {
  clock.now += 1;
  await vi.waitFor(async () => expect((await listRuns(store.db, 1, JOB_ID))[0]?.seen_at).toBe(clock.now), {
    interval: 1,
  });
}

function valid() {
  return { name: 'devbox', process: 'process-1', labels: [], capabilities: [], version: '1', wait: 0 };
}
