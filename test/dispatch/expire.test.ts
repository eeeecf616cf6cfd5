import { describe, expect, it } from 'vitest';
import { cancelJob } from '../../src/dispatch/cancel.ts';
import { expireDue, nextExpiry, renewAllLeases } from '../../src/dispatch/expire.ts';
import { LEASE_TIMES } from '../../src/dispatch/lease.ts';
import { getJob } from '../../src/store/jobs.ts';
import { listRuns } from '../../src/store/runs.ts';
import { getWork } from '../../src/store/work.ts';
import { JOB_ID, queueJobs, startDispatch } from '../support/dispatch.ts';

async function leased(changes: Parameters<typeof queueJobs>[1] = {}) {
  const dispatch = await startDispatch();
  await queueJobs(dispatch.store, changes);
  const runner = dispatch.runner();
  const { store, clock } = dispatch;
  return {
    ...dispatch,
    runner,
    offer: await runner.take(),
    /** Lets time pass, and what is due expire. */
    pass: (ms: number) => {
      clock.now += ms;
      return store.write((tx) => expireDue(tx, clock.now));
    },
    job: () => getJob(store.db, 1, JOB_ID),
    runs: async () => (await listRuns(store.db, 1, JOB_ID)).map((run) => run.state),
  };
}

describe('a lease that never started', () => {
  it('goes back to the queue after 60 s, keeps its place and its attempt, and refuses the late starter', async () => {
    const { runner, offer, pass, job, runs, store, clock } = await leased({ queued_at: 77 });
    expect(await nextExpiry(store.db)).toBe(clock.now + 60_000);
    await pass(59_999);
    expect(await job()).toMatchObject({ state: 'leased' });
    await pass(1);
    expect(await job()).toMatchObject({
      state: 'queued',
      reason: 'lease_lost',
      queued_at: 77,
      lease_losses: 1,
    });
    expect(await runs()).toEqual(['returned']);
    expect(await nextExpiry(store.db)).toBeUndefined();
    expect((await runner.starting(offer)).status).toBe(409);
    expect((await runner.finish(offer)).status).toBe(409);
    const again = await runner.take();
    expect(again).toMatchObject({ attempt: 1 });
    expect(again.run).not.toBe(offer.run);
  });

  it('is given up when it was lost six times', async () => {
    const { runner, pass, job } = await leased();
    for (let losses = 1; losses <= 5; losses++) {
      await pass(60_000);
      expect(await job()).toMatchObject({ state: 'queued', lease_losses: losses });
      expect(await runner.take()).toMatchObject({ attempt: 1 });
    }
    await pass(60_000);
    expect(await job()).toMatchObject({ state: 'failed', reason: 'never_started' });
    expect((await runner.acquire()).status).toBe(204);
  });
});

describe('a started run', () => {
  it('is lost with its job after 15 min of silence and not started again', async () => {
    const { runner, offer, pass, job, runs, store, clock } = await leased();
    await runner.starting(offer);
    expect(await nextExpiry(store.db)).toBe(clock.now + LEASE_TIMES.silenceMs);
    await pass(LEASE_TIMES.silenceMs - 1);
    expect(await job()).toMatchObject({ state: 'running' });
    await store.write((tx) => tx.deleteFrom('work').execute());
    await pass(1);
    expect(await job()).toMatchObject({ state: 'lost', reason: 'lost' });
    expect(await runs()).toEqual(['lost']);
    expect(await getWork(store.db, `job:1:${JOB_ID}`)).toBeDefined();
    expect((await runner.acquire()).status).toBe(204);
  });

  it('is not silent while it syncs', async () => {
    const { runner, offer, pass, job, clock } = await leased();
    await runner.starting(offer);
    clock.now += LEASE_TIMES.silenceMs - 1;
    await runner.sync(offer, {});
    await pass(LEASE_TIMES.silenceMs - 1);
    expect(await job()).toMatchObject({ state: 'running' });
  });

  it('counts silence from the restart of the app, which could not hear it before', async () => {
    const { runner, offer, pass, job, store, clock } = await leased();
    await runner.starting(offer);
    clock.now += 3_600_000;
    await store.write((tx) => renewAllLeases(tx, clock.now));
    await pass(0);
    expect(await job()).toMatchObject({ state: 'running' });
    await pass(LEASE_TIMES.silenceMs);
    expect(await job()).toMatchObject({ state: 'lost' });
  });

  it('is started again when its job is idempotent, three times in all, and its own calls are refused', async () => {
    const { runner, offer, pass, job } = await leased({ idempotent: 1 });
    let current = offer;
    for (const attempt of [1, 2]) {
      await runner.starting(current);
      await pass(LEASE_TIMES.silenceMs);
      expect(await job()).toMatchObject({ state: 'queued', reason: 'retried_idempotent' });
      expect((await runner.sync(current, {})).status).toBe(409);
      expect((await runner.finish(current)).status).toBe(409);
      current = await runner.take();
      expect(current.attempt).toBe(attempt + 1);
    }
    await runner.starting(current);
    await pass(LEASE_TIMES.silenceMs);
    expect(await job()).toMatchObject({ state: 'lost', attempt: 3 });
  });

  it('is not started again when a person cancelled it', async () => {
    const { runner, offer, pass, job, store, clock } = await leased({ idempotent: 1 });
    await runner.starting(offer);
    await store.write((tx) => cancelJob(tx, 1, JOB_ID, 'ada', clock.now));
    await pass(LEASE_TIMES.silenceMs);
    expect(await job()).toMatchObject({ state: 'lost' });
  });
});
