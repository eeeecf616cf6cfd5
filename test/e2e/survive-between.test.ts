import { afterAll, beforeAll, expect, it } from 'vitest';
import { listOpenAsks, patchAsk } from '../../src/store/asks.ts';
import { enqueue } from '../../src/store/work.ts';
import { startTestApp, type TestApp } from '../support/app.ts';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t?.close());

it('an ask whose app died after the final reply was noted, before the ask was ended, ends without another', async () => {
  const { github } = t;
  const issue = await github.as('writer').openIssue({ title: 'Between' });
  const comment = await github.as('writer').comment(issue, '/ask\n```sh\necho between\n```');
  await t.settle();
  const offer = await (await t.runner()).run();
  await t.settle();
  const before = (await t.said(issue)).map(({ body }) => body);
  const repo = github.repository().id;
  await t.app().store.write(async (tx) => {
    await patchAsk(tx, `ask:${repo}:c${comment.id}`, { state: 'queued', reason: null });
    await enqueue(tx, `job:${repo}:${offer.job_id}`);
  });
  await t.settle();
  expect(await listOpenAsks(t.app().store.db, repo)).toEqual([]);
  expect((await t.said(issue)).map(({ body }) => body)).toEqual(before);
});
