import { describe, expect, it } from 'vitest';
import { cancelJob } from '../../src/dispatch/cancel.ts';
import { queueJob } from '../../src/dispatch/queue-job.ts';
import { queueView } from '../../src/dispatch/queue-view.ts';
import { retryJob } from '../../src/dispatch/retry.ts';
import { getJob } from '../../src/store/jobs.ts';
import { latestRun } from '../../src/store/runs.ts';
import type { JobState } from '../../src/store/tables.ts';
import { enqueue, getWork } from '../../src/store/work.ts';
import { JOB_ID, queueJobs, startDispatch } from '../support/dispatch.ts';

async function withJob(state: JobState, report_sha: string | null = 'sha') {
  const dispatch = await startDispatch();
  await queueJobs(dispatch.store, { state, report_sha });
  const { store } = dispatch;
  return {
    ...dispatch,
    job: () => getJob(store.db, 1, JOB_ID),
    cancel: (id = JOB_ID) => store.write((tx) => cancelJob(tx, 1, id, 'ada', 5)),
    retry: (id = JOB_ID) => store.write((tx) => retryJob(tx, 1, id, 5)),
  };
}

describe('cancelJob', () => {
  it('takes a queued job off the queue', async () => {
    const { cancel, job, runner, store } = await withJob('queued');
    expect(await cancel()).toEqual({ kind: 'cancelled' });
    expect(await job()).toMatchObject({ state: 'cancelled', reason: 'cancelled', updated_at: 5 });
    expect(await getWork(store.db, `job:1:${JOB_ID}`)).toBeDefined();
    expect((await runner().acquire()).status).toBe(204);
  });

  it('takes back a lease that has not started: its runner may not start any more', async () => {
    const { cancel, job, runner, store } = await withJob('queued');
    const offer = await runner().take();
    expect(await cancel()).toEqual({ kind: 'cancelled' });
    expect(await job()).toMatchObject({ state: 'cancelled' });
    expect(await latestRun(store.db, 1, JOB_ID)).toMatchObject({ state: 'returned', cancelled_by: 'ada' });
    expect((await runner().starting(offer)).status).toBe(409);
  });

  it('marks a running job once, and leaves its end to its runner', async () => {
    const { cancel, job, runner, store } = await withJob('queued');
    const offer = await runner().take();
    await runner().starting(offer);
    expect(await cancel()).toEqual({ kind: 'cancelling', runner: 'devbox' });
    expect(await cancel()).toEqual({ kind: 'cancelling', runner: 'devbox' });
    expect(await job()).toMatchObject({ state: 'running', reason: 'cancelled' });
    expect(await latestRun(store.db, 1, JOB_ID)).toMatchObject({ state: 'running', cancelled_by: 'ada' });
    await runner().finish(offer, { outcome: 'cancelled', exit_code: null });
    expect(await cancel()).toEqual({ kind: 'ended', state: 'running' });
  });

  it.each<[JobState, string]>([
    ['proposed', 'not_queued'],
    ['superseded', 'not_queued'],
    ['succeeded', 'ended'],
    ['lost', 'ended'],
  ])('says of a job that is %s: %s', async (state, kind) => {
    const { cancel, job } = await withJob(state);
    expect(await cancel()).toEqual({ kind, state });
    expect(await job()).toMatchObject({ state, updated_at: 1 });
    expect(await cancel('none')).toEqual({ kind: 'unknown' });
  });
});

describe('retryJob', () => {
  it.each<JobState>(['succeeded', 'failed', 'cancelled', 'lost'])(
    'queues a job that is %s',
    async (state) => {
      const { retry, job } = await withJob(state);
      expect(await retry()).toEqual({ kind: 'queued' });
      expect(await job()).toMatchObject({
        state: 'queued',
        reason: 'retried',
        queued_at: 5,
        report_sha: null,
      });
    },
  );

  it.each<JobState>(['succeeded', 'lost'])(
    'waits for the record of a job that is %s: a new run would take its place',
    async (state) => {
      const { retry, job } = await withJob(state, null);
      expect(await retry()).toEqual({ kind: 'unreported' });
      expect(await job()).toMatchObject({ state });
    },
  );

  it('gives the next attempt a new number even after leases were lost', async () => {
    const { store, runner, cancel, retry } = await withJob('queued');
    await runner({ process: 'process-a' }).take();
    await runner({ process: 'process-b' }).acquire();
    await cancel();
    await retry();
    expect((await getJob(store.db, 1, JOB_ID))?.lease_losses).toBe(0);
    expect(await runner({ process: 'process-b' }).take()).toMatchObject({ attempt: 2 });
  });

  it.each<[JobState, string]>([
    ['queued', 'active'],
    ['leased', 'active'],
    ['running', 'active'],
    ['proposed', 'never_queued'],
    ['rejected', 'never_queued'],
  ])('refuses a job that is %s: %s', async (state, kind) => {
    const { retry, job } = await withJob(state);
    expect(await retry()).toEqual({ kind, state });
    expect(await job()).toMatchObject({ state });
    expect(await retry('none')).toEqual({ kind: 'unknown' });
  });
});

describe('queueJob', () => {
  it('queues a proposed job once', async () => {
    const { store, job } = await withJob('proposed');
    const queue = () => store.write((tx) => queueJob(tx, 1, JOB_ID, 5));
    expect(await queue()).toBe(true);
    expect(await queue()).toBe(false);
    expect(await job()).toMatchObject({ state: 'queued', reason: 'admitted', queued_at: 5 });
  });
});

describe('queueView', () => {
  it('shows what waits, runs and is stuck in one repository, and its live runners', async () => {
    const { store, clock, runner } = await startDispatch();
    await queueJobs(store, { id: 'a' }, { id: 'b', queued_at: 2 }, { id: 'other', repo_id: 2 });
    const offer = await runner().take();
    await store.write(async (tx) => {
      await enqueue(tx, 'ask:1:c5');
      await enqueue(tx, 'ask:2:c5');
      await tx.updateTable('work').set({ stuck: 1 }).where('key', 'like', 'ask:%').execute();
    });
    const view = await queueView(store.db, 1, clock.now + 69_000);
    expect(view.queued.map((job) => job.id)).toEqual(['b']);
    expect(view.running).toMatchObject([{ job: { id: 'a' }, run: { id: offer.run, runner: 'devbox' } }]);
    expect(view.stuck.map((item) => item.key)).toEqual(['ask:1:c5']);
    expect(view.runners).toMatchObject([{ name: 'devbox', runId: offer.run }]);
    expect((await queueView(store.db, 1, clock.now + 71_000)).runners).toEqual([]);
  });
});
