import { afterEach, expect, it } from 'vitest';
import { ask, check, pullOf } from '../support/app-steps.ts';
import { loseData } from '../support/lose-data.ts';
import { scheduleAnswer } from '../support/model-replies.ts';
import { type ClockedApp, scheduleFile, schedulePath, startClockedApp } from '../support/schedule-steps.ts';
import { workAt } from '../support/work-at.ts';

let t: ClockedApp;
afterEach(async () => {
  expect(t.github.contractViolations).toEqual([]);
  expect(t.log).toEqual([]);
  await t.close();
});

const rows = (table: 'schedules' | 'ticks' | 'jobs') =>
  t.app().store.db.selectFrom(table).selectAll().execute();
const issues = async () => {
  const found = [];
  for (let number = 1; number < 20; number += 1) {
    const issue = await t.github.read.issue(number).catch(() => null);
    if (issue && !issue.pull_request) found.push(issue);
  }
  return found;
};
const ready = { output: ['ready'] };
const notReady = { output: ['nothing'] };

it('looks every morning, and speaks only when what it finds changes', async () => {
  t = await startClockedApp('2026-11-22T12:00:00Z');
  const runner = await t.runner();
  const pull = await t.approved('hello');
  expect((await t.github.read.pull(pull)).merged).toBe(true);
  expect(await rows('jobs')).toEqual([]);

  await t.at('2026-11-22T22:00:01Z');
  const offer = await runner.run(ready);
  expect(offer).toMatchObject({ job_id: 'hello@20261122T2200Z' });
  await t.settle();
  expect(await issues()).toEqual([]);
  expect(await t.github.read.tree()).not.toContain('reports/schedules/hello/2026-11-23.ndjson');

  await t.at('2026-11-23T22:00:01Z');
  await runner.run(notReady);
  await t.settle();
  const [issue, ...more] = await issues();
  expect(more).toEqual([]);
  expect(issue).toMatchObject({ state: 'open', title: 'READY of hello (hello)' });
  expect(String(issue?.body)).toContain('Not as it should be** since 2026-11-24 07:00 (Asia/Tokyo)');
  expect(await t.said(Number(issue?.number))).toEqual([]);

  await t.at('2026-11-24T22:00:01Z');
  await runner.run(ready);
  await t.settle();
  const [closed] = await issues();
  expect(closed?.state).toBe('closed');
  const said = await t.said(Number(issue?.number));
  expect(said.map(({ body }) => body)).toEqual([
    expect.stringContaining('**✅ Well again** since 2026-11-25 07:00'),
  ]);

  await t.at('2026-11-25T22:00:01Z');
  await runner.run(notReady);
  await t.settle();
  expect((await issues())[0]?.state).toBe('open');

  const tree = await t.github.read.tree();
  expect(tree.filter((path) => path.startsWith('reports/schedules/')).toSorted()).toEqual([
    'reports/schedules/hello/2026-11-23.ndjson',
    'reports/schedules/hello/2026-11-23/20261122T2200Z.out',
    'reports/schedules/hello/2026-11-24.ndjson',
    'reports/schedules/hello/2026-11-24/20261123T2200Z.out',
    'reports/schedules/hello/2026-11-25.ndjson',
    'reports/schedules/hello/2026-11-25/20261124T2200Z.out',
    'reports/schedules/hello/2026-11-26.ndjson',
    'reports/schedules/hello/2026-11-26/20261125T2200Z.out',
    'reports/schedules/hello/state.json',
  ]);
  const line = JSON.parse((await t.github.read.file('reports/schedules/hello/2026-11-24.ndjson')) ?? '');
  expect(line).toMatchObject({ tick: 'hello@20261123T2200Z', state: 'failed', reason: 'dod_unmet' });
});

it('is judged, approved, changed and taken away by PR, and what is pushed past one does not run', async () => {
  t = await startClockedApp('2026-11-22T12:00:00Z');
  const octo = t.github.as('octo');
  const path = schedulePath('hello');
  const wrong = scheduleFile('hello', { cron: '0 25 * * *' }, { script: ['sudo rm -rf /'] });
  const bad = await t.github.as('writer').openPull({ head: 'bad', files: { [path]: wrong } });
  await t.settle();
  const shown = await check(t, bad.head.sha, 'validate');
  expect(shown).toMatchObject({ conclusion: 'failure' });
  const found = await t.github.read.annotations(shown?.id ?? 0);
  expect(found.map((one) => [one.path, one.start_line])).toEqual([[path, 4]]);
  await octo.push('bad', { [path]: wrong.replace('25', '7') });
  await t.settle();
  await octo.review(bad.number, { event: 'APPROVE' });
  await t.settle();
  expect((await t.github.read.pull(bad.number)).merged).toBe(false);

  // A reader's yes is none.
  const good = await t.github
    .as('writer')
    .openPull({ head: 'good', files: { [path]: scheduleFile('hello') } });
  await t.github.as('reader').review(good.number, { event: 'APPROVE' });
  await t.settle();
  expect(await rows('schedules')).toEqual([]);
  await t.github.as('writer2').comment(good.number, '/approve');
  await t.settle();
  expect((await t.github.read.pull(good.number)).merged).toBe(true);
  expect((await t.marked(good.number, 'scheduled'))[0]?.body).toContain(
    'next at 2026-11-23 07:00 (Asia/Tokyo)',
  );
  expect(await rows('schedules')).toMatchObject([
    { name: 'hello', state: 'active', pr_number: good.number, approval: expect.stringContaining('writer2') },
  ]);

  await t.approved('hello', scheduleFile('hello', { cron: '30 8 * * *' }));
  await t.at('2026-11-22T22:00:01Z');
  expect(await rows('ticks')).toEqual([]);
  await t.at('2026-11-22T23:30:01Z');
  expect((await rows('ticks')).map(({ id }) => id)).toEqual(['hello@20261122T2330Z']);

  const pushed = await octo.push('main', { [path]: scheduleFile('hello', { cron: '* * * * *' }) });
  await t.at('2026-11-23T23:30:01Z');
  expect(await rows('ticks')).toHaveLength(1);
  expect(
    t.github.requests.filter(({ template = '' }) => template.endsWith('/commits/{commit_sha}/comments')),
  ).not.toEqual([]);
  expect(pushed).toMatch(/^[0-9a-f]{40}$/);

  await t.approved('hello', scheduleFile('hello', { cron: '30 9 * * *' }));
  await t.at('2026-11-25T00:30:01Z');
  expect(await rows('ticks')).toHaveLength(2);
  const gone = await t.github.as('writer').openPull({ head: 'gone', files: { [path]: null } });
  await t.settle();
  await octo.merge(gone.number);
  await t.settle();
  expect(await rows('schedules')).toMatchObject([{ state: 'gone' }]);
  await t.at('2026-11-26T00:30:01Z');
  expect(await rows('ticks')).toHaveLength(2);
});

it('is there again after the loss of the database, with what it knew, and runs nothing twice', async () => {
  t = await startClockedApp('2026-11-22T12:00:00Z');
  const runner = await t.runner();
  await t.approved('hello');
  await t.at('2026-11-22T22:00:01Z');
  await runner.run(notReady);
  await t.settle();
  expect(await issues()).toHaveLength(1);
  await loseData(t);
  // A database that is new hears of its repositories by an event.
  await t.github.as('octo').openIssue({ title: 'Is it there?', body: '/status' });
  await t.settle();
  expect(await rows('schedules')).toMatchObject([{ name: 'hello', state: 'active' }]);
  expect(await rows('ticks')).toEqual([]);
  const again = await t.runner();
  await t.at('2026-11-23T22:00:01Z');
  await again.run(ready);
  await t.settle();
  const found = (await issues()).filter(({ title }) => title !== 'Is it there?');
  expect(found).toMatchObject([{ state: 'closed' }]);
});

it('comes of an ask in words: one PR, approved once', async () => {
  t = await startClockedApp('2026-11-22T12:00:00Z', {
    model: {
      otherwise: {
        text: scheduleAnswer({ title: 'hello の READY を確認する', dod: 'stdout.contains("ready")' }),
      },
    },
  });
  const runner = await t.runner();
  const issue = await ask(t, '/ask 毎朝7時に hello の READY を確認して');
  const pull = await pullOf(t, issue);
  expect(pull).toMatchObject({ merged: false, title: 'guruguru hello-ready: hello の READY を確認する' });
  expect(pull.body).toContain('`0 7 * * *`（`Asia/Tokyo`）、次回 2026-11-23 07:00 (Asia/Tokyo)');
  expect(
    JSON.parse((await t.github.read.file(schedulePath('hello-ready'), pull.head.ref)) ?? ''),
  ).toMatchObject({
    name: 'hello-ready',
    cron: '0 7 * * *',
    time_zone: 'Asia/Tokyo',
    job: { kind: 'run_shell', script: ['echo hello'] },
  });
  await t.github.as('octo').review(pull.number, { event: 'APPROVE' });
  await t.settle();
  expect((await t.github.read.pull(pull.number)).merged).toBe(true);
  expect((await t.marked(issue, 'final'))[0]?.body).toContain('**承認されました。**');
  await t.at('2026-11-22T13:00:00Z');
  expect((await t.marked(issue, 'status'))[0]?.body).toContain('スケジュール済み');
  await t.at('2026-11-22T22:00:01Z');
  expect(await runner.run(ready)).toMatchObject({ job_id: 'hello-ready@20261122T2200Z', pull: pull.number });
});

it('comes of a pasted file with no model, and needs no click by who may approve alone', async () => {
  t = await startClockedApp('2026-11-22T12:00:00Z', { settings: 'time_zone: Asia/Tokyo\n' });
  const file = { name: 'disk', cron: '*/30 * * * *', job: { script: ['df -h'] } };
  const issue = await ask(t, `/ask look at the disk\n\`\`\`json\n${JSON.stringify(file)}\n\`\`\``);
  expect((await pullOf(t, issue)).merged).toBe(true);
  expect(await rows('schedules')).toMatchObject([{ name: 'disk', state: 'active' }]);
  expect(JSON.parse((await t.github.read.file(schedulePath('disk'))) ?? '')).toMatchObject({
    title: 'look at the disk',
    time_zone: 'Asia/Tokyo',
    job: { workdir: '/workspace/hello', dod: 'exit_code == 0' },
  });
  const wrong = await ask(t, `/ask again\n\`\`\`json\n${JSON.stringify({ ...file, cron: 'daily' })}\n\`\`\``);
  expect((await t.marked(wrong, 'final'))[0]?.body).toContain('it has 1 field; use five fields');
});

it('takes the result of a tick that ran while the database was lost', async () => {
  t = await startClockedApp('2026-11-22T12:00:00Z');
  const runner = await t.runner();
  await t.approved('hello');
  await t.at('2026-11-22T22:00:01Z');
  const offer = await runner.acquire(5);
  if (!offer) throw new Error('nothing was offered');
  await runner.start(offer);
  await loseData(t);
  await t.github.as('octo').openIssue({ title: 'Is it there?', body: '/status' });
  await t.settle();
  // The app does not know it, and looks for it.
  expect((await runner.sync(offer, {})).status).toBe(503);
  await t.settle();
  await runner.finish(offer, notReady);
  await t.settle();
  expect(await rows('ticks')).toMatchObject([{ id: offer.job_id, state: 'ended', recorded: 1 }]);
  expect((await issues()).filter(({ title }) => String(title).startsWith('READY'))).toMatchObject([
    { state: 'open' },
  ]);
});

it('after three days away catches up once, leaves out what overlaps, and says so', async () => {
  t = await startClockedApp('2026-11-22T12:00:00Z');
  const runner = await t.runner();
  await t.approved('hello', scheduleFile('hello', {}, { timeout_minutes: 720 }));
  await t.down();
  t.set('2026-11-26T20:00:00Z');
  await t.up();
  await t.settle();
  expect((await rows('ticks')).map(({ id, late, missed }) => ({ id, late, missed }))).toEqual([
    { id: 'hello@20261125T2200Z', late: 1, missed: 3 },
  ]);
  const offer = await runner.acquire(5);
  if (!offer) throw new Error('nothing was offered');
  await runner.start(offer);
  await t.at('2026-11-26T22:00:01Z');
  expect((await rows('ticks')).map(({ state }) => state)).toEqual(['open', 'skipped']);
  expect(await runner.acquire(0)).toBeNull();
  await runner.finish(offer, ready);
  await t.settle();
  expect(await issues()).toEqual([]);

  await t.at('2026-11-27T15:00:01Z');
  const days = await Promise.all(
    ['2026-11-26', '2026-11-27'].map((day) => t.github.read.file(`reports/schedules/hello/${day}.ndjson`)),
  );
  expect(days.map((text) => JSON.parse(text ?? ''))).toMatchObject([
    { tick: 'hello@20261125T2200Z', state: 'succeeded', late: true, missed_before: 3 },
    { tick: 'hello@20261126T2200Z', state: 'skipped' },
  ]);
});

it('holds ticks in a pause, and tells once that no runner takes them', async () => {
  t = await startClockedApp('2026-11-22T12:00:00Z');
  await t.approved('hello');
  const thread = await ask(t, '/pause', 'octo');
  await t.at('2026-11-22T22:00:01Z');
  await t.at('2026-11-23T22:30:00Z');
  expect(await rows('ticks')).toEqual([]);
  await t.github.as('octo').comment(thread, '/resume');
  await t.settle();
  expect(await rows('ticks')).toMatchObject([{ id: 'hello@20261123T2200Z', state: 'open' }]);

  await t.at('2026-11-24T22:00:01Z');
  expect((await rows('ticks')).map(({ state }) => state)).toEqual(['replaced', 'open']);
  await t.at('2026-11-25T22:00:01Z');
  await t.at('2026-11-26T21:00:00Z');
  const [issue, ...more] = (await issues()).filter(({ title }) => String(title).startsWith('READY'));
  expect(more).toEqual([]);
  expect(String(issue?.body)).toContain('no runner took it');
  expect(await t.said(Number(issue?.number))).toEqual([]);
  const runner = await t.runner();
  expect(await runner.run(ready)).toMatchObject({ job_id: 'hello@20261125T2200Z' });
  await t.settle();
  expect((await t.github.read.issue(Number(issue?.number))).state).toBe('closed');
  const status = await ask(t, '/status', 'octo');
  expect((await t.marked(status, 'reply'))[0]?.body).toMatch(
    /`hello`\]\(.*\| READY of hello \| `0 7 \* \* \*` Asia\/Tokyo \| ✅ well since .* \| 2026-11-27 07:00/,
  );
});

const die = async () => Promise.reject(new Error('killed'));

it.each([
  ['GitHub does it and answers an error', { status: 502, afterWrite: true }],
  ['the app dies before it', { before: die }],
  ['the app dies when it is done', { landed: die }],
] as const)('says and records everything once, though %s', async (_, fault) => {
  t = await startClockedApp('2026-11-22T12:00:00Z');
  const runner = await t.runner();
  await t.approved('hello');
  for (const [method, end] of [
    ['PATCH', /\/git\/refs\//],
    ['POST', /\/issues$/],
    ['POST', /\/issues\/\d+\/comments$/],
    ['PATCH', /\/issues\/\d+$/],
  ] as const)
    t.github.faults.add({ match: (m, path) => m === method && end.test(path), ...fault, times: 1 });
  await t.at('2026-11-22T22:00:01Z');
  await runner.run(notReady);
  for (const second of ['10', '20', '30']) await t.at(`2026-11-22T22:00:${second}Z`);
  await t.at('2026-11-23T22:00:01Z');
  await runner.run(ready);
  for (const second of ['10', '20', '30', '40']) await t.at(`2026-11-23T22:00:${second}Z`);
  const [issue, ...more] = await issues();
  expect(more).toEqual([]);
  expect(issue?.state).toBe('closed');
  expect(await t.said(Number(issue?.number))).toHaveLength(1);
  for (const day of ['2026-11-23', '2026-11-24']) {
    const lines = (await t.github.read.file(`reports/schedules/hello/${day}.ndjson`))?.trim().split('\n');
    expect(lines).toHaveLength(1);
  }
  expect(t.log.splice(0).length).toBeGreaterThan(1);
});

it('makes a tick once, however many apps come to it at one time', async () => {
  t = await startClockedApp('2026-11-22T12:00:00Z');
  await t.approved('hello');
  const key = `schedule:${t.github.repository().id}:hello`;
  const now = Date.parse('2026-11-22T22:00:01Z');
  const next = await Promise.all([1, 2, 3, 4].map(() => workAt(t, key, now)));
  expect(next).toEqual(next.map(() => ({ dueAt: now + 86_399_000 })));
  expect(await rows('ticks')).toMatchObject([{ id: 'hello@20261122T2200Z' }]);
  expect(await rows('jobs')).toMatchObject([{ id: 'hello@20261122T2200Z', state: 'queued' }]);
  // A clock that is set back makes it no second time.
  await workAt(t, key, now - 3_600_000);
  await workAt(t, key, now);
  expect(await rows('ticks')).toHaveLength(1);
});

it('ends with its ask, by /cancel, before anybody approved it', async () => {
  t = await startClockedApp('2026-11-22T12:00:00Z', { settings: 'gate:\n  fenced: approve\n' });
  const file = { name: 'disk', cron: '*/30 * * * *', time_zone: 'UTC', job: { script: ['df -h'] } };
  const issue = await ask(t, `/ask look\n\`\`\`json\n${JSON.stringify(file)}\n\`\`\``);
  const pull = await pullOf(t, issue);
  expect(pull.merged).toBe(false);
  await t.github.as('writer').comment(issue, '/cancel');
  await t.settle();
  expect((await t.github.read.pull(pull.number)).state).toBe('closed');
  expect((await t.marked(issue, 'final')).length).toBe(1);
  expect(await rows('schedules')).toEqual([]);
});

it('is not in force when somebody merged it who may not approve, which is said', async () => {
  t = await startClockedApp('2026-11-22T12:00:00Z', { settings: 'approve:\n  permission: admin\n' });
  const pull = await t.github
    .as('writer2')
    .openPull({ head: 'mine', files: { [schedulePath('hello')]: scheduleFile('hello') } });
  await t.settle();
  await t.github.as('writer').merge(pull.number);
  await t.settle();
  const [said, ...more] = await t.marked(pull.number, 'scheduled');
  expect(more).toEqual([]);
  expect(said?.body).toContain('`writer` merged it, and nobody who may approve did.');
  expect(said?.body).not.toContain('**Approved.**');
  expect(await rows('schedules')).toEqual([]);
  await t.restart();
  await t.at('2026-11-22T22:00:01Z');
  expect(await rows('ticks')).toEqual([]);
});

it('lets a person end a running tick by its name, and thinks nothing of its end', async () => {
  t = await startClockedApp('2026-11-22T12:00:00Z');
  const runner = await t.runner();
  await t.approved('hello');
  await t.at('2026-11-22T22:00:01Z');
  const offer = await runner.acquire(5);
  if (!offer) throw new Error('nothing was offered');
  await runner.start(offer);
  await ask(t, `/cancel ${offer.job_id}`, 'writer');
  expect(await runner.wait(offer, 0)).toMatchObject({ cancel: true });
  await runner.finish(offer, { outcome: 'cancelled', exit_code: null });
  await t.settle();
  expect(await rows('jobs')).toMatchObject([{ state: 'cancelled' }]);
  expect((await issues()).filter(({ title }) => String(title).startsWith('READY'))).toEqual([]);
});

it('is approved by a push where the settings say so, and works on where issues are turned off', async () => {
  t = await startClockedApp('2026-11-22T12:00:00Z', { settings: 'gate:\n  direct_push: run\n' });
  const runner = await t.runner();
  await t.github.as('octo').push('main', { [schedulePath('hello')]: scheduleFile('hello') });
  await t.settle();
  expect(await rows('schedules')).toMatchObject([{ state: 'active', pr_number: null }]);
  t.github.faults.add({
    match: (method, path) => method === 'POST' && path.endsWith('/issues'),
    status: 410,
  });
  await t.at('2026-11-22T22:00:01Z');
  await runner.run(notReady);
  await t.settle();
  expect(await issues()).toEqual([]);
  expect(await t.github.read.tree()).toContain('reports/schedules/hello/2026-11-23.ndjson');
  expect(await t.app().store.db.selectFrom('work').selectAll().where('stuck', '>', 0).execute()).toEqual([]);
});
