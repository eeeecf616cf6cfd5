import { afterEach, beforeEach, expect, it } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { fence, jobIdOf, jobState } from '../support/app-steps.ts';
import { jobAnswer } from '../support/model-replies.ts';

let t: TestApp;
beforeEach(async () => {
  t = await startTestApp({
    model: { otherwise: { text: jobAnswer({ script: ['pytest'] }) } },
  });
});
afterEach(async () => {
  expect(t.github.contractViolations).toEqual([]);
  await t.close();
});

const writes = () =>
  t.github.requests
    .filter(({ kind, actor, status }) => kind === 'write' && actor === 'installation' && status < 400)
    .map(({ method, template }) => `${method} ${template}`);

/** The whole life of a prose ask: asked, approved by a command, run, retried. */
async function play(step: (what: () => Promise<unknown>) => Promise<void>) {
  const issue = await t.github.as('octo').openIssue({ title: 'Smoke' });
  await step(() => t.github.as('writer').comment(issue, '/ask run the smoke test'));
  const pull = (await t.github.read.pulls()).at(-1);
  if (!pull) throw new Error('no PR came of it');
  const id = jobIdOf(pull);
  await step(() => t.github.as('writer').comment(pull.number, `/approve ${pull.head.sha}`));
  const runner = await t.runner();
  await runner.runJob(id, { exit_code: 1 });
  await step(async () => {});
  await step(() => t.github.as('writer').comment(issue, '/retry'));
  await runner.runJob(id);
  await step(async () => {});
  await step(() => t.github.as('writer').comment(issue, '/status'));
  return { issue, pull, id };
}

function raise(message: string): never {
  throw new Error(message);
}

/** One of each, however often and in whatever order things were told. */
async function expectOnce({ issue, pull, id }: Awaited<ReturnType<typeof play>>) {
  expect(await jobState(t, id)).toBe('succeeded');
  expect(await t.github.read.pulls()).toHaveLength(1);
  expect(await t.marked(issue, 'status')).toHaveLength(1);
  expect(await t.marked(issue, 'final')).toHaveLength(2);
  expect(await t.marked(issue, 'reply')).toHaveLength(1);
  expect(await t.said(pull.number)).toEqual([]);
  const runs = await t.github.read.checkRuns(pull.head.sha, 'all');
  expect(runs.map(({ name }) => name).sort()).toEqual([
    `guruguru / ${id}`,
    `guruguru / ${id}`,
    'guruguru / validate',
  ]);
  expect(runs.every(({ status }) => status === 'completed')).toBe(true);
  const record = JSON.parse((await t.github.read.file(`reports/jobs/${id}.json`)) ?? '');
  expect(record.runs).toMatchObject([{ state: 'failed' }, { state: 'succeeded' }]);
  const subjects = (await t.github.read.commits()).map((one) =>
    String((one.commit as { message: string }).message),
  );
  expect(subjects.filter((message) => message.includes('[skip ci]'))).toHaveLength(2);
}

it('every delivery twice does nothing twice', async () => {
  t.github.webhooks.duplicate(true);
  const played = await play(async (what) => {
    await what();
    await t.settle();
  });
  await expectOnce(played);
  expect(t.model?.requests).toHaveLength(1);
  expect(t.log).toEqual([]);
  const before = writes().length;
  for (const { id } of [...t.github.webhooks.log]) t.github.webhooks.redeliver(id);
  await t.settle();
  expect(writes().length).toBe(before);
});

it('deliveries in the wrong order come to the same end', async () => {
  const played = await play(async (what) => {
    t.github.webhooks.hold();
    await what();
    t.github.webhooks.release('reversed');
    await t.settle();
    // What the app did meanwhile was held too.
    t.github.webhooks.hold();
    t.github.webhooks.release('reversed');
    await t.settle();
  });
  await expectOnce(played);
  expect(t.log).toEqual([]);
});

it('a late delivery of an opened PR does not bring back what is over', async () => {
  const pull = { current: 0 };
  t.github.webhooks.drop(({ event, action }) => event === 'pull_request' && action === 'opened');
  const issue = await t.github.as('octo').openIssue({ title: 'Smoke' });
  await t.github.as('writer').comment(issue, `/ask list files\n${fence('ls')}`);
  await t.settle();
  pull.current = (await t.github.read.pulls()).at(-1)?.number ?? 0;
  t.github.webhooks.drop(undefined);
  const opened = t.github.webhooks.log.find(
    ({ event, action }) => event === 'pull_request' && action === 'opened',
  );
  const before = writes().length;
  t.github.webhooks.redeliver(opened?.id ?? 0);
  await t.settle();
  expect(writes().length).toBe(before);
  expect((await t.github.read.pull(pull.current)).merged).toBe(true);
});

it('every write answered 502 after it landed is done once', async () => {
  // Each kind of write fails the first time it is made at one place.
  const seen = new Set<string>();
  t.github.faults.add({
    match: (method, path, actor) => {
      if (actor !== 'installation' || method === 'GET') return false;
      const fresh = !seen.has(`${method} ${path}`);
      seen.add(`${method} ${path}`);
      return fresh;
    },
    status: 502,
    afterWrite: true,
    times: 1000,
  });
  const played = await play(async (what) => {
    await what();
    await t.settle();
    // Failed items come back after their backoff.
    for (;;) {
      const due = await t
        .app()
        .store.db.selectFrom('work')
        .select(['key', 'due_at'])
        .where('attempts', '>', 0)
        .execute();
      if (due.length === 0) break;
      await t.app().store.write(async (tx) => {
        await tx.updateTable('work').set({ due_at: 0 }).where('attempts', '>', 0).execute();
      });
      t.app().worker()?.wake();
      await t.settle();
    }
  });
  await expectOnce(played);
  expect(t.model?.requests).toHaveLength(1);
});

it('a command whose answer fails is not done again', async () => {
  const issue = await t.github.as('octo').openIssue({ title: 'Smoke' });
  await t.github.as('writer').comment(issue, `/ask list files\n${fence('ls')}`);
  await t.settle();
  const id = jobIdOf((await t.github.read.pulls())[0] ?? raise('no PR came of it'));
  const runner = await t.runner();
  await runner.runJob(id, { exit_code: 1 });
  await t.settle();
  t.github.faults.add({
    match: (method, path, actor) =>
      actor === 'installation' && method === 'POST' && path.endsWith('/reactions'),
    status: 502,
  });
  const command = await t.github.as('writer').comment(issue, '/retry');
  await t.settle();
  await runner.runJob(id);
  await t.settle();
  await t.app().store.write((tx) => tx.updateTable('work').set({ due_at: 0 }).execute());
  t.app().worker()?.wake();
  await t.settle();
  expect(await jobState(t, id)).toBe('succeeded');
  expect(await t.github.read.reactions({ comment: command.id })).toHaveLength(1);
});

it('a write that GitHub puts off is made when it says', async () => {
  t.github.faults.add({
    match: (method, path, actor) => actor === 'installation' && method === 'POST' && path.endsWith('/pulls'),
    status: 403,
    headers: { 'retry-after': '1' },
    body: { message: 'You have exceeded a secondary rate limit.' },
  });
  const issue = await t.github.as('octo').openIssue({ title: 'Smoke' });
  const at = Date.now();
  await t.github.as('writer').comment(issue, `/ask list files\n${fence('ls')}`);
  const pull = await t.github.until('a PR', async () => (await t.github.read.pulls())[0]);
  expect(Date.now() - at).toBeGreaterThanOrEqual(1000);
  await t.settle();
  expect(await t.github.read.pulls()).toHaveLength(1);
  expect(await jobState(t, jobIdOf(pull))).toBe('queued');
  expect(await t.marked(issue, 'status')).toHaveLength(1);
});
