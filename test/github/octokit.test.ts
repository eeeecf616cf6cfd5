import nock from 'nock';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { toGitHubError } from '../../src/github/errors.ts';
import { createOctokits } from '../../src/github/octokit.ts';
import { createRequestLog } from '../../src/github/request-log.ts';
import { API, createContext, expectToken, privateKey, REPO, silentLog, useWire } from './wire.ts';

useWire();
afterEach(() => {
  vi.useRealTimers();
});

const issue = { owner: 'acme', repo: 'site', issue_number: 3 };

describe('createOctokits', () => {
  it('says who it is, which API version it speaks, and makes one token for many requests', async () => {
    expectToken();
    nock(API)
      .get(`${REPO}/issues/3`)
      .matchHeader('user-agent', /^guruguru\/0\.0\.0-test /)
      .matchHeader('x-github-api-version', '2022-11-28')
      .matchHeader('authorization', 'token ghs_test')
      .twice()
      .reply(200, { number: 3 });
    const { octokit, requestLog } = createContext();
    await octokit.rest.issues.get(issue);
    await octokit.rest.issues.get(issue);
    expect(requestLog.counts()).toEqual([
      { kind: 'read', template: 'GET /repos/{owner}/{repo}/issues/{issue_number}', count: 2 },
      { kind: 'auth', template: 'POST /app/installations/{installation_id}/access_tokens', count: 1 },
    ]);
    expect(requestLog.totals()).toEqual({ read: 2, write: 0, auth: 1 });
  });

  it('makes another token when the first has expired, within a time limit of its own', async () => {
    let tokens = 0;
    // Answers at once, unless it was given up before it was sent.
    const answer: typeof fetch = async (input, init) => {
      init?.signal?.throwIfAborted();
      const isToken = String(input).endsWith('/access_tokens');
      if (isToken) tokens += 1;
      return Response.json(isToken ? { token: `ghs_${tokens}`, permissions: {} } : { number: 3 });
    };
    const limits: AbortController[] = [];
    vi.spyOn(AbortSignal, 'timeout').mockImplementation(() => {
      const limit = new AbortController();
      limits.push(limit);
      return limit.signal;
    });
    const { octokit } = createContext({ fetch: answer });
    for (let hour = 1; hour <= 3; hour += 1) {
      expect((await octokit.rest.issues.get(issue)).data.number).toBe(3);
      expect(tokens).toBe(hour);
      for (const limit of limits) limit.abort(new Error('its time is over'));
      vi.setSystemTime(Date.now() + 3_600_000);
    }
    vi.restoreAllMocks();
  });

  it('repeats a GET once after 5xx', async () => {
    expectToken();
    nock(API).get(`${REPO}/issues/3`).reply(502, {});
    nock(API).get(`${REPO}/issues/3`).reply(200, { number: 3 });
    const { octokit } = createContext();
    expect((await octokit.rest.issues.get(issue)).data.number).toBe(3);
  });

  it('repeats a GET once and no more', async () => {
    expectToken();
    nock(API).get(`${REPO}/issues/3`).times(2).reply(503, { message: 'Unavailable' });
    const { octokit, requestLog } = createContext();
    await expect(octokit.rest.issues.get(issue)).rejects.toThrow('Unavailable');
    expect(requestLog.totals().read).toBe(2);
  });

  it('never repeats a write', async () => {
    expectToken();
    nock(API).post(`${REPO}/issues/3/comments`).reply(502, { message: 'Bad gateway' });
    const { octokit, requestLog } = createContext();
    await expect(octokit.rest.issues.createComment({ ...issue, body: 'x' })).rejects.toThrow('Bad gateway');
    expect(requestLog.totals().write).toBe(1);
  });

  it('gives up on a silent server', async () => {
    const hang: typeof fetch = (_input, init) =>
      new Promise((_resolve, reject) => {
        init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
      });
    const { octokit } = createContext({ fetch: hang, timeoutMs: 20 });
    await expect(octokit.rest.issues.createComment({ ...issue, body: 'x' })).rejects.toThrow(/timeout/i);
  });

  it('takes an answer that broke off for no answer', async () => {
    const answers = ['{"token":"t","expires_at":"2099-01-01T00:00:00Z","permissions":{}}', '{"id": 12, "bo'];
    const cut: typeof fetch = async () =>
      new Response(answers.shift(), { status: 201, headers: { 'content-type': 'application/json' } });
    const { octokit } = createContext({ fetch: cut });
    await expect(octokit.rest.issues.createComment({ ...issue, body: 'x' })).rejects.toMatchObject({
      kind: 'unavailable',
    });
  });

  it('makes a new token after 401', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-01-01T00:00:00Z') });
    expectToken();
    expectToken();
    nock(API).get(`${REPO}/issues/3`).reply(200, { number: 3 });
    const { octokit } = createContext();
    await octokit.rest.issues.get(issue);
    // auth-app itself repeats a 401 while a token is younger than five seconds.
    vi.setSystemTime(new Date('2026-01-01T00:00:06Z'));
    nock(API).get(`${REPO}/issues/3`).reply(401, { message: 'Bad credentials' });
    const error: unknown = await octokit.rest.issues.get(issue).catch((reason: unknown) => reason);
    expect(toGitHubError(error, 0)).toMatchObject({ kind: 'unauthorized', status: 401 });
    nock(API).get(`${REPO}/issues/3`).reply(200, { number: 3 });
    expect((await octokit.rest.issues.get(issue)).data.number).toBe(3);
  });

  it('keeps a token until a minute before it expires', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-01-01T00:00:00Z') });
    expectToken();
    nock(API).get(`${REPO}/issues/3`).times(3).reply(200, { number: 3 });
    const { octokit, requestLog } = createContext();
    await octokit.rest.issues.get(issue);
    vi.setSystemTime(new Date('2026-01-01T00:58:59Z'));
    await octokit.rest.issues.get(issue);
    expect(requestLog.totals().auth).toBe(1);
    vi.setSystemTime(new Date('2026-01-01T00:59:01Z'));
    expectToken();
    await octokit.rest.issues.get(issue);
    expect(requestLog.totals().auth).toBe(2);
  });

  it('speaks to another server, and as the app itself', async () => {
    nock('http://127.0.0.1:8099')
      .get('/api/v3/app')
      .matchHeader('authorization', /^bearer ey/)
      .reply(200, { slug: 'guruguru' });
    const octokits = createOctokits({
      appId: '1',
      privateKey,
      baseUrl: 'http://127.0.0.1:8099/api/v3/',
      log: silentLog,
      version: '1',
      requestLog: createRequestLog(),
    });
    expect((await octokits.app.rest.apps.getAuthenticated()).data?.slug).toBe('guruguru');
    expect(octokits.installation(7)).toBe(octokits.installation(7));
  });
});
