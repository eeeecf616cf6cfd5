import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { ask, check, fence, jobFile, jobIdOf, jobState, pullOf, waitingPull } from '../support/app-steps.ts';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.close());
afterEach(() => {
  expect(t.github.contractViolations).toEqual([]);
  expect(t.log).toEqual([]);
});

const json = (text: string) => `\`\`\`json\n${text}\`\`\``;

describe('a fenced ask', () => {
  it('by a writer is merged at once and runs', async () => {
    const issue = await ask(t, `/ask list files\n${fence('ls', 'pwd')}`);
    const pull = await pullOf(t, issue);
    expect(pull.merged).toBe(true);
    const id = jobIdOf(pull);
    const file = JSON.parse((await t.github.read.file(`jobs/queue/${id}.json`)) ?? '');
    expect(file.script).toEqual(['ls', 'pwd']);
    await (await t.runner()).run();
    await t.settle();
    expect(await jobState(t, id)).toBe('succeeded');
    expect((await check(t, pull.head.sha, id))?.conclusion).toBe('success');
    expect(await t.github.read.file(`jobs/queue/${id}.json`)).toBeUndefined();
    expect(await t.marked(issue, 'status')).toHaveLength(1);
    expect(await t.marked(issue, 'final')).toHaveLength(1);
    expect(await t.said(pull.number)).toEqual([]);
  });

  it('by a reader is refused, with one reply and nothing else', async () => {
    const before = (await t.github.read.pulls()).length;
    const issue = await ask(t, `/ask list files\n${fence('ls')}`, 'reader');
    const [reply, ...more] = await t.said(issue);
    expect(reply?.body).toContain('needs write access');
    expect(more).toEqual([]);
    expect(await t.github.read.pulls()).toHaveLength(before);
  });

  it('waits for the branch rules like any other', async () => {
    t.github.admin.protect('main', { pullRequest: { approvals: 1 } });
    const issue = await ask(t, `/ask list files\n${fence('ls')}`);
    const pull = await pullOf(t, issue);
    expect(pull.merged).toBe(false);
    expect((await t.marked(pull.number, 'blocked'))[0]?.body).toContain('At least 1 approving review');
    await t.github.as('writer2').review(pull.number, { event: 'APPROVE' });
    await t.settle();
    t.github.admin.unprotect('main');
    expect((await t.github.read.pull(pull.number)).merged).toBe(true);
  });

  it('of a person who pushes to its branch afterwards approves only what it said', async () => {
    t.github.admin.protect('main', { pullRequest: { approvals: 1 } });
    const issue = await ask(t, `/ask list files\n${fence('ls')}`);
    const pull = await pullOf(t, issue);
    const id = jobIdOf(pull);
    const changed = jobFile(id, { script: ['rm -r build'] });
    await t.github.as('octo').push(pull.head.ref, { [`jobs/queue/${id}.json`]: changed });
    await t.settle();
    t.github.admin.unprotect('main');
    await t.github.as('reader').review(pull.number, { event: 'COMMENT', body: 'hm' });
    await t.settle();
    expect((await t.github.read.pull(pull.number)).merged).toBe(false);
  });
});

describe('a json fence', () => {
  it('with its own id is the job file itself', async () => {
    const issue = await ask(t, `/ask\n${json(jobFile('2025-11-22-001'))}`);
    const pull = await pullOf(t, issue);
    expect(pull.merged).toBe(true);
    expect(await jobState(t, '2025-11-22-001')).toBe('queued');
    const file = JSON.parse((await t.github.read.file('jobs/queue/2025-11-22-001.json')) ?? '');
    expect(file).toMatchObject({ id: '2025-11-22-001', script: ['echo hello'], asked: { login: 'writer' } });
  });

  it('with an id that is taken is refused', async () => {
    const issue = await ask(t, `/ask\n${json(jobFile('2025-11-22-001'))}`);
    expect((await t.marked(issue, 'final'))[0]?.body).toContain('2025-11-22-001');
    expect(await t.marked(issue, 'final')).toHaveLength(1);
    expect((await t.marked(issue, 'status'))[0]?.body).not.toContain('/pull/');
  });

  it('that is no valid job is refused with its lines', async () => {
    const issue = await ask(t, `/ask\n${json('{\n  "script": ["ls"],\n  "speed": 3\n}\n')}`);
    const [final, ...more] = await t.marked(issue, 'final');
    expect(final?.body).toContain('line 3');
    expect(final?.body).toContain('speed');
    expect(more).toEqual([]);
  });
});

it('gate.fenced: approve lets it wait for a person', async () => {
  const file = await t.github.read.file('.github/guruguru.yml');
  await t.github.as('octo').push('main', { '.github/guruguru.yml': `${file}gate:\n  fenced: approve\n` });
  await t.settle();
  const { issue, pull, id } = await waitingPull(t);
  expect(pull.merged).toBe(false);
  expect(await jobState(t, id)).toBe('proposed');
  const status = await t.github.until('the status to say so', async () =>
    (await t.marked(issue, 'status')).find(({ body }) => body.includes('gate.fenced: approve')),
  );
  expect(status.body).toContain('waiting for approval');
});

it('a mistake in the settings takes no click away', async () => {
  const { pull } = await waitingPull(t);
  const file = await t.github.read.file('.github/guruguru.yml');
  await t.github.as('octo').push('main', { '.github/guruguru.yml': `${file}speed: 3\n` });
  await t.github.as('reader').review(pull.number, { event: 'COMMENT', body: 'hm' });
  await t.settle();
  expect((await t.github.read.pull(pull.number)).merged).toBe(false);
  await t.github.as('octo').push('main', { '.github/guruguru.yml': file ?? '' });
  await t.settle();
});
