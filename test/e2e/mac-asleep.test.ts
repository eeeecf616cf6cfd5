import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createToken } from '../../src/store/tokens.ts';
import { enqueue } from '../../src/store/work.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { ask, check, fence, jobIdOf, jobState, pullOf } from '../support/app-steps.ts';
import { createScriptedRunner } from '../support/scripted-runner.ts';

let t: TestApp;
beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() });
  t = await startTestApp({ settings: '  runs_on: [mac]\n' });
});
afterAll(async () => {
  await t.close();
  vi.useRealTimers();
});
const later = (minutes: number) => vi.setSystemTime(Date.now() + minutes * 60_000);

it('shows a Mac as asleep, not as failing: while a job waits for it, and while one runs on it', async () => {
  const { store } = t.app();
  const { token } = await store.write((tx) => createToken(tx, 'mac', ['octo/hello'], store.now()));
  const mac = createScriptedRunner({
    url: () => t.app().url,
    token,
    name: 'mac',
    labels: ['mac'],
    capabilities: ['bash', 'macos'],
  });
  expect(await mac.acquire(0)).toBeNull();
  // The lid is closed.
  later(2);
  const issue = await ask(t, `/ask list files\n${fence('ls')}`);
  const pull = await pullOf(t, issue);
  const id = jobIdOf(pull);
  expect(pull.body).toContain('💤 `mac` is asleep and takes it when it wakes up');
  expect(await check(t, pull.head.sha, id)).toMatchObject({
    status: 'queued',
    output: { title: 'Queued: mac is asleep' },
  });
  // Edits of one comment are five seconds apart.
  later(0.1);
  const asked = await store.db.selectFrom('asks').select('key').executeTakeFirstOrThrow();
  await store.write((tx) => enqueue(tx, `status:${asked.key}`));
  await t.settle();
  expect((await t.marked(issue, 'status'))[0]?.body).toContain('Waiting for `mac`, which is asleep');
  await t.github.as('writer').comment(issue, '/status');
  await t.settle();
  expect((await t.marked(issue, 'reply')).at(-1)?.body).toMatch(/\| `mac` \| `mac` \| 💤 asleep \|/);

  const offer = await mac.acquire(5);
  if (!offer) throw new Error('no offer');
  await mac.start(offer);
  later(3);
  // An app whose clock has jumped renews every lease once; this one's ends after that.
  const leaseEnd = () =>
    store.db
      .selectFrom('runs')
      .select('lease_expires_at')
      .executeTakeFirstOrThrow()
      .then((run) => run.lease_expires_at);
  await vi.waitFor(async () => expect(await leaseEnd()).toBeGreaterThan(Date.now()), { timeout: 10_000 });
  await store.write((tx) =>
    tx
      .updateTable('runs')
      .set({ lease_expires_at: Date.now() - 1 })
      .execute(),
  );
  await store.write((tx) => enqueue(tx, `job:${t.github.repository().id}:${id}`));
  await t.settle();
  expect(await check(t, pull.head.sha, id)).toMatchObject({
    status: 'in_progress',
    output: { title: 'mac is asleep: the job goes on when it wakes up' },
  });
  expect(await jobState(t, id)).toBe('running');
  later(0.1);
  await store.write((tx) => enqueue(tx, `status:${asked.key}`));
  await t.settle();
  expect((await t.marked(issue, 'status'))[0]?.body).toContain('💤 `mac` has been asleep since');

  await mac.wait(offer, 0);
  await mac.finish(offer);
  await t.settle();
  expect(await check(t, pull.head.sha, id)).toMatchObject({ conclusion: 'success' });
  expect(t.log).toEqual([]);
});
