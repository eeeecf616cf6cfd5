import { afterEach, describe, expect, it, vi } from 'vitest';
import { putMark } from '../../src/store/scans.ts';
import { listStuck } from '../../src/store/work.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import {
  ask,
  check,
  fence,
  jobFile,
  jobIdOf,
  jobState,
  merged,
  pullOf,
  waitingPull,
} from '../support/app-steps.ts';

/** What webhooks did not tell is found by looking, and done once. */
let t: TestApp;
afterEach(async () => {
  vi.useRealTimers();
  const { contractViolations } = t.github;
  await t.close();
  expect(contractViolations).toEqual([]);
});

/** GitHub's times are of whole seconds; what is no older than the answer is looked at again. */
function wholeSeconds(): void {
  vi.setSystemTime(Date.now() + 3_000);
}

const APPROVE = 'gate:\n  fenced: approve\n';

describe('an app that was away', () => {
  it('takes up everything that happened meanwhile, once, and late webhooks for it change nothing', async () => {
    t = await startTestApp({
      ingress: 'webhook',
      settings: APPROVE,
      github: { repositories: [{ fullName: 'octo/hello' }, { fullName: 'octo/later', installed: false }] },
    });
    const { github, settle } = t;
    const approved = await waitingPull(t);
    const byHand = await waitingPull(t);
    const cancelled = await waitingPull(t);
    const pushed = await waitingPull(t);
    const quiet = await github.as('octo').openIssue({ title: 'Quiet' });
    const other = await github.as('octo').openPull({ head: 'other', files: { 'docs/x.md': 'x\n' } });
    await t.reconcile();

    await t.down();
    github.webhooks.hold();
    await github.as('writer').comment(quiet, `/ask in a comment\n${fence('echo 1')}`);
    const opened = await github
      .as('writer')
      .openIssue({ title: 'Body', body: `/ask in a body\n${fence('echo 2')}` });
    await github
      .as('writer')
      .reviewComment(other.number, { path: 'docs/x.md', body: `/ask in a review\n${fence('echo 3')}` });
    await github.as('octo').review(approved.pull.number, { event: 'APPROVE' });
    await github.as('octo').merge(byHand.pull.number);
    await github.as('writer').comment(cancelled.issue, '/cancel');
    await github
      .as('writer')
      .push(pushed.pull.head.ref, { [`jobs/queue/${pushed.id}.json`]: jobFile(pushed.id, { title: 'New' }) });
    const later = github.repository('octo/later');
    await later.admin.addToInstallation();
    const there = await later.as('octo').openIssue({ title: 'There' });
    await later.as('octo').comment(there, '/ask in a new repository');
    await t.up();
    await settle();

    const seen = async () => ({
      pulls: (await github.read.pulls()).map(({ number, head, state }) => `${number} ${head.ref} ${state}`),
      quiet: (await t.said(quiet)).length,
      opened: (await t.said(opened)).length,
      other: (await t.said(other.number)).length,
      cancelled: (await t.said(cancelled.issue)).length,
      there: (await later.read.comments(there)).map(({ body }) => body),
      asks: await t.app().store.db.selectFrom('asks').select('key').orderBy('key').execute(),
    });
    const after = await seen();
    expect(await merged(t, approved.pull)).toBe(true);
    expect(await jobState(t, approved.id)).toBe('queued');
    expect(await jobState(t, byHand.id)).toBe('queued');
    expect(await jobState(t, cancelled.id)).toBe('rejected');
    expect((await github.read.pull(cancelled.pull.number)).state).toBe('closed');
    const head = (await github.read.pull(pushed.pull.number)).head.sha;
    expect(head).not.toBe(pushed.pull.head.sha);
    expect(await check(t, head, 'validate')).toMatchObject({ conclusion: 'success' });
    for (const thread of [quiet, opened, other.number])
      expect(await t.marked(thread, 'status')).toHaveLength(1);
    // No model is configured, and that is said.
    expect(after.there.filter((body) => body.includes('guruguru:final:'))).toHaveLength(1);
    expect(after.asks).toHaveLength(8);

    github.webhooks.release('reversed');
    await settle();
    await t.reconcile();
    expect(await seen()).toEqual(after);
    expect(t.log).toEqual([]);
  });
});

describe('without webhooks', () => {
  it('the whole loop runs by looking, and a quiet look changes nothing and costs no request of the hour', async () => {
    t = await startTestApp({ ingress: 'poll', settings: APPROVE });
    const { github } = t;
    const devbox = await t.runner();
    const issue = await github.as('octo').openIssue({ title: 'Poll' });
    const early = await github.as('octo').openPull({ head: 'early', files: { 'docs/e.md': 'e\n' } });
    await t.reconcile();
    expect(await t.said(early.number)).toEqual([]);

    await github.as('writer').comment(issue, `/ask list files\n${fence('ls')}`);
    await t.reconcile();
    const pull = await pullOf(t, issue);
    await github.as('octo').review(pull.number, { event: 'APPROVE' });
    await t.reconcile();
    expect((await github.read.pull(pull.number)).merged).toBe(true);
    const offer = await devbox.run();
    await t.settle();
    expect(await github.read.file(`reports/jobs/${offer.job_id}.json`)).toContain('succeeded');
    expect(await t.marked(issue, 'final')).toHaveLength(1);

    // Settings are read again once the default branch has moved.
    await github.as('octo').push('main', { '.github/guruguru.yml': 'trigger: /guru\n' });
    await github.as('writer').comment(issue, '/guru status please');
    await t.reconcile();
    await t.reconcile();
    expect(await t.marked(issue, 'final')).toHaveLength(2);

    wholeSeconds();
    await t.reconcile();
    github.requests.length = 0;
    await t.reconcile();
    const sent = github.requests.filter(({ actor }) => actor === 'installation');
    expect(sent.length).toBeGreaterThan(0);
    expect(sent.map(({ method, status }) => `${method} ${status}`)).toEqual(sent.map(() => 'GET 304'));
    expect(await fetch(`${t.app().url}/api/github/webhooks`, { method: 'POST' })).toMatchObject({
      status: 404,
    });
    expect(t.log).toEqual([]);
  });

  it('most looks ask for one list; a comment, a review and a push to a PR change it', async () => {
    t = await startTestApp({ ingress: 'poll', reconcileSeconds: 10, settings: APPROVE });
    const { github } = t;
    const issue = await github.as('octo').openIssue({ title: 'Poll' });
    const look = async () => {
      await t.reconcile();
      // Our own answer has changed the list, too.
      wholeSeconds();
      await t.reconcile();
      github.requests.length = 0;
      await t.reconcile();
      expect(
        github.requests.filter(({ actor }) => actor === 'installation').map(({ template }) => template),
      ).toEqual(['/repos/{owner}/{repo}/issues']);
    };
    await look();
    await github.as('writer').comment(issue, `/ask list files\n${fence('ls')}`);
    await look();
    const pull = await pullOf(t, issue);
    const id = jobIdOf(pull);
    await github
      .as('writer')
      .push(pull.head.ref, { [`jobs/queue/${id}.json`]: jobFile(id, { title: 'Other' }) });
    await look();
    const { head } = await github.read.pull(pull.number);
    expect(await check(t, head.sha, 'validate')).toMatchObject({ conclusion: 'success' });
    await github.as('octo').review(pull.number, { event: 'APPROVE' });
    await look();
    expect(await jobState(t, id)).toBe('queued');
  });
});

describe('a repository without issues', () => {
  it('is heard by its pull requests', async () => {
    t = await startTestApp({ ingress: 'webhook', settings: APPROVE });
    const { github } = t;
    const { pull, id } = await waitingPull(t);
    github.faults.add({
      match: (method, path, actor) => method === 'GET' && /\/issues\?/.test(path) && actor === 'installation',
      status: 410,
      body: { message: 'Issues has been disabled in this repository.' },
      times: 100,
    });
    await t.reconcile();
    github.webhooks.drop(({ event }) => event !== 'push');
    await github.as('octo').merge(pull.number);
    await t.app().store.write((tx) => putMark(tx, 'deliveries_read', Date.now() + 600_000));
    await t.reconcile();
    expect(await jobState(t, id)).toBe('queued');
  });
});

describe('a text that was edited before it was found', () => {
  it('counts as it is when its writer edited it, and not when somebody else did', async () => {
    t = await startTestApp({ ingress: 'poll' });
    const { github } = t;
    const issue = await github.as('octo').openIssue({ title: 'Edits' });
    const old = await github.as('octo').comment(issue, 'nothing to do here');
    const body = await github.as('writer').openIssue({ title: 'Body', body: 'as yet without a command' });
    wholeSeconds();
    await t.reconcile();
    const own = await github.as('writer').comment(issue, '/aks list files');
    const forged = await github.as('writer').comment(issue, 'good morning');
    wholeSeconds();
    await github.as('writer').editComment(own.id, `/ask list files\n${fence('ls')}`);
    await github.as('octo').editComment(forged.id, `/ask forged\n${fence('rm -rf /')}`);
    await t.reconcile();
    const asks = await t.app().store.db.selectFrom('asks').select(['key', 'edited', 'login']).execute();
    const pulls = await github.read.pulls();
    expect(pulls.map(({ head }) => head.ref)).toEqual([`guruguru/ask-c${own.id}`]);
    expect(asks.map(({ key, edited }) => `${key} ${edited}`).sort()).toEqual(
      [`ask:${github.repository().id}:c${own.id} 0`, `ask:${github.repository().id}:c${forged.id} 1`].sort(),
    );
    expect([old.id, body]).toHaveLength(2);
  });
});

describe('a delivery that failed', () => {
  it('is taken from the list of deliveries, be it a click, and once', async () => {
    t = await startTestApp({ ingress: 'webhook', settings: APPROVE });
    const { github } = t;
    const { pull, id } = await waitingPull(t);
    await t.reconcile();
    const validate = await check(t, pull.head.sha, 'validate');
    github.webhooks.drop(() => true);
    await github.as('octo').clickCheckRun(validate?.id ?? 0, 'approve');
    await t.settle();
    expect(await jobState(t, id)).toBe('proposed');
    await t.reconcile();
    expect(await jobState(t, id)).toBe('queued');
    const commands = async () =>
      await t.app().store.db.selectFrom('commands').select(['key', 'state']).execute();
    expect((await commands()).map(({ state }) => state)).toEqual(['ended']);

    github.webhooks.drop(undefined);
    for (const { id: delivery, statusCode } of [...github.webhooks.log])
      if (statusCode !== 200) github.webhooks.redeliver(delivery);
    await t.reconcile();
    await t.restart();
    await t.settle();
    expect(await commands()).toHaveLength(1);
  });
});

describe('an outage that is over', () => {
  it('lets what it made stuck go on by itself, told once', async () => {
    t = await startTestApp({ ingress: 'webhook', worker: { maxAttempts: 2, backoff: () => 0 } });
    const { github } = t;
    await t.reconcile();
    const away = {
      match: (method: string, path: string) => method === 'POST' && path.endsWith('/pulls'),
      status: 502,
    };
    github.faults.add({ ...away, times: 3 });
    const issue = await github.as('writer').openIssue({ title: 'Away', body: `/ask list\n${fence('ls')}` });
    await t.settle();
    const fiveMinutesAgo = () =>
      t.app().store.write((tx) =>
        tx
          .updateTable('work')
          .set({ due_at: Date.now() - 301_000 })
          .where('stuck', '>', 0)
          .execute(),
      );
    expect(await t.marked(issue, 'stuck')).toHaveLength(1);
    await t.reconcile();
    expect(await github.read.pulls()).toEqual([]);
    await fiveMinutesAgo();
    await t.reconcile();
    expect(await github.read.pulls()).toEqual([]);
    await fiveMinutesAgo();
    await t.reconcile();
    expect(await github.read.pulls()).toHaveLength(1);
    expect(await t.marked(issue, 'stuck')).toHaveLength(1);
    expect(await listStuck(t.app().store.db)).toEqual([]);
  });
});

describe('an installation', () => {
  it('is as GitHub lists it, whatever a late event says, and even if the list has not changed', async () => {
    t = await startTestApp({ ingress: 'webhook' });
    const { github } = t;
    const state = async () =>
      (await t.app().store.db.selectFrom('repositories').select(['state', 'name']).execute()).map(
        (row) => `${row.name} ${row.state}`,
      );
    await t.reconcile();
    expect(await state()).toEqual(['hello active']);

    // It was taken out of the installation and put back; the first event comes last.
    github.webhooks.hold();
    await github.admin.removeFromInstallation();
    await github.admin.addToInstallation();
    github.webhooks.release('reversed');
    await t.settle();
    expect(await state()).toEqual(['hello gone']);
    await t.reconcile();
    expect(await state()).toEqual(['hello active']);

    github.webhooks.drop(() => true);
    await github.admin.suspend();
    await t.reconcile();
    expect(await state()).toEqual(['hello suspended']);
    await github.admin.unsuspend();
    await github.admin.rename('bye');
    await t.reconcile();
    expect(await state()).toEqual(['bye active']);
    await github.admin.removeFromInstallation();
    await t.reconcile();
    expect(await state()).toEqual(['bye gone']);
  });
});

describe('a merge queue without webhooks', () => {
  it('gets the required check on its group', async () => {
    t = await startTestApp({
      ingress: 'poll',
      settings: `${APPROVE}  report_on_every_pr: true\n`,
    });
    const { github } = t;
    const issue = await ask(t, `/ask list files\n${fence('ls')}`);
    await t.reconcile();
    const pull = await pullOf(t, issue);
    github.admin.setMergeQueue('main', true);
    await github.as('octo').review(pull.number, { event: 'APPROVE' });
    await t.reconcile();
    const group = await github.admin.startMergeGroup(pull.number);
    await t.reconcile();
    expect(await check(t, group.headSha, 'validate')).toMatchObject({ conclusion: 'success' });
    await github.admin.finishMergeGroup(pull.number);
    await t.reconcile();
    expect(await jobState(t, jobIdOf(pull))).toBe('queued');
  });
});
