import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { listStuck } from '../../src/store/work.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { ask, fence, jobState, merged, pullOf } from '../support/app-steps.ts';

/** Threads nobody can be told on any more: what was asked goes on, and nothing is tried for ever. */
let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({ worker: { maxAttempts: 3, backoff: () => 0 } });
});
afterAll(() => t.close());
afterEach(() => t.github.faults.clear());

const ASK = `/ask list files\n${fence('ls')}`;
const stuck = async () => (await listStuck(t.app().store.db)).map(({ key }) => key);

/** GitHub's refusal of whatever the app writes into a thread. */
function refuse(thread: number, status: number, message: string) {
  t.github.faults.add({
    match: (method, path, actor) =>
      actor === 'installation' &&
      method !== 'GET' &&
      (path.includes(`/issues/${thread}/`) || path.includes('/issues/comments/')),
    status,
    body: { message },
    times: 100,
  });
}

describe('a thread that takes no comment', () => {
  it.each([
    ['is locked', 403, 'Unable to create comment because issue is locked.'],
    ['was deleted', 410, 'This issue was deleted'],
  ])('because it %s: the job is run and reported, each comment is tried once', async (_, status, message) => {
    const issue = await t.github.as('octo').openIssue({ title: 'Closed door' });
    refuse(issue, status, message);
    await t.github.as('writer').comment(issue, ASK);
    await t.settle();
    const pull = (await t.github.read.pulls()).findLast((one) => one.body.includes(`/issues/${issue}#`));
    expect(pull?.merged).toBe(true);
    const offer = await (await t.runner()).run();
    await t.settle();
    expect(await t.github.read.file(`reports/jobs/${offer.job_id}.json`)).toContain('succeeded');
    expect(await jobState(t, offer.job_id)).toBe('succeeded');
    expect(await stuck()).toEqual([]);
    expect(t.log.filter((line) => line.startsWith('a work item failed'))).toEqual([]);
  });

  it('is told again once it is unlocked', async () => {
    const issue = await t.github.as('octo').openIssue({ title: 'Opened again' });
    refuse(issue, 403, 'Unable to create comment because issue is locked.');
    await t.github.as('writer').comment(issue, ASK);
    await t.settle();
    t.github.faults.clear();
    await (await t.runner()).run();
    await t.settle();
    expect(await t.marked(issue, 'final')).toHaveLength(1);
    expect(await t.marked(issue, 'status')).toHaveLength(1);
  });

  it('for want of a permission is no such thread: the item is given up, not forgotten', async () => {
    const issue = await t.github.as('octo').openIssue({ title: 'No permission' });
    refuse(issue, 403, 'Resource not accessible by integration');
    const { id } = await t.github.as('writer').comment(issue, '/help');
    await t.settle();
    expect(await stuck()).toContain(`command:${t.github.repository().id}:c${id}`);
  });
});

it('an ask whose comment was deleted at once is planned without the 👀', async () => {
  t.github.faults.add({
    match: (method, path) => method === 'POST' && path.endsWith('/reactions'),
    status: 404,
    body: { message: 'Not Found' },
    times: 100,
  });
  const issue = await ask(t, ASK);
  expect(await merged(t, await pullOf(t, issue))).toBe(true);
  await (await t.runner()).run();
  await t.settle();
});

it('a repository without a commit is told so at once', async () => {
  for (const [route, status, message] of [
    [/\/(branches|contents)\//, 404, 'Not Found'],
    [/\/git\/(ref|trees|commits)/, 409, 'Git Repository is empty.'],
  ] as const) {
    t.github.faults.add({
      match: (method, path, actor) => actor === 'installation' && method === 'GET' && route.test(path),
      status,
      body: { message },
      times: 100,
    });
  }
  const issue = await ask(t, ASK);
  expect((await t.marked(issue, 'final')).map(({ body }) => body)).toEqual([
    expect.stringContaining('no commit'),
  ]);
  expect(await t.marked(issue, 'stuck')).toEqual([]);
});

it('who could not be told because GitHub was away for longer is told when it is back', async () => {
  const issue = await t.github.as('octo').openIssue({ title: 'Away' });
  t.github.faults.add({
    match: (_method, path, actor) => actor === 'installation' && path.includes('/comments'),
    status: 502,
    times: 1000,
  });
  await t.github.as('writer').comment(issue, '/help');
  await t.settle();
  t.github.faults.clear();
  const { store } = t.app();
  // The pause is long; the clock is not waited for.
  await store.write(async (tx) => {
    await tx.updateTable('work').set({ due_at: store.now() }).where('key', 'like', 'stuck:%').execute();
  });
  t.app().worker()?.wake();
  await t.settle();
  expect(await t.marked(issue, 'stuck')).toHaveLength(1);
});

it('a PR that has nothing to do with jobs is not told that looking at it was given up', async () => {
  const failing = (number: number, times: number) =>
    t.github.faults.add({
      match: (method, path, actor) =>
        actor === 'installation' && method === 'GET' && path.endsWith(`/pulls/${number}`),
      status: 422,
      body: { message: 'not today' },
      times,
    });
  const writer = t.github.as('writer');
  t.github.webhooks.hold();
  const other = await writer.openPull({ head: 'docs', files: { 'docs/a.md': 'a\n' } });
  const broken = await writer.openPull({ head: 'job', files: { 'jobs/queue/x.json': '{' } });
  failing(other.number, 3);
  failing(broken.number, 3);
  t.github.webhooks.release();
  await t.settle();
  const repo = t.github.repository().id;
  expect(await stuck()).toEqual(
    expect.arrayContaining([`pr:${repo}:${other.number}`, `pr:${repo}:${broken.number}`]),
  );
  expect(await t.said(other.number)).toEqual([]);
  expect(await t.marked(broken.number, 'stuck')).toHaveLength(1);
});
