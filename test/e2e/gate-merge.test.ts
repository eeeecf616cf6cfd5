import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { ask, check, fence, jobState, merged, pullOf, waitingPull } from '../support/app-steps.ts';

let t: TestApp;
const start = async (settings = 'gate:\n  fenced: approve\n') => {
  t = await startTestApp({ settings });
};
afterEach(async () => {
  expect(t.github.contractViolations).toEqual([]);
  expect(t.log).toEqual([]);
  await t.close();
});

describe('with approvals by hand', () => {
  beforeEach(() => start());

  it('a merge by hand is an approval', async () => {
    const { pull, id } = await waitingPull(t);
    await t.github.as('writer2').merge(pull.number);
    await t.settle();
    expect(await jobState(t, id)).toBe('queued');
    const job = await t.app().store.db.selectFrom('jobs').select('approval').executeTakeFirst();
    expect(JSON.parse(job?.approval ?? 'null')).toEqual({
      login: 'writer2',
      how: 'merge',
      sha: pull.head.sha,
    });
  });

  it.each([
    ['squash', { merge: false, squash: true, rebase: false }],
    ['rebase', { merge: false, squash: false, rebase: true }],
  ])('a repository that allows %s only', async (_, allowed) => {
    await t.github.admin.setAllowedMerges(allowed);
    const { pull, id } = await waitingPull(t);
    await t.github.as('writer').comment(pull.number, '/approve');
    expect(await merged(t, pull)).toBe(true);
    const [tip] = await t.github.read.commits();
    expect(tip?.parents).toHaveLength(1);
    const runner = await t.runner();
    expect((await runner.run()).job_id).toBe(id);
    await t.settle();
    expect(await jobState(t, id)).toBe('succeeded');
  });

  it('a protected branch: in GitHub’s words, once, and again after the next review', async () => {
    t.github.admin.protect('main', { pullRequest: { approvals: 2 } });
    const { issue, pull, id } = await waitingPull(t);
    await t.github.as('writer2').review(pull.number, { event: 'APPROVE' });
    expect(await merged(t, pull)).toBe(false);
    const [said, ...more] = await t.marked(pull.number, 'blocked');
    expect(said?.body).toContain('At least 2 approving reviews are required by reviewers with write access.');
    expect(more).toEqual([]);
    const status = await t.github.until('the status to say it', async () =>
      (await t.marked(issue, 'status')).find(({ body }) => body.includes('At least 2 approving reviews')),
    );
    expect(status).toBeDefined();
    await t.github.as('octo').review(pull.number, { event: 'APPROVE' });
    expect(await merged(t, pull)).toBe(true);
    expect(await jobState(t, id)).toBe('queued');
    expect(await t.marked(pull.number, 'blocked')).toHaveLength(1);
  });

  it('a required check that is missing: tried again by /approve', async () => {
    t.github.admin.protect('main', { requiredChecks: ['ci'] });
    const { pull } = await waitingPull(t);
    await t.github.as('writer').comment(pull.number, '/approve');
    expect(await merged(t, pull)).toBe(false);
    expect((await t.marked(pull.number, 'blocked'))[0]?.body).toContain(
      'Required status check "ci" is expected',
    );
    t.github.admin.unprotect('main');
    await t.github.as('writer').comment(pull.number, '/approve');
    expect(await merged(t, pull)).toBe(true);
  });

  it('guruguru / validate itself can be the required check', async () => {
    t.github.admin.protect('main', { requiredChecks: ['guruguru / validate'] });
    const { pull } = await waitingPull(t);
    await t.github.as('writer').comment(pull.number, '/approve');
    expect(await merged(t, pull)).toBe(true);
  });

  it('an approver who lost write access since is no approver', async () => {
    t.github.admin.protect('main', { requiredChecks: ['ci'] });
    const { pull, id } = await waitingPull(t);
    await t.github.as('writer2').comment(pull.number, '/approve');
    expect(await merged(t, pull)).toBe(false);
    await t.github.admin.setPermission('writer2', 'read');
    t.github.admin.unprotect('main');
    // Anything that makes it look again.
    await t.github.as('writer').review(pull.number, { event: 'COMMENT', body: 'go on?' });
    expect(await merged(t, pull)).toBe(false);
    expect(await jobState(t, id)).toBe('proposed');
  });
});

describe('a merge queue', () => {
  beforeEach(async () => {
    await start('gate:\n  fenced: approve\n  report_on_every_pr: true\n');
    t.github.admin.setMergeQueue('main', true);
  });

  it('is joined, its group gets the check, and its merge is the admission', async () => {
    const { pull, id } = await waitingPull(t);
    await t.github.as('writer2').review(pull.number, { event: 'APPROVE' });
    expect(await merged(t, pull)).toBe(false);
    expect(await jobState(t, id)).toBe('proposed');
    expect(await t.marked(pull.number, 'blocked')).toEqual([]);
    const group = await t.github.admin.startMergeGroup(pull.number);
    await t.settle();
    expect((await check(t, group.headSha, 'validate'))?.conclusion).toBe('success');
    await t.github.admin.finishMergeGroup(pull.number);
    expect(await merged(t, pull)).toBe(true);
    expect(await jobState(t, id)).toBe('queued');
  });

  it('in whose time the approver lost write access merges what is not run', async () => {
    const { pull, id } = await waitingPull(t);
    await t.github.as('writer2').comment(pull.number, '/approve');
    await t.settle();
    await t.github.admin.setPermission('writer2', 'read');
    t.github.webhooks.hold();
    await t.github.admin.runMergeQueue(pull.number);
    // The emulator's queue merges as the owner, GitHub's as a bot.
    const { json } = await t.github.read.pull(pull.number);
    t.github.faults.add({
      match: (method, path, actor) =>
        actor === 'installation' && method === 'GET' && path.endsWith(`/pulls/${pull.number}`),
      status: 200,
      body: { ...json, merged_by: { login: 'github-merge-queue[bot]', type: 'Bot' } },
      times: 100,
    });
    t.github.webhooks.release();
    await t.settle();
    expect(await jobState(t, id)).toBe('proposed');
    expect((await t.marked(pull.number, 'admission'))[0]?.body).toContain(
      'nobody with write access approved it',
    );
  });

  it('that throws it out is said, and /approve puts it in again', async () => {
    const { pull } = await waitingPull(t);
    await t.github.as('writer2').comment(pull.number, '/approve');
    await t.settle();
    const queued = t.github.webhooks.log.findLast((one) => one.event === 'pull_request');
    if (!queued) throw new Error('no PR event was sent');
    const payload = { ...queued.payload, action: 'dequeued', reason: 'CI_FAILURE' };
    t.github.webhooks.emit('pull_request', payload, { repositoryId: queued.repositoryId });
    await t.settle();
    expect((await t.marked(pull.number, 'blocked'))[0]?.body).toContain(
      'removed from the merge queue: CI_FAILURE',
    );
    const before = t.github.requests.filter((one) => one.template === '/graphql').length;
    await t.github.as('writer2').comment(pull.number, '/approve');
    await t.settle();
    expect(t.github.requests.filter((one) => one.template === '/graphql').length).toBe(before + 1);
  });

  it('every other PR passes the check too', async () => {
    const pull = await t.github.as('writer').openPull({ head: 'docs', files: { 'docs/a.md': 'a\n' } });
    await t.settle();
    expect((await check(t, pull.head.sha, 'validate'))?.output.title).toBe('No jobs touched');
  });
});

describe('a default branch that refuses the app', () => {
  beforeEach(() => start(''));

  it('gets no record: it goes to the reports branch, and the job still ends', async () => {
    const issue = await ask(t, `/ask say hello\n${fence('echo hello')}`);
    const pull = await pullOf(t, issue);
    t.github.admin.protect('main', { restrictPush: ['octo'] });
    const runner = await t.runner();
    const { job_id: id } = await runner.run();
    await t.settle();
    expect(await jobState(t, id)).toBe('succeeded');
    expect(await t.github.read.file(`jobs/queue/${id}.json`)).toBeDefined();
    expect(await t.github.read.file(`reports/jobs/${id}.json`)).toBeUndefined();
    expect(await t.github.read.file(`reports/jobs/${id}.json`, 'guruguru-reports')).toContain('"succeeded"');
    expect((await check(t, pull.head.sha, id))?.conclusion).toBe('success');
    expect(await t.marked(issue, 'final')).toHaveLength(1);
    // The app says so in its log, once.
    expect(t.log.splice(0)).toEqual(['the default branch refuses the report; using the reports branch']);
    await t.github.as('writer').comment(issue, '/retry');
    await t.settle();
    await runner.run({ exit_code: 1 });
    await t.settle();
    const record = await t.github.read.file(`reports/jobs/${id}.json`, 'guruguru-reports');
    expect(JSON.parse(record ?? '').runs).toHaveLength(2);
    t.log.length = 0;
  });
});
