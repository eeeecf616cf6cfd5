import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { ask, fence, jobFile, jobIdOf, jobState, merged, pullOf, waitingPull } from '../support/app-steps.ts';

let t: TestApp;
beforeEach(async () => {
  t = await startTestApp({
    settings: 'gate:\n  fenced: approve\n',
    github: {
      repositories: [{ fullName: 'octo/hello', files: { 'README.md': '# hello\n' } }],
    },
  });
});
afterEach(async () => {
  expect(t.github.contractViolations).toEqual([]);
  expect(t.log).toEqual([]);
  await t.close();
});

const approve = async (pull: { number: number }) => {
  await t.github.as('octo').review(pull.number, { event: 'APPROVE' });
  await t.settle();
};

async function runToEnd(id: string, issue: number) {
  await (await t.runner()).runJob(id);
  await t.settle();
  expect(await jobState(t, id)).toBe('succeeded');
  expect(await t.marked(issue, 'status')).toHaveLength(1);
  expect(await t.marked(issue, 'final')).toHaveLength(1);
}

describe('a PR that is retargeted', () => {
  it('waits, says so once, and goes on when it is set back', async () => {
    const { issue, pull, id } = await waitingPull(t);
    // A name that may not stand in an HTML comment.
    await t.github.as('octo').push('release--1', { 'a.txt': 'a\n' });
    await t.github.as('octo').retarget(pull.number, 'release--1');
    await approve(pull);
    expect(await merged(t, pull)).toBe(false);
    await t.github.as('octo').retarget(pull.number, 'main');
    await t.settle();
    expect(await merged(t, pull)).toBe(true);
    expect(await jobState(t, id)).toBe('queued');
    const said = await t.marked(pull.number, 'base');
    expect(said).toHaveLength(1);
    expect(said[0]?.body).toContain('`release--1`');
    await runToEnd(id, issue);
  });

  it('and merged there does not run, and its ask ends with one reply', async () => {
    const { issue, pull, id } = await waitingPull(t);
    await t.github.as('octo').push('release', { 'a.txt': 'a\n' });
    await t.github.as('octo').retarget(pull.number, 'release');
    await t.github.as('octo').merge(pull.number);
    await t.settle();
    expect(await jobState(t, id)).toBe('rejected');
    expect((await t.marked(issue, 'final')).map(({ body }) => body.includes('`release`'))).toEqual([true]);
    expect(await t.marked(issue, 'status')).toHaveLength(1);
  });
});

describe('a changed default branch', () => {
  it('holds the PR until it targets the new one', async () => {
    const { issue, pull, id } = await waitingPull(t);
    await t.github.as('octo').push('trunk', { 'a.txt': 'a\n' });
    await t.github.admin.changeDefaultBranch('trunk');
    await t.settle();
    expect((await t.marked(pull.number, 'base'))[0]?.body).toContain('`trunk`');
    await approve(pull);
    expect(await merged(t, pull)).toBe(false);
    await t.github.as('octo').retarget(pull.number, 'trunk');
    expect(await merged(t, pull)).toBe(true);
    await runToEnd(id, issue);
    expect(await t.github.read.file(`reports/jobs/${id}.json`, 'trunk')).toBeDefined();
  });
});

describe('a repository that is renamed', () => {
  it('goes on, which is said where an ask is open', async () => {
    const { issue, pull, id } = await waitingPull(t);
    await t.github.admin.rename('hello--world');
    await t.settle();
    const said = await t.marked(issue, 'moved');
    expect(said).toHaveLength(1);
    expect(said[0]?.body).toContain('octo/hello--world');
    await approve(pull);
    expect(await jobState(t, id)).toBe('queued');
    await runToEnd(id, issue);
  });

  it.each([true, false])('while a job runs lets it finish, told of it: %s', async (told) => {
    const { issue, pull, id } = await waitingPull(t);
    await approve(pull);
    const runner = await t.runner();
    const offer = await runner.acquire(5);
    if (!offer) throw new Error('the job was not offered');
    await runner.start(offer);
    await t.settle();
    // Without the event the first write tells.
    if (!told) t.github.webhooks.drop(({ event }) => event === 'repository');
    await t.github.admin.rename('elsewhere');
    await t.settle();
    await runner.finish(offer);
    await t.settle();
    expect(t.log.splice(0).length > 0).toBe(!told);
    // Reads follow GitHub's redirect, whose addresses the contract does not list.
    for (const one of t.github.contractViolations.splice(0)) expect(one).toMatch(/^GET \/repositories\//);
    expect(await jobState(t, id)).toBe('succeeded');
    expect(await t.marked(issue, 'final')).toHaveLength(1);
  });
});

it('a repository that is renamed while a thread of it is locked is not let go', async () => {
  const { issue, pull, id } = await waitingPull(t);
  t.github.faults.add({
    match: (method, path) => method === 'POST' && path.endsWith(`/issues/${issue}/comments`),
    status: 403,
    body: { message: 'Unable to create comment because issue is locked.' },
    times: 100,
  });
  await t.github.admin.rename('moved-on');
  await t.settle();
  await approve(pull);
  expect(await jobState(t, id)).toBe('queued');
});

describe('a repository that is transferred', () => {
  it('away from the app is let go without a fuss', async () => {
    const { pull, id } = await waitingPull(t);
    await t.github.admin.transfer('writer');
    await t.settle();
    await t.github.as('writer').comment(pull.number, '/approve');
    await t.settle();
    expect(await jobState(t, id)).toBe('proposed');
    expect(t.log.splice(0)).toEqual(['the app has no access to this repository any more']);
  });
});

describe('a repository that is archived', () => {
  it('waits and goes on once it is not', async () => {
    const { issue, pull, id } = await waitingPull(t);
    await approve(pull);
    const runner = await t.runner();
    const offer = await runner.acquire(5);
    if (!offer) throw new Error('the job was not offered');
    await runner.start(offer);
    await t.settle();
    await t.github.admin.archive();
    await t.settle();
    await runner.finish(offer);
    await t.settle();
    for (const line of t.log.splice(0)) expect(line).toContain('is archived');
    expect(await t.marked(issue, 'final')).toEqual([]);
    await t.github.admin.unarchive();
    await t.settle();
    expect(await jobState(t, id)).toBe('succeeded');
    expect(await t.marked(issue, 'final')).toHaveLength(1);
    expect(await t.github.read.file(`reports/jobs/${id}.json`)).toBeDefined();
  });

  it('offers nothing to runners meanwhile', async () => {
    const { pull, id } = await waitingPull(t);
    await approve(pull);
    await t.github.admin.archive();
    await t.settle();
    const runner = await t.runner();
    expect(await runner.acquire()).toBeNull();
    await t.github.admin.unarchive();
    await t.settle();
    expect((await runner.acquire(5))?.job_id).toBe(id);
    t.log.length = 0;
  });
});

describe('an installation that is suspended', () => {
  it('parks what is due, and unsuspended goes on', async () => {
    const { issue, pull, id } = await waitingPull(t);
    await approve(pull);
    const runner = await t.runner();
    const offer = await runner.acquire(5);
    if (!offer) throw new Error('the job was not offered');
    await runner.start(offer);
    await t.settle();
    await t.github.admin.suspend();
    await t.settle();
    await runner.finish(offer);
    await t.settle();
    expect(t.log.length).toBeGreaterThan(0);
    for (const line of t.log.splice(0)) expect(line).toContain('is suspended');
    const stuck = await t.app().store.db.selectFrom('work').select('attempts').execute();
    expect(stuck.every((item) => item.attempts === 0)).toBe(true);
    await t.github.admin.unsuspend();
    await t.settle();
    expect(await jobState(t, id)).toBe('succeeded');
    expect(await t.marked(issue, 'final')).toHaveLength(1);
    expect(await t.marked(issue, 'status')).toHaveLength(1);
  });
});

describe('an app that is uninstalled', () => {
  it('does nothing there, and installed again goes on with the next event', async () => {
    const { issue, pull, id } = await waitingPull(t);
    await t.github.admin.uninstall();
    await t.settle();
    const requests = t.github.requests.filter(({ actor }) => actor === 'installation').length;
    await t.settle();
    expect(t.github.requests.filter(({ actor }) => actor === 'installation').length).toBe(requests);
    await t.github.admin.install();
    await approve(pull);
    expect(await merged(t, pull)).toBe(true);
    await runToEnd(id, issue);
  });
});

describe('dispatch: git', () => {
  it('gates a job and leaves its run to a runner with --git, which is said once', async () => {
    const file = await t.github.read.file('.github/guruguru.yml');
    await t.github.as('octo').push('main', { '.github/guruguru.yml': `${file}dispatch: git\n` });
    await t.settle();
    const issue = await ask(t, `/ask list files\n${fence('ls')}`);
    const pull = await pullOf(t, issue);
    await approve(pull);
    expect(await merged(t, pull)).toBe(true);
    expect(await jobState(t, jobIdOf(pull))).toBe('rejected');
    expect(await (await t.runner()).acquire()).toBeNull();
    const [final, ...more] = await t.marked(issue, 'final');
    expect(final?.body).toContain('dispatch: git');
    expect(more).toEqual([]);
  });
});

it('a job file on another branch than the default one is none of ours', async () => {
  const pull = await t.github
    .as('writer')
    .openPull({ head: 'a', files: { 'jobs/queue/2025-11-22-001.json': jobFile('2025-11-22-001') } });
  await t.settle();
  await t.github.as('octo').push('release', { 'a.txt': 'a\n' });
  await t.github.as('octo').retarget(pull.number, 'release');
  await t.settle();
  await t.github.as('octo').merge(pull.number);
  await t.settle();
  expect(await jobState(t, '2025-11-22-001')).toBe('rejected');
});
