import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listOpenAsks, patchAsk } from '../../src/store/asks.ts';
import { enqueue } from '../../src/store/work.ts';
import { startTestApp, type TestApp } from '../support/app.ts';

/** What is given up on after its last attempt: said on its thread, and woken by `/retry`. */
let app: TestApp;
beforeAll(async () => {
  app = await startTestApp({ worker: { maxAttempts: 3, backoff: () => 0 } });
});
afterAll(() => app?.close());

const FENCE = '/ask\n```sh\necho hello\n```';

describe('a work item that failed for the last time', () => {
  it('of an ask: the asker is told, and /retry goes on where it stopped', async () => {
    const { github, said, settle, marked, runner } = app;
    github.faults.add({
      match: (method, path) => method === 'POST' && path.endsWith('/pulls'),
      status: 500,
      body: { message: 'the sky fell' },
      times: 3,
    });
    const issue = await github.as('writer').openIssue({ title: 'Stuck' });
    const ask = await github.as('writer').comment(issue, FENCE);
    await settle();
    const [told, ...more] = await marked(issue, 'stuck');
    expect(more).toEqual([]);
    expect(told?.body).toContain('the sky fell');
    expect(told?.body).toContain('3');
    expect(told?.body).toContain('/retry');
    await github.until('the edit of the status comment', async () =>
      (await marked(issue, 'status')).some(({ body }) => body.includes('the sky fell')),
    );

    await github.as('writer').comment(issue, '/retry');
    await settle();
    const offer = await (await runner()).run();
    await settle();
    expect((await github.read.pulls()).map(({ head }) => head.ref)).toEqual([`guruguru/ask-c${ask.id}`]);
    expect((await marked(issue, 'status')).map(({ body }) => body)).toEqual([expect.stringContaining('✅')]);
    expect((await said(issue)).filter(({ body }) => body.includes('guruguru:final:'))).toHaveLength(1);
    expect(await github.read.file(`reports/jobs/${offer.job_id}.json`)).toContain('succeeded');
  });

  it('of a job: its report is written after /retry, and it is not run again', async () => {
    const { github, settle, marked, runner } = app;
    const issue = await github.as('writer').openIssue({ title: 'Stuck report' });
    await github.as('writer').comment(issue, FENCE);
    await settle();
    github.faults.add({
      match: (method, path) => method === 'POST' && path.endsWith('/git/trees'),
      status: 500,
      body: { message: 'no trees today' },
      times: 3,
    });
    const devbox = await runner();
    const offer = await devbox.run();
    await settle();
    expect((await marked(issue, 'stuck')).map(({ body }) => body)).toEqual([
      expect.stringContaining('no trees today'),
    ]);
    await github.as('writer').comment(issue, '/retry');
    await settle();
    expect(await github.read.file(`reports/jobs/${offer.job_id}.json`)).toContain('succeeded');
    expect(await devbox.acquire()).toBeNull();
    expect(await marked(issue, 'final')).toHaveLength(1);
  });

  it('of a command: told on its thread, and woken by another /retry', async () => {
    const { github, settle, marked } = app;
    const issue = await github.as('writer').openIssue({ title: 'Stuck command' });
    github.faults.add({
      match: (method, path, actor) =>
        actor === 'installation' && /\/comments$/.test(path) && method === 'POST',
      status: 500,
      body: { message: 'nothing may be said' },
      times: 3,
    });
    await github.as('writer').comment(issue, '/help');
    await settle();
    expect(await marked(issue, 'stuck')).toHaveLength(1);
    expect(await marked(issue, 'reply')).toHaveLength(0);
    await github.as('writer').comment(issue, '/retry');
    await settle();
    expect((await marked(issue, 'reply')).map(({ body }) => body)).toEqual(
      expect.arrayContaining([expect.stringContaining('/status')]),
    );
  });

  it('is told once, however often', async () => {
    const { github, settle, marked, runner } = app;
    github.faults.add({
      match: (method, path) => method === 'POST' && path.endsWith('/pulls'),
      status: 500,
      times: 6,
    });
    const issue = await github.as('writer').openIssue({ title: 'Stuck twice' });
    const { id } = await github.as('writer').comment(issue, FENCE);
    await settle();
    await github.as('writer').comment(issue, '/retry');
    await settle();
    expect(await marked(issue, 'stuck')).toHaveLength(2);
    await github.as('writer').comment(issue, '/retry');
    await settle();
    expect((await github.read.pulls()).filter(({ head }) => head.ref === `guruguru/ask-c${id}`)).toHaveLength(
      1,
    );
    expect(await marked(issue, 'stuck')).toHaveLength(2);
    await (await runner()).run();
    await settle();
  });
});

it('an ask whose app died after its final reply was noted, before it was ended, ends without another', async () => {
  const { github, said, settle, runner } = app;
  const issue = await github.as('writer').openIssue({ title: 'Between' });
  const comment = await github.as('writer').comment(issue, FENCE);
  await settle();
  const offer = await (await runner()).run();
  await settle();
  const before = (await said(issue)).map(({ body }) => body);
  const repo = github.repository().id;
  const key = `ask:${repo}:c${comment.id}`;
  await app.app().store.write(async (tx) => {
    await patchAsk(tx, key, { state: 'queued', reason: null });
    await enqueue(tx, `job:${repo}:${offer.job_id}`);
  });
  await settle();
  expect((await listOpenAsks(app.app().store.db, repo)).filter((ask) => ask.key === key)).toEqual([]);
  expect((await said(issue)).map(({ body }) => body)).toEqual(before);
});
