import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { ask, fence, jobIdOf, jobState, pullOf, waitingPull } from '../support/app-steps.ts';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({ settings: 'gate:\n  fenced: approve\n' });
});
afterAll(() => t.close());
afterEach(() => {
  expect(t.github.contractViolations).toEqual([]);
  expect(t.log).toEqual([]);
});

const reply = async (thread: number, text: string, login = 'writer') => {
  await t.github.as(login).comment(thread, text);
  await t.settle();
  return (await t.marked(thread, 'reply')).at(-1)?.body ?? '';
};

describe('/status', () => {
  it('says what waits, what runs and who is live, in English and in Japanese', async () => {
    const bare = await t.github.as('octo').openIssue({ title: 'Status' });
    expect(await reply(bare, '/status')).toContain('Nothing is queued, running or stuck.');
    expect(await reply(bare, '/status')).toContain('No runner is live');

    const proposed = await waitingPull(t);
    const running = await waitingPull(t);
    await t.github.as('writer').comment(running.pull.number, '/approve');
    await t.settle();
    const runner = await t.runner('devbox-1');
    const offer = await runner.acquire(5);
    if (!offer) throw new Error('the job was not offered');
    await runner.start(offer);
    const queued = await waitingPull(t);
    await t.github.as('writer').comment(queued.pull.number, '/approve');
    await t.settle();

    const said = await reply(bare, '/status');
    const row = (text: string, id: string) => text.split('\n').find((line) => line.includes(id)) ?? '';
    expect(row(said, proposed.id)).toContain('waits for approval');
    expect(row(said, running.id)).toMatch(/running.*devbox-1/);
    expect(row(said, queued.id)).toContain('queued');
    expect(said).toMatch(/`devbox-1` \| `devbox` \|/);

    const issue = await ask(t, `/ask ファイルの一覧を見せて\n${fence('ls')}`);
    const japanese = await reply(issue, '/status');
    expect(row(japanese, running.id)).toContain('devbox-1');
    expect(japanese).toMatch(/実行中/);
    expect(japanese).not.toContain('waits for approval');
    await runner.finish(offer);
    await t.settle();
  });

  it('by a reader is refused', async () => {
    const bare = await t.github.as('octo').openIssue({ title: 'Status' });
    expect(await reply(bare, '/status', 'reader')).toContain('`/status` needs write access');
  });
});

describe('/help', () => {
  it('lists every command, in the language of the thread', async () => {
    const bare = await t.github.as('octo').openIssue({ title: 'Help' });
    const english = await reply(bare, '/help');
    for (const word of ['/ask', '/approve', '/cancel', '/retry', '/status', '/help'])
      expect(english).toContain(`\`${word}`);
    expect(english).toContain('what it does');
    const issue = await ask(t, `/ask 一覧を見せて\n${fence('ls')}`);
    const japanese = await reply(issue, '/help');
    expect(japanese).toContain('`/approve');
    expect(japanese).toMatch(/[ぁ-ん]/);
  });
});

describe('what starts nothing', () => {
  it.each([
    ['a command in a quote', '> /approve'],
    ['a command in a code fence', '```\n/approve\n```'],
    ['a command below other text', 'I would say\n/approve'],
    ['a command in the middle of a line', 'please /approve'],
    ['an indented code block', '    /approve'],
    ['a longer word', '/approved'],
  ])('%s', async (_, text) => {
    const { pull, id } = await waitingPull(t);
    await t.github.as('writer').comment(pull.number, text);
    await t.settle();
    expect(await jobState(t, id)).toBe('proposed');
    expect(await t.marked(pull.number, 'reply')).toEqual([]);
  });

  it('a command by the app itself', async () => {
    const { pull, id } = await waitingPull(t);
    await fetch(`${t.github.url}/repos/octo/hello/issues/${pull.number}/comments`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await t.github.installationToken()}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ body: '/approve' }),
    });
    await t.settle();
    expect(await jobState(t, id)).toBe('proposed');
  });

  it('an edit that adds a command', async () => {
    const { pull, id } = await waitingPull(t);
    const comment = await t.github.as('writer').comment(pull.number, 'looks fine');
    await t.github.as('writer').editComment(comment.id, '/approve');
    await t.settle();
    expect(await jobState(t, id)).toBe('proposed');
  });
});

describe('several jobs on a thread', () => {
  it.each(['/approve', '/cancel', '/retry'])('%s without an id lists them', async (word) => {
    const { issue, id } = await waitingPull(t);
    await t.github.as('writer').comment(issue, `/ask and this\n${fence('pwd')}`);
    await t.settle();
    const pulls = (await t.github.read.pulls()).filter((pull) => pull.body.includes(`/issues/${issue}#`));
    const ids = pulls.map(jobIdOf);
    expect(ids).toHaveLength(2);
    if (word === '/retry') {
      for (const pull of pulls) await t.github.as('writer').comment(pull.number, '/approve');
      await t.settle();
      await t.github.as('writer').comment(issue, `/cancel ${ids.join(' ')}`);
      await t.settle();
    }
    const said = await reply(issue, word);
    for (const one of ids) expect(said).toContain(`\`${one}\``);
    expect(said).toContain(`\`${word} ${ids.includes(id) ? id : ids[0]}\``);
  });

  it('/approve with an id approves that one', async () => {
    const { issue, pull } = await waitingPull(t);
    await t.github.as('writer').comment(issue, `/ask and this\n${fence('pwd')}`);
    await t.settle();
    const other = (await t.github.read.pulls()).at(-1) ?? pull;
    await t.github.as('writer').comment(issue, `/approve ${jobIdOf(other)}`);
    await t.settle();
    expect((await t.github.read.pull(other.number)).merged).toBe(true);
    expect((await t.github.read.pull(pull.number)).merged).toBe(false);
    expect((await pullOf(t, issue)).number).toBeGreaterThan(0);
  });
});

describe('an item that is given up', () => {
  it('is told once, shown by /status, and tried again by /retry', async () => {
    t.github.faults.add({
      match: (method, path, actor) =>
        actor === 'installation' && method === 'POST' && path.endsWith('/pulls'),
      status: 500,
      body: { message: 'GitHub is having a bad day' },
      times: 1000,
    });
    const issue = await ask(t, `/ask list files\n${fence('ls')}`);
    // Its last attempt comes now and not in twenty minutes.
    await t.app().store.write(async (tx) => {
      await tx.updateTable('work').set({ attempts: 11, due_at: 0 }).where('key', 'like', 'ask:%').execute();
    });
    t.app().worker()?.wake();
    await t.settle();
    const [said, ...more] = await t.marked(issue, 'stuck');
    expect(said?.body).toContain('having a bad day');
    expect(more).toEqual([]);
    await t.github.until('the status to say so', async () =>
      (await t.marked(issue, 'status')).find(({ body }) => body.includes('stuck')),
    );
    const shown = await reply(issue, '/status');
    expect(shown).toContain('having a bad day');
    t.github.faults.clear();
    expect(await reply(issue, '/retry')).toContain('Trying again now');
    expect((await pullOf(t, issue)).state).toBe('open');
    expect(t.log.splice(0)).not.toEqual([]);
  });
});
