import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { check, jobState, merged, waitingPull } from '../support/app-steps.ts';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({ settings: 'gate:\n  fenced: approve\n' });
});
afterAll(() => t.close());
afterEach(() => {
  expect(t.github.contractViolations).toEqual([]);
  expect(t.log).toEqual([]);
});

const replies = (thread: number) => t.marked(thread, 'reply');

describe('an approving review', () => {
  it('on the current head by a writer merges and queues', async () => {
    const { pull, id } = await waitingPull(t);
    expect(await merged(t, pull)).toBe(false);
    await t.github.as('writer2').review(pull.number, { event: 'APPROVE' });
    expect(await merged(t, pull)).toBe(true);
    expect(await jobState(t, id)).toBe('queued');
    expect((await check(t, pull.head.sha, id))?.status).toBe('queued');
  });

  it.each(['reader', 'stranger'])('by a %s does not', async (login) => {
    const { pull, id } = await waitingPull(t);
    await t.github.as(login).review(pull.number, { event: 'APPROVE' });
    expect(await merged(t, pull)).toBe(false);
    expect(await jobState(t, id)).toBe('proposed');
  });

  it('by an app does not, whatever it may write', async () => {
    const { pull } = await waitingPull(t);
    const path = `${t.github.url}/repos/octo/hello/pulls/${pull.number}/reviews`;
    const token = await t.github.installationToken();
    await fetch(path, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ event: 'COMMENT', body: '/approve' }),
    });
    expect(await merged(t, pull)).toBe(false);
  });

  it('of an older head does not, and one of the new head does', async () => {
    const { pull } = await waitingPull(t);
    await t.github.as('octo').push(pull.head.ref, { 'notes.txt': 'more\n' });
    await t.github.as('writer2').review(pull.number, { event: 'APPROVE', commit_id: pull.head.sha });
    expect(await merged(t, pull)).toBe(false);
    await t.github.as('writer2').review(pull.number, { event: 'APPROVE' });
    expect(await merged(t, pull)).toBe(true);
  });

  it('is void when it was dismissed while the merge was blocked', async () => {
    t.github.admin.protect('main', { pullRequest: { approvals: 2 } });
    const { pull } = await waitingPull(t);
    const review = await t.github.as('writer2').review(pull.number, { event: 'APPROVE' });
    expect(await merged(t, pull)).toBe(false);
    await t.github.as('octo').dismissReview(pull.number, Number(review.id));
    t.github.admin.unprotect('main');
    await t.github.as('reader').review(pull.number, { event: 'COMMENT', body: 'hm' });
    expect(await merged(t, pull)).toBe(false);
  });
});

describe('/approve', () => {
  it('by a writer on the job PR merges, with a thumb and no reply', async () => {
    const { pull, id } = await waitingPull(t);
    const comment = await t.github.as('writer').comment(pull.number, '/approve');
    expect(await merged(t, pull)).toBe(true);
    expect(await replies(pull.number)).toEqual([]);
    expect(await t.github.read.reactions({ comment: comment.id })).toEqual([
      `+1 by ${t.github.app.botLogin}`,
    ]);
    expect(await jobState(t, id)).toBe('queued');
  });

  it('on the thread of the ask finds its PR', async () => {
    const { issue, pull } = await waitingPull(t);
    await t.github.as('writer2').comment(issue, '/approve');
    expect(await merged(t, pull)).toBe(true);
  });

  it.each(['reader', 'stranger'])('by a %s is refused', async (login) => {
    const { pull } = await waitingPull(t);
    await t.github.as(login).comment(pull.number, '/approve');
    expect(await merged(t, pull)).toBe(false);
    const [reply, ...more] = await replies(pull.number);
    expect(reply?.body).toContain('needs write access');
    expect(more).toEqual([]);
  });

  it('is refused when the head moved after the last status shown', async () => {
    const { pull } = await waitingPull(t);
    // Written before the app could show the new head: both deliveries arrive after the push.
    t.github.webhooks.hold();
    await t.github.as('writer').comment(pull.number, '/approve');
    const head = await t.github.as('octo').push(pull.head.ref, { 'notes.txt': `${pull.number}\n` });
    t.github.webhooks.release();
    expect(await merged(t, pull)).toBe(false);
    const [reply] = await replies(pull.number);
    expect(reply?.body).toContain(`/approve ${head}`);
  });

  it('does not outlive a rejection: closed and opened again, it waits for another', async () => {
    t.github.admin.protect('main', { pullRequest: { approvals: 2 } });
    const { pull } = await waitingPull(t);
    await t.github.as('writer').comment(pull.number, '/approve');
    expect(await merged(t, pull)).toBe(false);
    await t.github.as('writer').close(pull.number);
    await t.settle();
    t.github.admin.unprotect('main');
    await t.github.as('writer2').reopen(pull.number);
    await t.github.as('reader').review(pull.number, { event: 'COMMENT', body: 'hm' });
    expect(await merged(t, pull)).toBe(false);
    await t.github.as('writer').comment(pull.number, '/approve');
    expect(await merged(t, pull)).toBe(true);
  });

  it('with the head named is exact: right, shortened, wrong, too short', async () => {
    const { pull } = await waitingPull(t);
    await t.github.as('writer').comment(pull.number, `/approve ${'0'.repeat(40)}`);
    await t.github.as('writer').comment(pull.number, `/approve ${pull.head.sha.slice(0, 6)}`);
    expect(await merged(t, pull)).toBe(false);
    const said = await replies(pull.number);
    expect(said).toHaveLength(2);
    for (const reply of said) expect(reply.body).toContain('is not the head of this PR');
    await t.github.as('writer').comment(pull.number, `/approve ${pull.head.sha.slice(0, 7)}`);
    expect(await merged(t, pull)).toBe(true);

    const other = await waitingPull(t);
    await t.github.as('writer').comment(other.pull.number, `/approve ${other.pull.head.sha}`);
    expect(await merged(t, other.pull)).toBe(true);
  });

  it('on a merged PR, a closed one and an issue without a job says so', async () => {
    const { pull } = await waitingPull(t);
    await t.github.as('octo').merge(pull.number);
    await t.settle();
    await t.github.as('writer').comment(pull.number, '/approve');
    const closed = await waitingPull(t);
    await t.github.as('octo').close(closed.pull.number);
    await t.settle();
    await t.github.as('writer').comment(closed.pull.number, '/approve');
    const issue = await t.github.as('writer').openIssue({ title: 'No job' });
    await t.github.as('writer').comment(issue, '/approve');
    await t.settle();
    expect((await replies(pull.number))[0]?.body).toContain('is merged already');
    expect((await replies(closed.pull.number))[0]?.body).toContain('is closed');
    expect((await replies(issue))[0]?.body).toContain('no job that `/approve` could apply to');
  });
});

describe('the buttons of guruguru / validate', () => {
  it('approve merges', async () => {
    const { pull, id } = await waitingPull(t);
    const validate = await check(t, pull.head.sha, 'validate');
    await t.github.as('writer2').clickCheckRun(validate?.id ?? 0, 'approve');
    expect(await merged(t, pull)).toBe(true);
    expect(await jobState(t, id)).toBe('queued');
  });

  it('approve by a reader is refused', async () => {
    const { pull } = await waitingPull(t);
    const validate = await check(t, pull.head.sha, 'validate');
    await t.github.as('reader').clickCheckRun(validate?.id ?? 0, 'approve');
    expect(await merged(t, pull)).toBe(false);
    expect((await replies(pull.number))[0]?.body).toContain('needs write access');
  });

  it('approve of an older head is refused', async () => {
    const { pull } = await waitingPull(t);
    const validate = await check(t, pull.head.sha, 'validate');
    await t.github.as('octo').push(pull.head.ref, { 'notes.txt': `${pull.number} moved\n` });
    await t.settle();
    await t.github.as('writer2').clickCheckRun(validate?.id ?? 0, 'approve');
    expect(await merged(t, pull)).toBe(false);
    expect((await replies(pull.number))[0]?.body).toContain('is not the head of this PR');
  });

  it('cancel closes the PR and ends the ask', async () => {
    const { issue, pull, id } = await waitingPull(t);
    const validate = await check(t, pull.head.sha, 'validate');
    await t.github.as('writer2').clickCheckRun(validate?.id ?? 0, 'cancel');
    await t.settle();
    expect((await t.github.read.pull(pull.number)).state).toBe('closed');
    expect(await jobState(t, id)).toBe('rejected');
    const [final, ...more] = await t.marked(issue, 'final');
    expect(final?.body).toContain('Cancelled by `writer2`');
    expect(more).toEqual([]);
  });

  it('re-run judges the head again, and so does re-running the whole suite', async () => {
    const { pull } = await waitingPull(t);
    const first = await check(t, pull.head.sha, 'validate');
    await t.github.as('writer').clickCheckRun(first?.id ?? 0, 'rerequested');
    await t.settle();
    const again = await check(t, pull.head.sha, 'validate');
    expect(again?.conclusion).toBe('success');
    expect(again?.id).not.toBe(first?.id);
    const [run] = await t.github.read.checkRuns(pull.head.sha);
    const suite = run?.check_suite as { id: number } | undefined;
    await t.github.as('writer').rerunSuite(suite?.id ?? 0);
    await t.settle();
    expect((await check(t, pull.head.sha, 'validate'))?.id).not.toBe(again?.id);
  });
});
