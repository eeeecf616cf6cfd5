import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { ask, check, jobIdOf, jobState, merged, pullOf } from '../support/app-steps.ts';
import { jobAnswer } from '../support/model-replies.ts';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({ model: {} });
});
afterAll(() => t.close());
afterEach(() => {
  expect(t.github.contractViolations).toEqual([]);
  expect(t.log).toEqual([]);
});

const job = (...script: string[]) => ({ text: jobAnswer({ script, title: script[0] ?? '' }) });

async function planned(...script: string[]) {
  t.model?.next(job(...script));
  const issue = await ask(t, '/ask run the smoke test');
  const pull = await pullOf(t, issue);
  return { issue, pull, id: jobIdOf(pull) };
}

const scriptOn = async (ref: string, id: string) =>
  JSON.parse((await t.github.read.file(`jobs/queue/${id}.json`, ref)) ?? 'null')?.script;

describe('/ask on the job PR', () => {
  it('at the moment of its merge leaves what was approved alone, and makes a PR of its own', async () => {
    const { pull, id } = await planned('pytest');
    const replanned = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    t.github.faults.add({
      match: (method, path) => method === 'POST' && path.endsWith('/git/trees'),
      before: async () => {
        replanned.resolve();
        await goOn.promise;
      },
    });
    t.model?.next(job('rm -r build'));
    await t.github.as('writer').comment(pull.number, '/ask clean up first');
    await replanned.promise;
    await t.github.as('writer2').review(pull.number, { event: 'APPROVE' });
    await t.github.until('the job to be queued', async () => (await jobState(t, id)) === 'queued');
    goOn.resolve();
    await t.settle();
    // The second try is due a second later.
    await t.github.until('the other PR', async () =>
      (await t.github.read.pulls()).some(({ title }) => title.includes('rm -r build')),
    );
    await t.settle();
    expect(await jobState(t, id)).toBe('queued');
    const offer = await (await t.runner()).runJob(id);
    expect(JSON.parse(offer.file).script).toEqual(['pytest']);
    await t.settle();
    expect((await t.github.read.pull(pull.number)).title).not.toContain('rm -r build');
    expect(t.log.splice(0)).toEqual([expect.stringContaining('was merged or closed while it was replanned')]);
  });

  it('replans on the same branch and voids the approval', async () => {
    const { issue, pull, id } = await planned('pytest');
    t.github.admin.protect('main', { requiredChecks: ['ci'] });
    await t.github.as('writer2').review(pull.number, { event: 'APPROVE' });
    expect(await merged(t, pull)).toBe(false);
    t.model?.next(job('pytest -x'));
    const before = (await t.github.read.pulls()).length;
    await t.github.as('writer').comment(pull.number, '/ask stop at the first failure');
    await t.settle();
    t.github.admin.unprotect('main');

    expect(await t.github.read.pulls()).toHaveLength(before);
    const now = await t.github.read.pull(pull.number);
    expect(now).toMatchObject({ state: 'open', merged: false, head: { ref: pull.head.ref } });
    expect(now.head.sha).not.toBe(pull.head.sha);
    expect(now.title).toContain('pytest -x');
    expect(now.body).toContain('pytest -x');
    expect(now.body).toContain('This is plan 2');
    expect(await scriptOn(pull.head.ref, id)).toEqual(['pytest -x']);
    expect((await check(t, now.head.sha, 'validate'))?.conclusion).toBe('success');
    // The planner saw the plan in force and the objection.
    expect(t.model?.requests.at(-1)?.input).toContain('pytest');
    const [final, ...more] = await t.marked(pull.number, 'final');
    expect(final?.body).toContain('earlier approvals do not count');
    expect(more).toEqual([]);
    expect(await t.marked(pull.number, 'status')).toHaveLength(1);

    await t.github.as('writer2').review(pull.number, { event: 'APPROVE' });
    expect(await merged(t, pull)).toBe(true);
    const offer = await (await t.runner()).runJob(id);
    expect(JSON.parse(offer.file).script).toEqual(['pytest -x']);
    await t.settle();
    expect(await t.marked(issue, 'final')).toHaveLength(1);
    expect(await t.marked(issue, 'status')).toHaveLength(1);
  });

  it('that is answered with words changes nothing', async () => {
    const { pull, id } = await planned('pytest');
    t.model?.next({ text: { result: { kind: 'answer', text: 'It takes a minute.' } } });
    await t.github.as('writer').comment(pull.number, '/ask how long will it take?');
    await t.settle();
    expect((await t.github.read.pull(pull.number)).head.sha).toBe(pull.head.sha);
    expect((await t.marked(pull.number, 'final'))[0]?.body).toContain('It takes a minute.');
    expect(await jobState(t, id)).toBe('proposed');
  });

  it('with a fence puts those lines there, and they wait for a person', async () => {
    const { pull, id } = await planned('pytest');
    await t.github.as('writer').comment(pull.number, '/ask\n```sh\npytest tests/smoke\n```');
    await t.settle();
    expect(await scriptOn(pull.head.ref, id)).toEqual(['pytest tests/smoke']);
    expect(await merged(t, pull)).toBe(false);
    await t.github.as('writer').comment(pull.number, '/approve');
    expect(await merged(t, pull)).toBe(true);
  });

  it('after it was merged makes a job PR of its own', async () => {
    const { pull, id } = await planned('pytest');
    await t.github.as('writer').comment(pull.number, '/approve');
    expect(await merged(t, pull)).toBe(true);
    t.model?.next(job('pytest -x'));
    await t.github.as('writer').comment(pull.number, '/ask once more, but stop at the first failure');
    await t.settle();
    const other = (await t.github.read.pulls()).at(-1);
    expect(other?.number).not.toBe(pull.number);
    expect(jobIdOf(other ?? pull)).not.toBe(id);
  });

  it('makes one of its own too when it is merged while the model thinks', async () => {
    const { pull } = await planned('pytest');
    let answer = () => {};
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    t.model?.next((_) => {
      answer();
      return { delayMs: 300, reply: job('pytest -x') };
    });
    await t.github.as('writer').comment(pull.number, '/ask stop at the first failure');
    await answered;
    await t.github.as('writer2').merge(pull.number);
    await t.settle();
    const other = (await t.github.read.pulls()).at(-1);
    expect(other?.number).not.toBe(pull.number);
    expect(other?.body).toContain('pytest -x');
  });
});

describe('a review', () => {
  it('that requests changes replans with its text', async () => {
    const { pull, id } = await planned('pytest');
    t.model?.next(job('pytest -x'));
    await t.github
      .as('writer2')
      .review(pull.number, { event: 'REQUEST_CHANGES', body: 'stop at the first failure' });
    await t.settle();
    expect(t.model?.requests.at(-1)?.ask).toContain('stop at the first failure');
    expect(await scriptOn(pull.head.ref, id)).toEqual(['pytest -x']);
    expect(await t.marked(pull.number, 'final')).toHaveLength(1);
    // Looked at again, it is not planned a second time.
    const requests = t.model?.requests.length;
    await t.github.as('reader').review(pull.number, { event: 'COMMENT', body: 'fine' });
    await t.settle();
    expect(t.model?.requests.length).toBe(requests);
  });

  it('that requests changes by a reader does nothing', async () => {
    const { pull, id } = await planned('pytest');
    await t.github.as('reader').review(pull.number, { event: 'REQUEST_CHANGES', body: 'use something else' });
    await t.settle();
    expect(await scriptOn(pull.head.ref, id)).toEqual(['pytest']);
    expect(await t.said(pull.number)).toEqual([]);
  });
});

describe('an ask on a PR of somebody’s work', () => {
  it('shows its job’s check run on both heads', async () => {
    const work = await t.github.as('writer').openPull({ head: 'feature', files: { 'src/a.txt': 'a\n' } });
    t.model?.next(job('pytest'));
    await t.github.as('writer').comment(work.number, '/ask run the smoke test');
    await t.settle();
    const pull = (await t.github.read.pulls()).at(-1) ?? work;
    const id = jobIdOf(pull);
    await t.github.as('writer').comment(pull.number, '/approve');
    await t.settle();
    await (await t.runner('second')).runJob(id, { exit_code: 1 });
    await t.settle();
    for (const sha of [work.head.sha, pull.head.sha])
      expect((await check(t, sha, id))?.conclusion).toBe('failure');
    expect(await t.marked(work.number, 'final')).toHaveLength(1);
    expect(await t.marked(pull.number, 'final')).toEqual([]);
  });
});

it.each([429, 503])(
  'a model that says %i and "later" for hours is given up, and the asker told',
  async (status) => {
    const later = { status, headers: { 'retry-after': '1' } };
    t.model?.next(later, later, later, later);
    const issue = await ask(t, '/ask run the smoke test');
    const { store } = t.app();
    await store.write((tx) =>
      tx
        .updateTable('model_calls')
        .set({ at: store.now() - 7 * 3_600_000 })
        .where('outcome', '!=', 'ok')
        .execute(),
    );
    const final = await t.github.until('the final reply', async () => (await t.marked(issue, 'final'))[0]);
    expect(final.body).toMatch(/did not answer in \d tries/);
    await t.settle();
    t.log.splice(0);
  },
);
