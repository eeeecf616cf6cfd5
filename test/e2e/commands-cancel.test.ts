import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { ask, check, fence, jobIdOf, jobState, pullOf } from '../support/app-steps.ts';

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp({ model: {} });
});
afterAll(() => t.close());
afterEach(() => {
  expect(t.github.contractViolations).toEqual([]);
  expect(t.log).toEqual([]);
});

const cancel = async (thread: number, text = '/cancel', login = 'writer2') => {
  await t.github.as(login).comment(thread, text);
  await t.settle();
};

/** A fenced ask: approved, merged, in the queue. */
async function queued(...lines: string[]) {
  const issue = await ask(t, `/ask list files\n${fence(...lines, 'ls')}`);
  const pull = await pullOf(t, issue);
  return { issue, pull, id: jobIdOf(pull) };
}

async function expectEnded(issue: number, word: string) {
  const [final, ...more] = await t.marked(issue, 'final');
  expect(final?.body).toContain(word);
  expect(more).toEqual([]);
  const statuses = await t.marked(issue, 'status');
  expect(statuses).toHaveLength(1);
  return statuses[0]?.body ?? '';
}

describe('/cancel', () => {
  it('while planning ends the ask at once, and what the model says later is nothing', async () => {
    const issue = await t.github.as('octo').openIssue({ title: 'Hang' });
    await new Promise<void>((asked) => {
      t.model?.next(() => {
        asked();
        return { hang: true };
      });
      void t.github.as('writer').comment(issue, '/ask run the smoke test');
    });
    const pulls = (await t.github.read.pulls()).length;
    const at = Date.now();
    await cancel(issue);
    const status = await expectEnded(issue, 'Cancelled by `writer2`');
    expect(Date.now() - at).toBeLessThan(2000);
    expect(status).toContain('Cancelled by `writer2`');
    expect(await t.github.read.pulls()).toHaveLength(pulls);
    await t.restart();
    await t.settle();
    expect(await t.github.read.pulls()).toHaveLength(pulls);
    expect(await t.said(issue)).toHaveLength(2);
  });

  it('of a proposed job closes its PR, from the thread or from the PR', async () => {
    t.github.admin.protect('main', { requiredChecks: ['ci'] });
    const one = await queued();
    await cancel(one.issue);
    const two = await queued();
    await cancel(two.pull.number);
    t.github.admin.unprotect('main');
    for (const { issue, pull, id } of [one, two]) {
      expect((await t.github.read.pull(pull.number)).state).toBe('closed');
      expect(await jobState(t, id)).toBe('rejected');
      await expectEnded(issue, 'Cancelled by `writer2`');
    }
  });

  it('of a queued job takes it off the queue and records it', async () => {
    const { issue, pull, id } = await queued();
    await cancel(issue);
    expect(await jobState(t, id)).toBe('cancelled');
    const status = await expectEnded(issue, 'cancelled');
    expect(status).toContain('cancelled');
    expect((await check(t, pull.head.sha, id))?.conclusion).toBe('cancelled');
    const record = JSON.parse((await t.github.read.file(`reports/jobs/${id}.json`)) ?? '');
    expect(record.runs).toMatchObject([{ attempt: 1, state: 'cancelled', runner: null }]);
    expect(await (await t.runner('idle')).acquire()).toBeNull();
  });

  it('reaches a running job within two seconds', async () => {
    const { issue, pull, id } = await queued();
    const runner = await t.runner();
    const offer = await runner.acquire(5);
    if (!offer) throw new Error('the job was not offered');
    await runner.start(offer);
    const waiting = runner.wait(offer, 15);
    const at = Date.now();
    await t.github.as('writer2').comment(issue, '/cancel');
    expect((await waiting).cancel).toBe(true);
    expect(Date.now() - at).toBeLessThan(2000);
    await t.settle();
    expect((await check(t, pull.head.sha, id))?.output.title).toContain('Stopping');
    await runner.finish(offer, { outcome: 'cancelled', exit_code: null, signal: 'SIGTERM' });
    await t.settle();
    expect(await jobState(t, id)).toBe('cancelled');
    const status = await expectEnded(issue, 'cancelled by `writer2`');
    expect(status).toContain('cancelled');
    await cancel(issue, `/cancel ${id}`);
    expect((await t.marked(issue, 'reply'))[0]?.body).toContain('has already ended');
  });

  it('with an id works from anywhere, with several ids too', async () => {
    const [one, two] = [await queued(), await queued()];
    const elsewhere = await t.github.as('octo').openIssue({ title: 'Elsewhere' });
    await cancel(elsewhere, `/cancel ${one.id} ${two.id}`);
    expect([await jobState(t, one.id), await jobState(t, two.id)]).toEqual(['cancelled', 'cancelled']);
    expect(await t.said(elsewhere)).toEqual([]);
    await cancel(elsewhere, '/cancel 2020-01-01-001');
    await cancel(elsewhere);
    const replies = (await t.marked(elsewhere, 'reply')).map(({ body }) => body);
    expect(replies[0]).toContain('There is no job `2020-01-01-001`');
    expect(replies[1]).toContain('no job that `/cancel` could apply to');
  });

  it('without an id where there are several jobs lists them', async () => {
    const { issue, id } = await queued();
    await t.github.as('writer').comment(issue, `/ask and this\n${fence('pwd')}`);
    await t.settle();
    await cancel(issue);
    const [reply] = await t.marked(issue, 'reply');
    expect(reply?.body).toContain('several jobs');
    expect(reply?.body).toContain(id);
    expect(await jobState(t, id)).toBe('queued');
    await cancel(issue, `/cancel ${id}`);
    expect(await jobState(t, id)).toBe('cancelled');
    await cancel(issue);
  });

  it.each(['reader', 'stranger'])('by a %s is refused', async (login) => {
    const { issue, id } = await queued();
    await cancel(issue, '/cancel', login);
    expect(await jobState(t, id)).toBe('queued');
    expect((await t.marked(issue, 'reply'))[0]?.body).toContain('`/cancel` needs write access');
    await cancel(issue);
  });
});
