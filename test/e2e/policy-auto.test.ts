import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { ask, fence, jobFile, jobIdOf, jobState, merged, pullOf } from '../support/app-steps.ts';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({
    settings: 'policy: solo\ngate:\n  fenced: approve\napprove:\n  permission: admin\n',
  });
});
afterAll(() => t.close());
afterEach(() => {
  expect(t.github.contractViolations).toEqual([]);
  expect(t.log).toEqual([]);
});

it('a job of nothing but commands on gate.auto merges by itself, for who may ask but not approve', async () => {
  const issue = await ask(t, `/ask look\n${fence('git status --short', 'git log --oneline')}`, 'writer');
  const pull = await pullOf(t, issue);
  expect(pull.merged).toBe(true);
  expect(pull.body).toContain('every command is on `gate.auto`');
  const id = jobIdOf(pull);
  expect(await jobState(t, id)).toBe('queued');
  await (await t.runner()).run();
  await t.settle();
  const record = JSON.parse((await t.github.read.file(`reports/jobs/${id}.json`)) ?? '');
  expect(record.approval).toMatchObject({ login: 'writer', how: 'auto' });
});

it('below write permission nothing is gained', async () => {
  const before = (await t.github.read.pulls()).length;
  await ask(t, `/ask look\n${fence('git status')}`, 'reader');
  expect(await t.github.read.pulls()).toHaveLength(before);
});

it('one command beside the list, or a push to its branch, waits for a person', async () => {
  const waits = await pullOf(t, await ask(t, `/ask look\n${fence('git status', 'git gc')}`, 'writer'));
  expect(waits.merged).toBe(false);
  expect(waits.body).not.toContain('gate.auto');
  const changed = jobFile(jobIdOf(waits), { script: ['git status'] });
  await t.github.as('writer').push(waits.head.ref, { [`jobs/queue/${jobIdOf(waits)}.json`]: changed });
  expect(await merged(t, waits)).toBe(false);
});

it('a job PR by hand gains nothing', async () => {
  const id = '2025-11-22-001';
  const file = jobFile(id, { script: ['git status'] });
  const pull = await t.github
    .as('writer')
    .openPull({ head: 'by-hand', files: { [`jobs/queue/${id}.json`]: file } });
  expect(await merged(t, pull)).toBe(false);
});
