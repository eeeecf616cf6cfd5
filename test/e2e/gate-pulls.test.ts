import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
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

let t: TestApp;
let last = 100;
beforeAll(async () => {
  t = await startTestApp({ settings: 'gate:\n  fenced: approve\n' });
});
afterAll(() => t.close());
afterEach(() => {
  expect(t.github.contractViolations).toEqual([]);
  expect(t.log).toEqual([]);
});

/** An id nobody uses yet. */
function freshId(): string {
  last += 1;
  return `2025-11-22-${last}`;
}
const queued = (id: string) => `jobs/queue/${id}.json`;

/** A PR by a person with these files. */
async function written(files: Record<string, string | null>, login = 'writer') {
  last += 1;
  const pull = await t.github.as(login).openPull({ head: `by-hand-${last}`, files });
  await t.settle();
  return pull;
}

const validate = (sha: string) => check(t, sha, 'validate');

async function findings(sha: string) {
  const run = await validate(sha);
  return (await t.github.read.annotations(run?.id ?? 0)).map((one) => ({
    path: one.path,
    line: one.start_line,
    level: one.annotation_level,
    message: String(one.message),
  }));
}

describe('a job PR written by a person', () => {
  it('is validated, approved, run, and reported on the PR', async () => {
    const id = freshId();
    const pull = await written({ [queued(id)]: jobFile(id) });
    expect(await validate(pull.head.sha)).toMatchObject({
      conclusion: 'success',
      output: { title: 'Valid job' },
    });
    expect(await jobState(t, id)).toBe('proposed');
    expect(await t.said(pull.number)).toEqual([]);
    await t.github.as('writer2').review(pull.number, { event: 'APPROVE' });
    expect(await merged(t, pull)).toBe(true);
    await (await t.runner()).runJob(id, { output: ['done by hand'] });
    await t.settle();
    expect(await jobState(t, id)).toBe('succeeded');
    expect((await check(t, pull.head.sha, id))?.conclusion).toBe('success');
    expect(await t.github.read.file(`jobs/done/2025-11/${id}.json`)).toBe(jobFile(id));
    const [final, ...more] = await t.marked(pull.number, 'final');
    expect(final?.body).toContain('done by hand');
    expect(more).toEqual([]);
  });

  it('that is not valid gets its annotations on the lines, and is not merged', async () => {
    const id = freshId();
    const text = jobFile(id, { kind: 'run_shel', dod: 'exit_code ==' });
    const pull = await written({ [queued(id)]: text });
    const lines = text.split('\n');
    const line = (field: string) => lines.findIndex((one) => one.includes(`"${field}"`)) + 1;
    expect((await validate(pull.head.sha))?.conclusion).toBe('failure');
    const found = await findings(pull.head.sha);
    expect(found).toContainEqual(
      expect.objectContaining({ path: queued(id), line: line('kind'), level: 'failure' }),
    );
    await t.github.as('writer2').review(pull.number, { event: 'APPROVE' });
    expect(await merged(t, pull)).toBe(false);
    await t.github.as('writer').comment(pull.number, '/approve');
    await t.settle();
    expect((await t.marked(pull.number, 'reply'))[0]?.body).toContain('does not pass validation');

    // Merged by hand all the same, it is not run, and that is said.
    await t.github.as('octo').merge(pull.number);
    await t.settle();
    expect(await jobState(t, id)).not.toBe('queued');
    expect((await t.marked(pull.number, 'admission'))[0]?.body).toContain('kind');
  });

  it('that is mended goes on', async () => {
    const id = freshId();
    const pull = await written({ [queued(id)]: jobFile(id, { script: [] }) });
    expect((await validate(pull.head.sha))?.conclusion).toBe('failure');
    const head = await t.github.as('writer').push(pull.head.ref, { [queued(id)]: jobFile(id) });
    await t.settle();
    expect((await validate(head))?.conclusion).toBe('success');
    await t.github.as('writer2').review(pull.number, { event: 'APPROVE' });
    expect(await merged(t, pull)).toBe(true);
    expect(await jobState(t, id)).toBe('queued');
  });

  it('with two job files runs both', async () => {
    const [one, two] = [freshId(), freshId()];
    const pull = await written({ [queued(one)]: jobFile(one), [queued(two)]: jobFile(two) });
    expect((await validate(pull.head.sha))?.output.title).toBe('2 valid jobs');
    await t.github.as('writer').comment(pull.number, '/approve');
    expect(await merged(t, pull)).toBe(true);
    const runner = await t.runner();
    await runner.runJob(one);
    await runner.runJob(two);
    await t.settle();
    expect(await t.marked(pull.number, 'final')).toHaveLength(2);
  });

  it('with a valid file and a broken one is not merged, however often one looks', async () => {
    const [good, bad] = [freshId(), freshId()];
    const pull = await written({ [queued(good)]: jobFile(good), [queued(bad)]: '{' });
    await t.github.as('writer2').review(pull.number, { event: 'APPROVE' });
    await t.github.as('writer').comment(pull.number, '/approve');
    expect(await merged(t, pull)).toBe(false);
    expect((await t.marked(pull.number, 'reply'))[0]?.body).toContain('does not pass validation');
  });

  it('whose name is not its id is refused', async () => {
    const id = freshId();
    const pull = await written({ [queued(`${id}9`)]: jobFile(id) });
    expect((await validate(pull.head.sha))?.conclusion).toBe('failure');
    expect((await findings(pull.head.sha))[0]?.message).toContain('id');
  });

  it('whose id is taken, by an open PR or long ago, is refused', async () => {
    const id = freshId();
    const first = await written({ [queued(id)]: jobFile(id) });
    const second = await written({ [queued(id)]: jobFile(id, { script: ['true'] }) });
    expect((await findings(second.head.sha))[0]?.message).toContain(`belongs to PR #${first.number}`);
    const old = freshId();
    // From before the app, so that its rows do not know it.
    await t.github.as('octo').push('main', { [`jobs/done/2025-11/${old}.json`]: jobFile(old) });
    const third = await written({ [queued(old)]: jobFile(old) });
    expect((await findings(third.head.sha))[0]?.message).toContain(`jobs/done/2025-11/${old}.json`);
  });

  it('that changes or deletes a merged job file, or writes to jobs/done, is refused', async () => {
    const id = freshId();
    await t.github.as('octo').push('main', { [queued(id)]: jobFile(id) });
    const changed = await written({ [queued(id)]: jobFile(id, { script: ['true'] }) });
    const deleted = await written({ [queued(id)]: null });
    const done = await written({ 'jobs/done/2025-11/x.json': '{}' });
    for (const pull of [changed, deleted, done]) {
      expect((await validate(pull.head.sha))?.conclusion).toBe('failure');
      await t.github.as('writer2').review(pull.number, { event: 'APPROVE' });
      expect(await merged(t, pull)).toBe(false);
    }
    expect((await findings(changed.head.sha))[0]).toMatchObject({ path: queued(id), level: 'failure' });
  });

  it('with a valid job and a change in jobs/done is not merged, however often one looks', async () => {
    const id = freshId();
    const pull = await written({ [queued(id)]: jobFile(id), 'jobs/done/2025-11/y.json': '{}' });
    await t.github.as('writer2').review(pull.number, { event: 'APPROVE' });
    await t.github.as('octo').review(pull.number, { event: 'APPROVE' });
    expect(await merged(t, pull)).toBe(false);
  });

  it('that is closed is rejected, and reopened it goes on', async () => {
    const id = freshId();
    const pull = await written({ [queued(id)]: jobFile(id) });
    await t.github.as('writer').close(pull.number);
    await t.settle();
    expect(await jobState(t, id)).toBe('rejected');
    await t.github.as('writer').reopen(pull.number);
    await t.settle();
    expect(await jobState(t, id)).toBe('proposed');
    await t.github.as('writer2').review(pull.number, { event: 'APPROVE' });
    expect(await merged(t, pull)).toBe(true);
    expect(await jobState(t, id)).toBe('queued');
  });

  it('that touches jobs/ beside the queue passes the check, and is not gated', async () => {
    const pull = await written({ 'jobs/README.md': 'How we work.\n' });
    expect((await validate(pull.head.sha))?.conclusion).toBe('success');
    await t.github.as('writer2').review(pull.number, { event: 'APPROVE' });
    expect(await merged(t, pull)).toBe(false);
  });

  it('that touches no job gets no check', async () => {
    const pull = await written({ 'docs/b.md': 'b\n' });
    expect(await t.github.read.checkRuns(pull.head.sha)).toEqual([]);
  });

  it('from a fork is gated the same way, and never replanned on a branch of ours', async () => {
    const id = freshId();
    // The emulator knows no forks: the app sees one where GitHub would show it.
    t.github.webhooks.hold();
    const pull = await t.github
      .as('writer')
      .openPull({ head: `fork-${id}`, files: { [queued(id)]: jobFile(id) } });
    const json = structuredClone(pull.json) as { head: { repo: { full_name: string } } };
    json.head.repo.full_name = 'stranger/hello';
    t.github.faults.add({
      match: (method, path, actor) =>
        actor === 'installation' && method === 'GET' && path.endsWith(`/pulls/${pull.number}`),
      status: 200,
      body: json,
      times: 1000,
    });
    t.github.webhooks.release();
    await t.settle();
    expect((await validate(pull.head.sha))?.conclusion).toBe('success');
    await t.github.as('writer').comment(pull.number, `/ask other lines\n${fence('true')}`);
    await t.settle();
    expect(t.github.read.head(`fork-${id}`)).toBe(pull.head.sha);
    expect((await t.github.read.pulls()).at(-1)?.number).not.toBe(pull.number);
    t.github.faults.clear();
    await t.github.as('writer2').review(pull.number, { event: 'APPROVE' });
    expect(await merged(t, pull)).toBe(true);
    expect(await jobState(t, id)).toBe('queued');
  });
});

describe('a person who pushes to our job PR', () => {
  it('voids the approval, is validated, and what is merged is what runs', async () => {
    t.github.admin.protect('main', { requiredChecks: ['ci'] });
    const { issue, pull, id } = await waitingPull(t);
    await t.github.as('writer').comment(pull.number, '/approve');
    expect(await merged(t, pull)).toBe(false);
    const file = JSON.parse((await t.github.read.file(queued(id), pull.head.ref)) ?? '');
    const text = `${JSON.stringify({ ...file, script: ['pwd'] }, null, 2)}\n`;
    const head = await t.github.as('writer2').push(pull.head.ref, { [queued(id)]: text });
    await t.settle();
    t.github.admin.unprotect('main');
    await t.github.as('reader').review(pull.number, { event: 'COMMENT', body: 'hm' });
    expect(await merged(t, pull)).toBe(false);
    expect((await validate(head))?.conclusion).toBe('success');
    await t.github.as('writer2').comment(pull.number, `/approve ${head}`);
    expect(await merged(t, pull)).toBe(true);
    const offer = await (await t.runner()).runJob(id);
    expect(offer.file).toBe(text);
    await t.settle();
    expect(await t.github.read.file(`jobs/done/${id.slice(0, 7)}/${id}.json`)).toBe(text);
    expect(await t.marked(issue, 'final')).toHaveLength(1);
  });

  it('who breaks the file stops it', async () => {
    const { pull, id } = await waitingPull(t);
    const head = await t.github.as('writer2').push(pull.head.ref, { [queued(id)]: '{"id": 1}\n' });
    await t.github.as('octo').review(pull.number, { event: 'APPROVE' });
    expect(await merged(t, pull)).toBe(false);
    expect((await validate(head))?.conclusion).toBe('failure');
  });

  it('who gives the job another id keeps the ask with it', async () => {
    const { issue, pull, id } = await waitingPull(t);
    const other = freshId();
    await t.github.as('writer2').push(pull.head.ref, { [queued(id)]: null, [queued(other)]: jobFile(other) });
    await t.settle();
    expect(await jobState(t, id)).toBe('superseded');
    await t.github.as('octo').review(pull.number, { event: 'APPROVE' });
    expect(await merged(t, pull)).toBe(true);
    await (await t.runner()).runJob(other);
    await t.settle();
    expect((await t.marked(issue, 'final'))[0]?.body).toContain(other);
  });

  it('who adds a second job gets both judged', async () => {
    const { pull, id } = await waitingPull(t);
    const other = freshId();
    const head = await t.github.as('writer2').push(pull.head.ref, { [queued(other)]: jobFile(other) });
    await t.settle();
    expect((await validate(head))?.output.title).toBe('2 valid jobs');
    // Replanned on top of that, the second is still there and still judged.
    await t.github.as('writer').comment(pull.number, `/ask\n${fence('true')}`);
    await t.settle();
    const now = await t.github.read.pull(pull.number);
    expect((await validate(now.head.sha))?.output.title).toBe('2 valid jobs');
    await t.github.as('octo').review(pull.number, { event: 'APPROVE' });
    expect(await merged(t, pull)).toBe(true);
    expect([await jobState(t, id), await jobState(t, other)]).toEqual(['queued', 'queued']);
  });
});

describe('a job merged without an approval', () => {
  it('is not run, which is said, and /retry by a writer runs it', async () => {
    const { pull, id } = await waitingPull(t);
    t.github.webhooks.hold();
    await t.github.as('writer2').merge(pull.number);
    await t.github.admin.setPermission('writer2', 'read');
    t.github.webhooks.release();
    await t.settle();
    expect(await jobState(t, id)).toBe('proposed');
    const [said, ...more] = await t.marked(pull.number, 'admission');
    expect(said?.body).toContain(`/retry ${id}`);
    expect(more).toEqual([]);
    await t.github.as('writer2').comment(pull.number, `/retry ${id}`);
    await t.settle();
    expect(await jobState(t, id)).toBe('proposed');
    await t.github.as('writer').comment(pull.number, `/retry ${id}`);
    await t.settle();
    expect(await jobState(t, id)).toBe('queued');
    await t.github.admin.setPermission('writer2', 'write');
  });
});

describe('an ask whose PR is closed', () => {
  it('ends with one reply; reopened it goes on and ends with its result', async () => {
    const issue = await ask(t, `/ask list files\n${fence('ls')}`);
    const pull = await pullOf(t, issue);
    const id = jobIdOf(pull);
    await t.github.as('octo').close(pull.number);
    await t.settle();
    expect(await jobState(t, id)).toBe('rejected');
    const [final, ...more] = await t.marked(issue, 'final');
    expect(final?.body).toContain('closed without merging');
    expect(more).toEqual([]);
    expect((await t.marked(issue, 'status'))[0]?.body).toContain('PR closed');
    await t.github.as('octo').reopen(pull.number);
    await t.settle();
    await t.github.as('octo').review(pull.number, { event: 'APPROVE' });
    expect(await merged(t, pull)).toBe(true);
    await (await t.runner()).runJob(id);
    await t.settle();
    expect(await t.marked(issue, 'status')).toHaveLength(1);
    expect((await t.marked(issue, 'status'))[0]?.body).toContain('succeeded');
    expect(await t.marked(issue, 'final:job')).toHaveLength(1);
  });
});
