import { describe, expect, it, onTestFinished } from 'vitest';
import { keepLeases } from '../../src/dispatch/keep-leases.ts';
import { LEASE_TIMES, LEASE_TTL_MS } from '../../src/dispatch/lease.ts';
import { getJob } from '../../src/store/jobs.ts';
import { putPublished } from '../../src/store/published.ts';
import { enqueue, getWork } from '../../src/store/work.ts';
import { JOB_ID, queueJobs, startDispatch } from '../support/dispatch.ts';

const HOUR_MS = 3_600_000;

async function running() {
  const dispatch = await startDispatch();
  await queueJobs(dispatch.store, {});
  const runner = dispatch.runner();
  const offer = await runner.take();
  const errors: unknown[] = [];
  const leases = await keepLeases(dispatch.store, (error) => errors.push(error));
  onTestFinished(() => leases.stop());
  const { store, clock } = dispatch;
  return {
    ...dispatch,
    runner,
    offer,
    leases,
    state: async () => (await getJob(store.db, 1, JOB_ID))?.state,
    /** Time passes for a process that is awake: it looks at the clock all the while. */
    async pass(ms: number) {
      for (const until = clock.now + ms; clock.now < until; ) {
        clock.now = Math.min(until, clock.now + 4_000);
        await leases.expire();
      }
    },
    /** Time passes while the machine sleeps. */
    sleep: (ms: number) => {
      clock.now += ms;
    },
  };
}

describe('keepLeases', () => {
  it.each([
    [LEASE_TTL_MS - 1, 'leased'],
    [LEASE_TTL_MS, 'queued'],
  ])(
    'starting beside an app that was there for %i ms, leaves a silent lease %s',
    async (connectedMs, then) => {
      const { store, clock, runner } = await startDispatch();
      await queueJobs(store, {});
      await runner().take();
      clock.now += LEASE_TTL_MS;
      const others = () => ({ apps: 1, connectedMs });
      const leases = await keepLeases({ ...store, others }, () => {});
      onTestFinished(() => leases.stop());
      await leases.expire();
      expect((await getJob(store.db, 1, JOB_ID))?.state).toBe(then);
    },
  );

  it('ends what is overdue while the app was awake', async () => {
    const { runner, offer, pass, state } = await running();
    await runner.starting(offer);
    await pass(LEASE_TIMES.silenceMs - 4_000);
    expect(await state()).toBe('running');
    await pass(8_000);
    expect(await state()).toBe('lost');
  });

  it('gives a started run its time again when the machine has slept', async () => {
    const { runner, offer, pass, sleep, leases, state, clock } = await running();
    await runner.starting(offer);
    sleep(HOUR_MS);
    // What was overdue in the sleep is due on waking, before any runner can call.
    expect(await leases.expire()).toEqual({ dueAt: clock.now + LEASE_TIMES.silenceMs });
    await leases.expire();
    expect(await state()).toBe('running');
    expect((await runner.sync(offer, {})).status).toBe(200);
    await pass(LEASE_TIMES.silenceMs + 4_000);
    expect(await state()).toBe('lost');
  });

  it('gives a lease that was not started its time again when the machine has slept', async () => {
    const { runner, offer, sleep, leases, state } = await running();
    sleep(HOUR_MS);
    await leases.expire();
    expect(await state()).toBe('leased');
    expect((await runner.starting(offer)).status).toBe(200);
  });

  it('does not keep a lease for an hour because the clock was set back by one', async () => {
    const { pass, sleep, leases, state, clock } = await running();
    sleep(-HOUR_MS);
    expect(await leases.expire()).toEqual({ dueAt: clock.now + LEASE_TTL_MS });
    await pass(LEASE_TTL_MS);
    expect(await state()).toBe('queued');
  });

  it('lets no work wait for an hour because the clock was set back by one', async () => {
    const { store, sleep, leases, clock } = await running();
    const due = async () => (await getWork(store.db, 'ask:1:c1'))?.due_at;
    await store.write((tx) => enqueue(tx, 'ask:1:c1', clock.now + 5_000));
    sleep(-HOUR_MS);
    await leases.expire();
    expect(await due()).toBe(clock.now);
  });

  it.each([
    ['the clock was set back meanwhile', 1, 0],
    ['it was not', 0, 5_000],
  ])('at a start wakes what waits only if %s', async (_, hours, wait) => {
    const { store, clock } = await running();
    await store.write(async (tx) => {
      const published = { key: 'status:ask:1:c1', github_id: 1, digest: '' };
      await putPublished(tx, { ...published, updated_at: clock.now + hours * HOUR_MS });
      await enqueue(tx, 'ask:1:c1', clock.now + 5_000);
    });
    const again = await keepLeases(store, () => {});
    onTestFinished(() => again.stop());
    expect((await getWork(store.db, 'ask:1:c1'))?.due_at).toBe(clock.now + wait);
  });
});
