import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { expireDue } from '../../src/dispatch/expire.ts';
import { LEASE_TIMES } from '../../src/dispatch/lease.ts';
import { enqueue } from '../../src/store/work.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { ask, check, fence, jobIdOf, jobState, pullOf } from '../support/app-steps.ts';
import type { ScriptedRunner } from '../support/scripted-runner.ts';

let t: TestApp;
let runner: ScriptedRunner;
beforeAll(async () => {
  t = await startTestApp();
  // Retries need something that has run; known to the app so that it can be told.
  runner = await t.runner();
});
afterAll(() => t.close());
afterEach(() => {
  expect(t.github.contractViolations).toEqual([]);
  expect(t.log).toEqual([]);
});

const retry = async (thread: number, text = '/retry', login = 'writer2') => {
  const comment = await t.github.as(login).comment(thread, text);
  await t.settle();
  return comment;
};
const lastReply = async (thread: number) => (await t.marked(thread, 'reply')).at(-1)?.body;

async function ran(exitCode = 1) {
  const issue = await ask(t, `/ask list files\n${fence('ls')}`);
  const pull = await pullOf(t, issue);
  const id = jobIdOf(pull);
  await runner.runJob(id, { exit_code: exitCode, output: ['first'] });
  await t.settle();
  return { issue, pull, id };
}

it('a silent run of an idempotent job leaves no check run open when the next one has ended', async () => {
  const draft = { kind: 'run_shell', script: ['ls'], dod: 'exit_code == 0', idempotent: true };
  const issue = await ask(t, `/ask list files\n\`\`\`json\n${JSON.stringify(draft)}\n\`\`\``);
  const pull = await pullOf(t, issue);
  const id = jobIdOf(pull);
  const checks = async () =>
    (await t.github.read.checkRuns(pull.head.sha, 'all'))
      .filter(({ name }) => name === `guruguru / ${id}`)
      .toSorted((a, b) => Number(a.id) - Number(b.id))
      .map(({ conclusion, output }) => [conclusion, (output as { title: string }).title]);
  const offer = await runner.acquire(5);
  if (!offer) throw new Error('no job was offered');
  await runner.start(offer);
  await t.settle();
  const { store } = t.app();
  await store.write(async (tx) => {
    await expireDue(tx, store.now() + LEASE_TIMES.silenceMs);
    await enqueue(tx, `job:${t.github.repository().id}:${id}`);
  });
  await t.settle();
  const silent = ['neutral', 'No word from the runner: run 2 follows'];
  expect(await checks()).toEqual([silent, [null, expect.stringContaining('Queued')]]);
  expect((await runner.runJob(id)).attempt).toBe(2);
  await t.settle();
  expect(await checks()).toEqual([silent, ['success', expect.stringContaining('Succeeded')]]);
});

describe('/retry', () => {
  it('is a new run of the same job: second log, two runs on record, its own reply', async () => {
    const { issue, pull, id } = await ran();
    expect(await jobState(t, id)).toBe('failed');
    const first = await check(t, pull.head.sha, id);
    const comment = await retry(issue);
    expect(await t.github.read.reactions({ comment: comment.id })).toEqual([
      `+1 by ${t.github.app.botLogin}`,
    ]);
    expect(await jobState(t, id)).toBe('queued');
    const offer = await runner.runJob(id, { output: ['second'] });
    expect(offer.attempt).toBe(2);
    await t.settle();
    expect(await jobState(t, id)).toBe('succeeded');
    expect(await t.github.read.file(`reports/jobs/${id}.out`)).toContain('first');
    expect(await t.github.read.file(`reports/jobs/${id}.2.out`)).toContain('second');
    const record = JSON.parse((await t.github.read.file(`reports/jobs/${id}.json`)) ?? '');
    expect(record.runs).toMatchObject([
      { attempt: 1, state: 'failed' },
      { attempt: 2, state: 'succeeded' },
    ]);
    const again = await check(t, pull.head.sha, id);
    expect(again?.id).not.toBe(first?.id);
    expect(again?.conclusion).toBe('success');
    const finals = await t.marked(issue, 'final');
    expect(finals).toHaveLength(2);
    expect(finals[1]?.body).toContain('(run 2)');
    expect(await t.marked(issue, 'status')).toHaveLength(1);
    expect((await t.marked(issue, 'status'))[0]?.body).toContain('succeeded');
  });

  it('by the button of the job’s check run', async () => {
    const { pull, id } = await ran();
    const run = await check(t, pull.head.sha, id);
    await t.github.as('writer2').clickCheckRun(run?.id ?? 0, 'rerequested');
    await t.settle();
    expect(await jobState(t, id)).toBe('queued');
    await runner.runJob(id, { exit_code: 1 });
    await t.settle();
    const again = await check(t, pull.head.sha, id);
    await t.github.as('writer2').clickCheckRun(again?.id ?? 0, 'retry');
    await t.settle();
    expect(await jobState(t, id)).toBe('queued');
    await runner.runJob(id);
    await t.settle();
  });

  it('then /cancel in the queue leaves the first run on record', async () => {
    const { issue, id } = await ran();
    await retry(issue);
    await t.github.as('writer').comment(issue, '/cancel');
    await t.settle();
    expect(await jobState(t, id)).toBe('cancelled');
    const record = JSON.parse((await t.github.read.file(`reports/jobs/${id}.json`)) ?? '');
    expect(record.runs).toMatchObject([
      { attempt: 1, state: 'failed' },
      { attempt: 2, state: 'cancelled' },
    ]);
    expect(await t.marked(issue, 'final')).toHaveLength(2);
    await retry(issue);
    expect((await runner.runJob(id)).attempt).toBe(3);
    await t.settle();
    expect(await jobState(t, id)).toBe('succeeded');
  });

  it('while queued or running is refused', async () => {
    const { issue, id } = await ran();
    await retry(issue);
    await retry(issue);
    expect(await lastReply(issue)).toContain('has not ended yet (queued)');
    const offer = await runner.acquire(5);
    if (!offer) throw new Error('the job was not offered');
    await runner.start(offer);
    await retry(issue, `/retry ${id}`);
    expect(await lastReply(issue)).toContain('has not ended yet (running)');
    await runner.finish(offer);
    await t.settle();
    expect(await jobState(t, id)).toBe('succeeded');
  });

  it('of a job never approved, an unknown one, or none is refused', async () => {
    t.github.admin.protect('main', { requiredChecks: ['ci'] });
    const issue = await ask(t, `/ask list files\n${fence('ls')}`);
    const id = jobIdOf(await pullOf(t, issue));
    t.github.admin.unprotect('main');
    await retry(issue);
    expect(await lastReply(issue)).toContain(`\`${id}\` was never approved`);
    await retry(issue, '/retry 2020-01-01-001');
    expect(await lastReply(issue)).toContain('There is no job `2020-01-01-001`');
    const bare = await t.github.as('octo').openIssue({ title: 'Nothing' });
    await retry(bare);
    expect(await lastReply(bare)).toContain('no job that `/retry` could apply to');
    await t.github.as('writer').comment(issue, '/cancel');
    await t.settle();
  });

  it('takes several ids, and says which of them it could not', async () => {
    const [one, two, three] = [await ran(), await ran(0), await ran()];
    await retry(three.issue);
    await retry(one.issue, `/retry ${one.id}, ${two.id} ${three.id}`);
    expect(await lastReply(one.issue)).toContain(`\`${three.id}\` has not ended yet`);
    expect([await jobState(t, one.id), await jobState(t, two.id)]).toEqual(['queued', 'queued']);
    for (const { id } of [three, one, two]) await runner.runJob(id);
    await t.settle();
  });

  it('by a reader is refused', async () => {
    const { issue, id } = await ran();
    await retry(issue, '/retry', 'reader');
    expect(await jobState(t, id)).toBe('failed');
    expect(await lastReply(issue)).toContain('`/retry` needs write access');
  });
});
