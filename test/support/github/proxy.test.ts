import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Client, createClient } from './client.ts';
import { type GitHubServer, startGitHub } from './start-github.ts';
import type { Fault } from './types.ts';
import { openUpstream } from './upstream.ts';

const REPO = '/repos/octo/hello';

describe('the proxy', () => {
  let github: GitHubServer;
  let app: Client;
  beforeAll(async () => {
    github = await startGitHub();
    app = createClient(github.url, await github.installationToken());
  });
  afterAll(() => github.close());
  afterEach(() => github.faults.clear());

  it('records who asked what, with the route', async () => {
    const issue = await github.as('writer').openIssue({ title: 'recorded' });
    github.requests.length = 0;
    await app.one('POST', `${REPO}/issues/${issue}/comments`, { body: 'hi' });
    await github.as('reader').client.raw('GET', `${REPO}/contents/docs%2Foverview.md?ref=main`);
    await createClient(github.url, github.jwt()).raw('GET', '/app');
    await createClient(github.url, 'nonsense').raw('GET', '/user');
    expect(github.requests).toMatchObject([
      {
        method: 'POST',
        template: '/repos/{owner}/{repo}/issues/{issue_number}/comments',
        status: 201,
        kind: 'write',
        actor: 'installation',
        login: 'guruguru-test[bot]',
        body: { body: 'hi' },
      },
      {
        template: '/repos/{owner}/{repo}/contents/{path}',
        params: { path: 'docs/overview.md' },
        query: { ref: 'main' },
        kind: 'read',
        actor: 'user',
        login: 'reader',
        status: 200,
      },
      { template: '/app', kind: 'auth', actor: 'app' },
      { actor: 'invalid', status: 401 },
    ]);
  });

  it('answers 304 to the same token only', async () => {
    const path = `${REPO}/issues/comments`;
    const first = await app.raw('GET', path);
    const etag = first.headers.get('etag') ?? '';
    expect((await app.raw('GET', path, undefined, { 'if-none-match': etag })).status).toBe(304);
    const other = createClient(github.url, await github.installationToken());
    expect((await other.raw('GET', path, undefined, { 'if-none-match': etag })).status).toBe(200);
    await github.as('writer').comment(await github.as('writer').openIssue({ title: 'e' }), 'new');
    expect((await app.raw('GET', path, undefined, { 'if-none-match': etag })).status).toBe(200);
  });

  it('shows a rate limit nobody reaches', async () => {
    const { headers } = await app.raw('GET', REPO);
    expect(Number(headers.get('x-ratelimit-remaining'))).toBeGreaterThan(900_000);
    expect(Number(headers.get('x-ratelimit-reset'))).toBeGreaterThan(Date.now() / 1000);
  });

  it('swaps upstream tokens before the emulator’s 5,000 an hour', () => {
    const upstream = openUpstream(1, 'localhost', { ...github.app }, github.app.privateKey);
    const used = new Map<string, number>();
    for (let n = 0; n < 20_000; n += 1) {
      const token = upstream.userToken('writer');
      used.set(token, (used.get(token) ?? 0) + 1);
    }
    upstream.close();
    expect(Math.max(...used.values())).toBeLessThan(5_000);
  });

  it('answers a fault instead of the write, or after it', async () => {
    const issue = await github.as('writer').openIssue({ title: 'faults' });
    const path = `${REPO}/issues/${issue}/comments`;
    const match: Fault['match'] = (method, asked, actor) =>
      method === 'POST' && asked === path && actor === 'installation';
    github.faults.add({ match, status: 502, times: 2 });
    github.faults.add({ match, status: 502, afterWrite: true });
    github.faults.add({
      match,
      status: 429,
      headers: { 'retry-after': '1' },
      body: { message: 'slow down' },
    });
    github.faults.add({ match, hangUp: true, afterWrite: true });
    await github.as('writer').comment(issue, 'spared');
    expect((await app.raw('POST', path, { body: 'lost 1' })).status).toBe(502);
    expect((await app.raw('POST', path, { body: 'lost 2' })).status).toBe(502);
    expect((await app.raw('POST', path, { body: 'landed' })).status).toBe(502);
    const limited = await app.raw('POST', path, { body: 'refused' });
    expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '1']);
    await expect(app.raw('POST', path, { body: 'cut' })).rejects.toThrow();
    expect((await app.raw('POST', path, { body: 'fine' })).status).toBe(201);
    expect((await github.read.comments(issue)).map((one) => one.body)).toEqual([
      'spared',
      'landed',
      'cut',
      'fine',
    ]);
  });

  it('delays without an error', async () => {
    github.faults.add({ match: (_, path) => path === REPO, delayMs: 30 });
    await app.one('GET', REPO);
    const slow = github.requests.findLast((one) => one.path === REPO);
    expect(slow).toMatchObject({ status: 200 });
    expect(slow?.durationMs).toBeGreaterThanOrEqual(29);
  });

  it('serves every user of /api/v3 too, and refuses what is not JSON', async () => {
    expect((await app.raw('GET', `/api/v3${REPO}`)).status).toBe(200);
    const broken = await fetch(`${github.url}${REPO}/issues`, {
      method: 'POST',
      headers: { authorization: `Bearer ${github.tokens.writer}` },
      body: '{"title":',
    });
    expect(broken.status).toBe(400);
    expect((await createClient(github.url, '').raw('POST', `${REPO}/issues`, { title: 'x' })).status).toBe(
      401,
    );
  });

  it('wakes who waits after a write, and tells what was waited for in vain', async () => {
    const writer = github.as('writer');
    const issue = await writer.openIssue({ title: 'wait' });
    const waiting = github.until('a comment', async () => (await github.read.comments(issue))[0]);
    await writer.comment(issue, 'here');
    expect((await waiting).body).toBe('here');
    await expect(github.until('a miracle', async () => undefined, 20)).rejects.toThrow('a miracle');
  });
});
