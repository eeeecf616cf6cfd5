import { afterEach, describe, expect, it } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { check, fence, jobFile, jobState, merged, waitingPull } from '../support/app-steps.ts';

/** What webhooks did not tell is found by looking, and done once. */
let t: TestApp;
afterEach(async () => {
  const { contractViolations } = t.github;
  await t.close();
  expect(contractViolations).toEqual([]);
});

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
