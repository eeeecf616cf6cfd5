import { afterAll, beforeAll, expect, it } from 'vitest';
import { patchRun } from '../../src/store/runs.ts';
import { enqueue } from '../../src/store/work.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { ask, check, fence, jobIdOf, pullOf } from '../support/app-steps.ts';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.close());

it('shows a run whose runner falls silent when its lease ends, and takes it back with its next word', async () => {
  const runner = await t.runner();
  const pull = await pullOf(t, await ask(t, `/ask list files\n${fence('ls')}`));
  const id = jobIdOf(pull);
  const title = async () => (await check(t, pull.head.sha, id))?.output.title;
  const offer = await runner.acquire(5);
  if (!offer) throw new Error('no job was offered');
  await runner.start(offer);
  await t.settle();
  expect(await title()).toContain('Running on devbox');

  const { store } = t.app();
  const key = `job:${t.github.repository().id}:${id}`;
  const run = await store.db.selectFrom('runs').selectAll().executeTakeFirstOrThrow();
  const item = await store.db.selectFrom('work').select('due_at').where('key', '=', key).executeTakeFirst();
  expect(item?.due_at).toBe(run.lease_expires_at);

  await store.write(async (tx) => {
    await patchRun(tx, run.id, { lease_expires_at: store.now() - 1 });
    await enqueue(tx, key);
  });
  await t.settle();
  expect(await title()).toMatch(/^No word from devbox since /);
  expect((await check(t, pull.head.sha, id))?.output.summary).toContain('After 15 minutes without a word');

  await runner.wait(offer, 0);
  await t.settle();
  expect(await title()).toContain('Running on devbox');
});
