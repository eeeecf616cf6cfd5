import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { REFUSALS_AN_HOUR } from '../../src/ask/refusal-allowance.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { ask, fence, jobState, merged, waitingPull } from '../support/app-steps.ts';

let t: TestApp;
const anotherHour = () =>
  t.app().store.write((tx) => tx.deleteFrom('counters').where('name', 'like', 'refusals:%').execute());
beforeAll(async () => {
  t = await startTestApp({ settings: 'gate:\n  fenced: approve\n' });
});
beforeEach(anotherHour);
afterAll(() => t.close());
afterEach(() => {
  expect(t.github.contractViolations).toEqual([]);
  expect(t.log).toEqual([]);
});

it('strangers together cost ten replies an hour, which the tenth says, and nothing they wrote is kept open', async () => {
  const issue = await t.github.as('octo').openIssue({ title: 'Noise' });
  for (let n = 0; n < REFUSALS_AN_HOUR; n += 1) {
    await t.github.as('stranger').comment(issue, n % 2 === 0 ? `/ask dig ${n}` : '/approve');
    await t.settle();
  }
  const said = await t.said(issue);
  expect(said).toHaveLength(REFUSALS_AN_HOUR);
  expect(said.filter(({ body }) => body.includes('Others without write access'))).toHaveLength(1);
  expect(said.at(-1)?.body).toContain('Others without write access are not answered before');

  const from = t.github.requests.length;
  await t.github.as('stranger').comment(issue, '/ask dig deeper');
  await t.github.as('reader').comment(issue, '/cancel');
  await t.github.as('stranger').openIssue({ title: 'More', body: '/ask dig here' });
  await t.settle();
  const writes = t.github.requests
    .slice(from)
    .filter(({ kind, actor }) => kind === 'write' && actor === 'installation');
  expect(writes).toEqual([]);
  const { db } = t.app().store;
  const open = await db.selectFrom('asks').select('state').where('state', '!=', 'ended').execute();
  const due = await db.selectFrom('commands').select('state').where('state', '!=', 'ended').execute();
  expect([...open, ...due]).toEqual([]);

  // Whoever may write is answered as ever.
  await t.github.as('writer').comment(issue, '/help');
  await t.settle();
  expect((await t.said(issue)).at(-1)?.body).toContain('`/approve');
  await anotherHour();
  await t.github.as('stranger').comment(issue, '/status');
  await t.settle();
  expect((await t.said(issue)).at(-1)?.body).toContain('`/status` needs write access');
});

it('a permission that GitHub does not know (404) is none', async () => {
  const { pull } = await waitingPull(t);
  t.github.faults.add({
    match: (method, path) => method === 'GET' && path.endsWith('/collaborators/writer2/permission'),
    status: 404,
    body: { message: 'writer2 is not a user' },
    times: 100,
  });
  await t.github.as('writer2').comment(pull.number, '/approve');
  await t.github.as('writer2').review(pull.number, { event: 'APPROVE' });
  expect(await merged(t, pull)).toBe(false);
  const issue = await ask(t, `/ask list files\n${fence('ls')}`, 'writer2');
  expect((await t.said(issue)).map(({ body }) => body.includes('`writer2` has `none`'))).toEqual([true]);
  t.github.faults.clear();
});

it('the name of a role grants nothing: a custom role called admin over read is read', async () => {
  const { pull } = await waitingPull(t);
  t.github.admin.setRole('reader', 'admin');
  await t.github.as('reader').comment(pull.number, '/approve');
  await t.github.as('reader').review(pull.number, { event: 'APPROVE' });
  expect(await merged(t, pull)).toBe(false);
  t.github.admin.setRole('reader', undefined);
});

it('a permission lost between the comment and its admission counts as lost', async () => {
  const { pull, id } = await waitingPull(t);
  // GitHub answers what it was asked before the change: the pass that merges asks again.
  t.github.admin.protect('main', { requiredChecks: ['ci'] });
  await t.github.as('writer2').comment(pull.number, '/approve');
  expect(await merged(t, pull)).toBe(false);
  await t.github.admin.setPermission('writer2', 'none');
  t.github.admin.unprotect('main');
  await t.github.as('reader').review(pull.number, { event: 'COMMENT', body: 'go on?' });
  expect(await merged(t, pull)).toBe(false);
  expect(await jobState(t, id)).toBe('proposed');
  await t.github.admin.setPermission('writer2', 'write');
});

it('an ask whose writer lost write access while it was planned is not merged by itself', async () => {
  const file = (await t.github.read.file('.github/guruguru.yml')) ?? '';
  await t.github.as('octo').push('main', { '.github/guruguru.yml': file.replace('approve', 'merge') });
  await t.settle();
  // Held where its PR is opened: by then the comment's permission was asked.
  t.github.faults.add({
    match: (method, path, actor) => actor === 'installation' && method === 'POST' && path.endsWith('/pulls'),
    landed: () => t.github.admin.setPermission('writer2', 'read'),
    times: 1,
  });
  const issue = await ask(t, `/ask list files\n${fence('ls')}`, 'writer2');
  const pull = (await t.github.read.pulls()).findLast(({ body }) => body.includes(`/issues/${issue}#`));
  expect(pull).toMatchObject({ state: 'open', merged: false });
  await t.github.admin.setPermission('writer2', 'write');
});
