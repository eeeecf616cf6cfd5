import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { jobAnswer } from '../support/model-replies.ts';

/** Found by `npm run chaos -- --seed 2`: whatever waited for its time waited for another hour. */
const HOUR_MS = 3_600_000;
let t: TestApp;
let aheadMs = HOUR_MS;

beforeAll(async () => {
  const realNow = Date.now;
  vi.spyOn(Date, 'now').mockImplementation(() => realNow() + aheadMs);
  t = await startTestApp({ model: { otherwise: { text: jobAnswer() } } });
});
afterAll(async () => {
  await t?.close();
  vi.restoreAllMocks();
});

it('goes on at once when the clock, an hour ahead, is set right', async () => {
  const octo = t.github.as('octo');
  const thread = await octo.openIssue({ title: 'Say hello' });
  await octo.comment(thread, '/ask say hello');
  const status = async () => (await t.marked(thread, 'status'))[0]?.body ?? '';
  const pull = await t.github.until('the job PR', async () => (await t.github.read.pulls())[0]);
  // GitHub refuses once: the next try waits.
  t.github.faults.add({ match: (method) => method === 'PUT', status: 502, times: 1 });
  onTestFinished(() => t.github.faults.clear());
  await octo.review(pull.number, { event: 'APPROVE' });
  await vi.waitFor(() => expect(t.log.join()).toContain('a work item failed'), { timeout: 10_000 });
  aheadMs = 0;
  await t.github.until('the merge', async () => (await t.github.read.pull(pull.number)).merged, 20_000);
  await t.github.until(
    'the status comment to tell it',
    async () => (await status()).includes('queue'),
    20_000,
  );
});
