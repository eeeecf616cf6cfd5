import { afterEach, describe, expect, it } from 'vitest';
import { startTestApp, type TestApp, type TestAppOptions, WORKDIR } from '../support/app.ts';
import { ask, fence, jobIdOf, jobState, merged, pullOf, waitingPull } from '../support/app-steps.ts';

let t: TestApp;
const start = async (settings: string, options: TestAppOptions = {}) => {
  t = await startTestApp({ settings, ...options });
};
const settings = async (text: string) => {
  const file = `defaults:\n  workdir: ${WORKDIR}\n${text}`;
  await t.github.as('octo').push('main', { '.github/guruguru.yml': file });
  await t.settle();
};
afterEach(async () => {
  expect(t.github.contractViolations).toEqual([]);
  expect(t.log).toEqual([]);
  await t.close();
});

const LIST = `/ask list files\n${fence('ls')}`;
const say = async (login: string, thread: number, text: string) => {
  await t.github.as(login).comment(thread, text);
  await t.settle();
  return (await t.said(thread)).at(-1)?.body ?? '';
};

describe('/pause and /resume', () => {
  it('stop planning, merging and leasing; running jobs go on, and what waited goes on afterwards', async () => {
    await start('gate:\n  fenced: approve\n');
    const issue = await t.github.as('octo').openIssue({ title: 'Pause' });
    const queued = await waitingPull(t);
    const running = await waitingPull(t);
    const proposed = await waitingPull(t);
    await say('writer', running.pull.number, '/approve');
    const runner = await t.runner();
    const offer = await runner.acquire(5);
    if (!offer) throw new Error('the job was not offered');
    await runner.start(offer);
    await say('writer', queued.pull.number, '/approve');

    expect(await say('reader', issue, '/pause')).toContain('needs write access');
    expect(await say('writer', issue, '/pause')).toContain('**Paused.**');
    expect(await say('writer2', issue, '/pause')).toContain('by `writer`');
    expect(await say('writer', issue, '/status')).toContain('⏸️ **Paused.**');

    const asked = await ask(t, LIST);
    expect(await t.said(asked)).toHaveLength(1);
    expect((await t.said(asked))[0]?.body).toContain('**Kept for later.**');
    expect(await say('writer', proposed.pull.number, '/approve')).toContain('Approval noted.');
    expect(await merged(t, proposed.pull)).toBe(false);
    expect(await (await t.runner('other')).acquire(0)).toBeNull();
    await runner.finish(offer);
    await t.settle();
    expect(await jobState(t, running.id)).toBe('succeeded');

    await t.restart();
    await t.settle();
    expect(await jobState(t, queued.id)).toBe('queued');
    expect(await say('reader', issue, '/resume')).toContain('needs write access');
    expect(await say('writer2', issue, '/resume')).toContain('**Resumed.**');
    expect(await merged(t, proposed.pull)).toBe(true);
    expect((await pullOf(t, asked)).state).toBe('open');
    expect(await (await t.runner('other')).acquire(5)).not.toBeNull();
    expect(await say('writer', issue, '/resume')).toContain('is not paused');
  });

  it('leave a pause of the settings and of the app alone', async () => {
    await start('paused: true\n');
    const issue = await ask(t, LIST);
    expect((await t.said(issue))[0]?.body).toContain('by its settings');
    expect(await say('writer', issue, '/resume')).toContain('Remove it on the default branch.');
    await settings('');
    const pull = await pullOf(t, issue);
    expect(pull.merged).toBe(true);
    expect(await jobState(t, jobIdOf(pull))).toBe('queued');

    await t.restart(undefined, { paused: true });
    expect(await (await t.runner()).acquire(0)).toBeNull();
    expect((await t.said(await ask(t, LIST)))[0]?.body).toContain('GURUGURU_PAUSED');
    await t.restart();
    expect(await (await t.runner()).acquire(5)).not.toBeNull();
  });
});

describe('caps of the day', () => {
  it('let a person ask so often, also when they ask at once', async () => {
    await start('gate:\n  fenced: approve\nlimits:\n  asks_per_person_per_day: 2\n');
    const issue = await t.github.as('octo').openIssue({ title: 'Much' });
    // Who may not ask uses up nobody's share.
    await say('reader', issue, LIST);
    await Promise.all([1, 2, 3, 4].map(() => t.github.as('writer').comment(issue, LIST)));
    await t.settle();
    const refused = (await t.said(issue)).filter(({ body }) => body.includes('cap of 2 asks a day'));
    expect(refused).toHaveLength(2);
    expect(refused[0]?.body).toMatch(/It resets .*00:00/);
    expect(await t.github.read.pulls()).toHaveLength(2);
    await say('writer2', issue, LIST);
    expect(await t.github.read.pulls()).toHaveLength(3);
  });

  it.each([
    ['tokens', 'limits:\n  tokens_per_day: 3000\n', 'cap of 3,000 model tokens a day'],
    [
      'usd',
      'limits:\n  usd_per_day: 0.01\nmodel_prices:\n  test-model: { input: 1, output: 10 }\n',
      'cap of USD 0.01 for the model a day',
    ],
  ])('let the model use so much: %s', async (_, text, words) => {
    const answer = { result: { kind: 'answer', text: 'Two.' } };
    await start(text, { model: { otherwise: { text: answer, usage: { input: 2000, output: 1000 } } } });
    const first = await ask(t, '/ask how many files are there?');
    expect((await t.said(first)).at(-1)?.body).toContain('Two.');
    const second = await ask(t, '/ask how many files are there?');
    const reply = (await t.marked(second, 'final'))[0]?.body ?? '';
    expect(reply).toContain(words);
    expect(reply).toMatch(/It resets .*00:00/);
    expect(t.model?.requests).toHaveLength(1);
    // A block needs no model.
    expect((await pullOf(t, await ask(t, LIST))).merged).toBe(true);
    expect(await say('writer', second, '/status')).toContain('Model today: 3,000');
  });
});
