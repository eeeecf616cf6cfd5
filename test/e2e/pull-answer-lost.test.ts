import { afterEach, expect, it, vi } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { jobAnswer } from '../support/model-replies.ts';

/** Found by the campaign: GitHub opens a job PR and its answer is lost; a person is quicker than the next try. */
let t: TestApp;
afterEach(() => t?.close());

/** @param decide told the PR and the thread; the next try comes after it */
async function decided(decide: (pull: number, thread: number) => Promise<unknown>): Promise<number> {
  t = await startTestApp({
    model: { otherwise: { text: jobAnswer() } },
    worker: { maxAttempts: 8, backoff: () => 50 },
  });
  const octo = t.github.as('octo');
  const thread = await octo.openIssue({ title: 'Say hello' });
  t.github.faults.add({
    match: (method, path, actor) => method === 'POST' && path.endsWith('/pulls') && actor === 'installation',
    status: 502,
    afterWrite: true,
    landed: async () => {
      const [pull] = await t.github.read.pulls();
      await decide(pull?.number ?? 0, thread);
    },
  });
  await octo.comment(thread, '/ask say hello');
  const { store } = t.app();
  // The next tries are due later, which `settle` does not wait for.
  await vi.waitFor(
    async () => {
      expect(await store.db.selectFrom('asks').select('state').execute()).toMatchObject([
        { state: expect.stringMatching(/proposed|queued|ended/) },
      ]);
      const due = await store.db.selectFrom('work').select('key').execute();
      expect(due.map(({ key }) => key).filter((key) => /^(ask|command|pr|job):/.test(key))).toEqual([]);
    },
    { timeout: 15_000, interval: 25 },
  );
  await t.settle();
  expect(await t.github.read.pulls()).toHaveLength(1);
  return thread;
}

/** Resolves once the app has seen the comment. */
async function say(thread: number, text: string): Promise<void> {
  await t.github.as('octo').comment(thread, text);
  await t.github.webhooks.idle();
}

it('is run when it was merged meanwhile', async () => {
  const thread = await decided((pull) => t.github.as('octo').merge(pull));
  const runner = await t.runner();
  await runner.run();
  await t.settle();
  expect(await t.github.read.pulls()).toMatchObject([{ merged: true }]);
  expect((await t.marked(thread, 'final'))[0]?.body).toContain('✅');
});

it('stays closed when it was closed meanwhile', async () => {
  const thread = await decided((pull) => t.github.as('octo').close(pull));
  expect(await t.github.read.pulls()).toMatchObject([{ state: 'closed', merged: false }]);
  expect(await t.marked(thread, 'final')).toHaveLength(1);
});

it('is merged when it was approved meanwhile', async () => {
  const thread = await decided((pull) => say(pull, '/approve'));
  expect(await t.github.read.pulls()).toMatchObject([{ merged: true }]);
  expect(await t.marked(thread, 'reply')).toEqual([]);
});

it('is closed when its ask was cancelled meanwhile', async () => {
  const thread = await decided((_, issue) => say(issue, '/cancel'));
  expect(await t.github.read.pulls()).toMatchObject([{ state: 'closed', merged: false }]);
  expect((await t.marked(thread, 'final')).map(({ body }) => body)).toEqual([
    expect.stringContaining('Cancelled'),
  ]);
});
