import { afterEach, describe, expect, it } from 'vitest';
import { enqueue } from '../../src/store/work.ts';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/app.ts';
import { ask, check, fence, jobIdOf, jobState, pullOf, waitingPull } from '../support/app-steps.ts';
import type { Pull } from '../support/github/person.ts';
import { backUp, loseData, tellLost } from '../support/lose-data.ts';
import type { ScriptedRunner } from '../support/scripted-runner.ts';

let t: TestApp;
afterEach(async () => {
  expect(t.github.contractViolations).toEqual([]);
  await t.close();
});

const APPROVE = { settings: 'gate:\n  fenced: approve\n' };

/** With the reconciler, which finds the repositories of an app that knows none. */
async function start(options: TestAppOptions = {}): Promise<ScriptedRunner> {
  t = await startTestApp({ ingress: 'webhook', ...options });
  return t.runner();
}

interface Queued {
  issue: number;
  pull: Pull;
  id: string;
}

/** A fenced ask, which merges itself. */
async function queued(line: string): Promise<Queued> {
  const issue = await ask(t, `/ask ${line}\n${fence(line)}`);
  const pull = await pullOf(t, issue);
  return { issue, pull, id: jobIdOf(pull) };
}

/** What must never be there twice. */
async function left({ issue, pull, id }: Queued) {
  const commits = (await t.github.read.commits()).map((commit) => JSON.stringify(commit));
  const checks = await t.github.read.checkRuns(pull.head.sha, 'all');
  const record = JSON.parse((await t.github.read.file(`reports/jobs/${id}.json`)) ?? '{"runs":[]}');
  return {
    pulls: (await t.github.read.pulls()).filter((one) => one.title.includes(id)).length,
    status: (await t.marked(issue, 'status')).length,
    final: (await t.marked(issue, 'final')).length,
    checks: checks.map((one) => `${String(one.name).replace(id, 'job')}: ${one.conclusion}`).sort(),
    reports: commits.filter((one) => one.includes(`guruguru: ${id}`) && /\[skip ci\]/.test(one)).length,
    runs: record.runs.map((run: { attempt: number; state: string }) => `${run.attempt} ${run.state}`),
  };
}

const ONCE = {
  pulls: 1,
  status: 1,
  final: 1,
  checks: ['guruguru / job: success', 'guruguru / validate: success'],
  reports: 1,
  runs: ['1 succeeded'],
};

describe('after the loss of the database', () => {
  it('a job PR is found again, and an approval given while the app was away counts', async () => {
    await start(APPROVE);
    const { issue, pull, id } = await waitingPull(t);
    await loseData(t, () => t.github.as('octo').review(pull.number, { event: 'APPROVE' }));
    const runner = await t.runner();
    expect((await runner.run()).job_id).toBe(id);
    await t.settle();
    expect(await left({ issue, pull, id })).toEqual(ONCE);
    expect((await t.marked(issue, 'status'))[0]?.body).toContain('✅');
  });

  it('what ended stays ended, whatever GitHub sends again', async () => {
    const runner = await start();
    const job = await queued('echo ended');
    await runner.run();
    await t.settle();
    const before = await left(job);
    expect(before).toEqual(ONCE);
    await loseData(t);
    for (const delivery of [...t.github.webhooks.log]) t.github.webhooks.redeliver(delivery.id);
    await t.settle();
    await tellLost(t);
    expect(await (await t.runner()).acquire()).toBeNull();
    expect(await left(job)).toEqual(before);
    expect(await t.marked(job.pull.number, 'lost')).toEqual([]);
  });

  it('merged jobs without a record are lost, named in one comment, and run again only by /retry', async () => {
    await start();
    const jobs = [await queued('echo one'), await queued('echo two')];
    const ids = jobs.map(({ id }) => id);
    await loseData(t);
    for (const delivery of [...t.github.webhooks.log]) t.github.webhooks.redeliver(delivery.id);
    await t.settle();
    const runner = await t.runner();
    expect(await runner.acquire()).toBeNull();
    await tellLost(t);
    const said = await Promise.all(jobs.map(({ pull }) => t.marked(pull.number, 'lost')));
    expect(said.flat()).toHaveLength(1);
    for (const id of ids) expect(said.flat()[0]?.body).toContain(id);
    for (const job of jobs) {
      expect(await left(job)).toMatchObject({
        ...ONCE,
        final: 0,
        runs: ['1 lost'],
        checks: expect.any(Array),
      });
      expect(await check(t, job.pull.head.sha, job.id)).toMatchObject({ conclusion: 'failure' });
      expect((await t.marked(job.issue, 'status'))[0]?.body).toContain(`/retry ${job.id}`);
    }
    expect(await runner.acquire()).toBeNull();

    await t.github.as('octo').comment(jobs[0]?.issue ?? 0, `/retry ${ids.join(' ')}`);
    await t.settle();
    expect([(await runner.run()).job_id, (await runner.run()).job_id].sort()).toEqual(ids);
    await t.settle();
    expect(await runner.acquire()).toBeNull();
    for (const job of jobs)
      expect(await left(job)).toMatchObject({ final: 1, status: 1, runs: ['1 lost', '2 succeeded'] });
  });

  it("a running job's runner goes on: its log is sent again from the start, its result counts", async () => {
    const runner = await start();
    const job = await queued('echo running');
    const offer = await runner.acquire(5);
    if (!offer) throw new Error('no job');
    await runner.start(offer);
    const log = Buffer.from(`${JSON.stringify({ s: 'out', t: 0, d: 'before the loss' })}\n`);
    await runner.sync(offer, { log: { offset: 0, data: log.toString('base64') } });
    await loseData(t);
    expect(await runner.sync(offer, { log: { offset: log.length, data: 'eA==' } })).toMatchObject({
      status: 416,
      body: { offset: 0 },
    });
    expect(await jobState(t, job.id)).toBe('running');
    await tellLost(t);
    expect(await (await t.runner('other')).acquire()).toBeNull();
    await runner.finish(offer);
    await t.settle();
    expect(await left(job)).toEqual(ONCE);
    expect(await t.marked(job.pull.number, 'lost')).toEqual([]);
  });

  it('a result that comes after its job was called lost still counts', async () => {
    const runner = await start();
    const job = await queued('echo late');
    const offer = await runner.acquire(5);
    if (!offer) throw new Error('no job');
    await runner.start(offer);
    await loseData(t);
    await tellLost(t);
    expect(await left(job)).toMatchObject({ final: 0, runs: ['1 lost'] });
    await runner.finish(offer);
    await t.settle();
    expect(await left(job)).toEqual({ ...ONCE, reports: 2 });
    expect((await t.marked(job.issue, 'status'))[0]?.body).toContain('✅');
  });

  it('a result is refused once somebody said /retry', async () => {
    const old = await start();
    const job = await queued('echo twice');
    const offer = await old.acquire(5);
    if (!offer) throw new Error('no job');
    await old.start(offer);
    await loseData(t);
    await tellLost(t);
    await t.github.as('octo').comment(job.issue, `/retry ${job.id}`);
    await t.settle();
    const next = await (await t.runner('next')).run();
    expect(next).toMatchObject({ job_id: job.id, attempt: 2 });
    expect(next.fence).toBeGreaterThanOrEqual(offer.fence);
    expect(await old.sync(offer, { phase: 'running' })).toMatchObject({ status: 409 });
    await t.settle();
    expect(await left(job)).toMatchObject({ status: 1, final: 1, runs: ['1 lost', '2 succeeded'] });
  });
});

describe('what ended before the loss', () => {
  it('runs again by /retry, from a comment or by a click on its check run', async () => {
    const runner = await start();
    const job = await queued('echo again');
    await runner.run({ exit_code: 1 });
    await t.settle();
    await loseData(t);
    await t.github.as('octo').comment(job.issue, `/retry ${job.id}`);
    await t.settle();
    expect(await (await t.runner()).run()).toMatchObject({ job_id: job.id, attempt: 2 });
    await t.settle();
    await loseData(t);
    const shown = await check(t, job.pull.head.sha, job.id);
    await t.github.as('octo').clickCheckRun(shown?.id ?? 0, 'rerequested');
    await t.settle();
    expect(await (await t.runner()).run()).toMatchObject({ job_id: job.id, attempt: 3 });
    await t.settle();
    expect(await left(job)).toMatchObject({
      pulls: 1,
      status: 1,
      runs: ['1 failed', '2 succeeded', '3 succeeded'],
    });
  });

  it('gets the result of a later run that was under way', async () => {
    const runner = await start();
    const job = await queued('echo later');
    await runner.run({ exit_code: 1 });
    await t.settle();
    await t.github.as('octo').comment(job.issue, '/retry');
    await t.settle();
    const offer = await runner.acquire(5);
    if (!offer) throw new Error('no job');
    await runner.start(offer);
    await loseData(t);
    expect(await runner.sync(offer, {})).toMatchObject({ status: 503 });
    await t.settle();
    await runner.finish(offer);
    await t.settle();
    expect(await left(job)).toMatchObject({ status: 1, runs: ['1 failed', '2 succeeded'] });
    expect(await (await t.runner()).acquire()).toBeNull();
  });

  it('is not known where the repository has no such job', async () => {
    await start();
    const job = await queued('echo known');
    await loseData(t);
    await t.github.as('octo').comment(job.issue, '/retry 2025-11-22-999');
    await t.settle();
    expect(await t.marked(job.issue, 'reply')).toHaveLength(1);
  });
});

describe('a restart that lost nothing', () => {
  it('keeps a job that was queued again in the queue', async () => {
    const runner = await start();
    const job = await queued('echo once more');
    await runner.run({ exit_code: 1 });
    await t.settle();
    await t.github.as('octo').comment(job.issue, '/retry');
    await t.settle();
    await t.restart();
    await t.settle();
    expect(await runner.run()).toMatchObject({ job_id: job.id, attempt: 2 });
    await t.settle();
    expect(await left(job)).toMatchObject({ status: 1, runs: ['1 failed', '2 succeeded'] });
  });
});

describe('an old backup', () => {
  it.each(['started', 'ended'] as const)('does not start a job again that has %s since', async (then) => {
    const runner = await start();
    const job = await queued('echo old');
    const restore = await backUp(t);
    const offer = await runner.acquire(5);
    if (!offer) throw new Error('no job');
    await runner.start(offer);
    if (then === 'ended') await runner.finish(offer);
    await t.settle();
    await restore();
    expect(await (await t.runner('other')).acquire()).toBeNull();
    if (then === 'started') await runner.finish(offer);
    await tellLost(t);
    expect(await left(job)).toEqual(ONCE);
    expect(await t.marked(job.pull.number, 'lost')).toEqual([]);
  });

  it('makes a started job lost whose runner is not heard of', async () => {
    const runner = await start();
    const job = await queued('echo silent');
    const restore = await backUp(t);
    const offer = await runner.acquire(5);
    if (!offer) throw new Error('no job');
    await runner.start(offer);
    await t.settle();
    await restore();
    await tellLost(t);
    expect(await (await t.runner('other')).acquire()).toBeNull();
    expect(await left(job)).toMatchObject({ final: 0, status: 1, runs: ['1 lost'] });
    expect(await t.marked(job.pull.number, 'lost')).toHaveLength(1);
  });

  it('still runs what was queued and is queued, once', async () => {
    await start();
    const job = await queued('echo waits');
    const restore = await backUp(t);
    await restore();
    const runner = await t.runner();
    expect((await runner.run()).job_id).toBe(job.id);
    await t.settle();
    expect(await runner.acquire()).toBeNull();
    expect(await left(job)).toEqual(ONCE);
  });

  it.each(['queued', 'started', 'ended'] as const)(
    'from before the ask: a job that was %s since is found again',
    async (then) => {
      const runner = await start();
      const restore = await backUp(t);
      const job = await queued('echo unknown');
      if (then !== 'queued') {
        const offer = await runner.acquire(5);
        if (!offer) throw new Error('no job');
        await runner.start(offer);
        if (then === 'ended') await runner.finish(offer);
        await t.settle();
      }
      await restore();
      for (const delivery of [...t.github.webhooks.log]) t.github.webhooks.redeliver(delivery.id);
      await t.settle();
      await tellLost(t);
      expect(await (await t.runner('other')).acquire()).toBeNull();
      const lost = then === 'ended' ? 0 : 1;
      expect(await t.marked(job.pull.number, 'lost')).toHaveLength(lost);
      expect(await left(job)).toMatchObject({
        pulls: 1,
        status: 1,
        final: 1 - lost,
        runs: [lost ? '1 lost' : '1 succeeded'],
      });
    },
  );

  it('from before the merge: a job PR that was merged while the app was away runs', async () => {
    await start(APPROVE);
    const { issue, pull, id } = await waitingPull(t);
    await t.restart(async () => {
      await t.github.as('octo').merge(pull.number);
    });
    const { store } = t.app();
    await store.write((tx) => enqueue(tx, `pr:${t.github.repository().id}:${pull.number}`));
    await t.settle();
    const runner = await t.runner();
    expect((await runner.run()).job_id).toBe(id);
    await t.settle();
    expect(await runner.acquire()).toBeNull();
    expect(await left({ issue, pull, id })).toEqual(ONCE);
  });
});
