import { describe, expect, it } from 'vitest';
import { expireDue } from '../../src/dispatch/expire.ts';
import { LEASE_TIMES } from '../../src/dispatch/lease.ts';
import { retryJob } from '../../src/dispatch/retry.ts';
import { getJob, patchJob } from '../../src/store/jobs.ts';
import { readLog } from '../../src/store/logs.ts';
import { latestRun, listRuns } from '../../src/store/runs.ts';
import type { Store } from '../../src/store/store.ts';
import { getWork } from '../../src/store/work.ts';
import { JOB_ID, queueJobs, startDispatch } from '../support/dispatch.ts';

/** A run that started, logged, fell silent and was reported as lost. */
async function lost() {
  const dispatch = await startDispatch();
  const { store, clock } = dispatch;
  await queueJobs(store, {});
  const runner = dispatch.runner();
  const offer = await runner.take();
  await runner.starting(offer);
  await runner.log(offer, 0, 'hello');
  clock.now += LEASE_TIMES.silenceMs;
  await store.write(async (tx) => {
    await expireDue(tx, clock.now);
    await patchJob(tx, 1, JOB_ID, { verdict: '{}', report_sha: 'sha' });
  });
  return { ...dispatch, runner, offer };
}

const runStates = async (store: Store) => (await listRuns(store.db, 1, JOB_ID)).map((run) => run.state);

describe('the result of a lost run', () => {
  it('still counts: its log goes on, its finish is stored, and what was reported is void', async () => {
    const { store, runner, offer } = await lost();
    expect((await runner.log(offer, 5, ' world')).status).toBe(200);
    expect(await getJob(store.db, 1, JOB_ID)).toMatchObject({ state: 'lost', report_sha: 'sha' });
    expect((await runner.finish(offer, { log_bytes: 11 })).status).toBe(200);
    expect((await runner.finish(offer, { log_bytes: 11 })).status).toBe(200);
    expect(await runStates(store)).toEqual(['finished']);
    expect((await readLog(store.db, offer.run)).toString()).toBe('hello world');
    expect(await getJob(store.db, 1, JOB_ID)).toMatchObject({ report_sha: null, verdict: null });
  });

  it('is refused once a person said /retry', async () => {
    const { store, runner, offer, clock } = await lost();
    await store.write((tx) => retryJob(tx, 1, JOB_ID, clock.now));
    expect((await runner.finish(offer, { log_bytes: 5 })).status).toBe(409);
    const next = await runner.take();
    expect(next).toMatchObject({ attempt: 2 });
    expect((await runner.finish(offer, { log_bytes: 5 })).status).toBe(409);
    await runner.starting(next);
    expect((await runner.finish(next)).status).toBe(200);
    expect(await runStates(store)).toEqual(['lost', 'finished']);
  });
});

describe('a run of a lost database', () => {
  /** The offer of a run that began before the database was lost, and the API over a new one. */
  async function rebuilt(jobs: Parameters<typeof queueJobs>[1][]) {
    const before = await startDispatch();
    await queueJobs(before.store, {});
    const offer = await before.runner().take();
    const after = await startDispatch();
    await queueJobs(after.store, ...jobs);
    return { ...after, runner: after.runner(), offer };
  }

  it('counts when its job was found in the repository as lost', async () => {
    const { store, runner, offer } = await rebuilt([{ state: 'lost', reason: 'store_lost' }]);
    const gap = await runner.log(offer, 5, 'world');
    expect(gap.status).toBe(416);
    expect(await gap.json()).toMatchObject({ offset: 0 });
    await runner.log(offer, 0, 'hello');
    expect((await runner.finish(offer, { log_bytes: 5 })).status).toBe(200);
    expect(await latestRun(store.db, 1, JOB_ID)).toMatchObject({
      id: offer.run,
      state: 'finished',
      fence: offer.fence,
      attempt: 1,
    });
    expect(await getJob(store.db, 1, JOB_ID)).toMatchObject({ attempt: 1 });
  });

  it('counts when the rows come from an old backup, and its job is not offered again', async () => {
    const { store, runner, offer } = await rebuilt([{ state: 'queued' }]);
    await runner.log(offer, 0, 'hello');
    expect(await getJob(store.db, 1, JOB_ID)).toMatchObject({ state: 'running', attempt: 1 });
    // Should it fall silent, somebody looks.
    expect(await getWork(store.db, 'leases')).toBeDefined();
    expect((await runner.acquire()).status).toBe(204);
    expect((await runner.finish(offer, { log_bytes: 5 })).status).toBe(200);
  });

  it('is not begun by an offer whose lease is no longer known', async () => {
    const { store, runner, offer } = await rebuilt([{ state: 'queued' }]);
    expect((await runner.starting(offer)).status).toBe(409);
    expect(await getJob(store.db, 1, JOB_ID)).toMatchObject({ state: 'queued' });
  });

  it('is told to come again while its job is not known yet', async () => {
    const { runner, offer } = await rebuilt([]);
    expect((await runner.finish(offer)).status).toBe(503);
  });

  it.each([
    ['somebody said /retry', { state: 'queued', reason: 'retried', attempt: 2 } as const],
    ['the file is another one', { state: 'lost', digest: 'sha256:11' } as const],
  ])('is refused when %s', async (_name, job) => {
    const { runner, offer } = await rebuilt([job]);
    expect((await runner.finish(offer)).status).toBe(409);
  });
});
