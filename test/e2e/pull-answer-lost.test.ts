import { afterEach, expect, it } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { jobAnswer } from '../support/model-replies.ts';

/** Found by `npm run chaos -- --seed 3`: GitHub opens a job PR and its answer is lost; a person is quicker than the next try. */
let t: TestApp;
afterEach(() => t?.close());

async function decided(decide: (pull: number) => Promise<unknown>): Promise<number> {
  t = await startTestApp({ model: { otherwise: { text: jobAnswer() } } });
  const octo = t.github.as('octo');
  t.github.faults.add({
    match: (method, path, actor) => method === 'POST' && path.endsWith('/pulls') && actor === 'installation',
    status: 502,
    afterWrite: true,
    landed: async () => {
      const [pull] = await t.github.read.pulls();
      await decide(pull?.number ?? 0);
    },
  });
  const thread = await octo.openIssue({ title: 'Say hello' });
  await octo.comment(thread, '/ask say hello');
  await t.github.until(
    'the next try',
    async () => (await t.marked(thread, 'status'))[0]?.body.includes('#'),
    20_000,
  );
  await t.settle();
  return thread;
}

it('is run when it was merged meanwhile', async () => {
  const thread = await decided((pull) => t.github.as('octo').merge(pull));
  const runner = await t.runner();
  await runner.run();
  await t.settle();
  expect(await t.github.read.pulls()).toMatchObject([{ merged: true }]);
  expect((await t.marked(thread, 'final'))[0]?.body).toContain('✅');
  t.log.length = 0;
});

it('stays closed when it was closed meanwhile', async () => {
  const thread = await decided((pull) => t.github.as('octo').close(pull));
  expect(await t.github.read.pulls()).toMatchObject([{ state: 'closed', merged: false }]);
  expect(await t.marked(thread, 'final')).toHaveLength(1);
  t.log.length = 0;
});
