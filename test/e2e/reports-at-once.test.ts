import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';

/** Found by `npm run chaos -- --seed 2`: jobs that ended together made one another's reports anew, until one was given up. */
const JOBS = 8;
let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t?.close());

it('makes one commit for each of many jobs that end at once', async () => {
  const octo = t.github.as('octo');
  for (let n = 0; n < JOBS; n += 1) {
    const thread = await octo.openIssue({ title: `Job ${n}` });
    await octo.comment(thread, `/ask\n\`\`\`sh\necho ${n}\n\`\`\``);
  }
  await t.settle();
  const runners = await Promise.all(Array.from({ length: JOBS }, (_, n) => t.runner(`runner-${n}`)));
  const offers = await Promise.all(
    runners.map(async (runner) => {
      const offer = await runner.acquire(5);
      if (!offer) throw new Error('no job');
      await runner.start(offer);
      return offer;
    }),
  );
  await t.settle();
  const from = t.github.requests.length;
  await Promise.all(offers.map((offer, n) => runners[n]?.finish(offer)));
  await t.settle();
  const made = t.github.requests
    .slice(from)
    .filter(({ method, path }) => method === 'POST' && path.endsWith('/git/commits'));
  expect(made).toHaveLength(JOBS);
  expect((await t.github.read.tree()).filter((path) => path.startsWith('jobs/done/'))).toHaveLength(JOBS);
  const loop = (await t.github.read.file('reports/loop.md')) ?? '';
  const rows = loop.split('## Last 10 runs')[1]?.match(/^\| \d{4}-/gm);
  expect(rows).toHaveLength(JOBS);
});
