import nock from 'nock';
import { describe, expect, it } from 'vitest';
import { GitHubError, type GitHubErrorKind, toGitHubError } from '../../src/github/errors.ts';
import { createRepositoryClient } from '../../src/github/repository-client.ts';
import { API, createClient, createContext, expectToken, never, REPO, useWire } from './wire.ts';

useWire();

async function failure(promise: Promise<unknown>): Promise<GitHubError> {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof GitHubError)) throw new Error(`expected a GitHubError, got ${String(error)}`);
  return error;
}

const react = (client = createClient()) => client.react({ kind: 'c', id: 1 }, 'eyes', never);

describe('rate limits', () => {
  it('waits for the primary limit by GitHub’s clock, not ours', async () => {
    nock(API)
      .post(`${REPO}/issues/comments/1/reactions`)
      .reply(
        403,
        { message: 'API rate limit exceeded for installation ID 7.' },
        {
          'x-ratelimit-remaining': '0',
          'x-ratelimit-reset': String(Date.parse('2031-01-01T00:20:00Z') / 1000),
          date: 'Wed, 01 Jan 2031 00:00:00 GMT',
        },
      );
    const before = Date.now();
    const error = await failure(react());
    expect(error).toMatchObject({ kind: 'rate_limited', status: 403 });
    expect((error.retryAt ?? 0) - before).toBeGreaterThanOrEqual(1_200_000);
    expect((error.retryAt ?? 0) - before).toBeLessThan(1_230_000);
  });

  it.each([
    [
      '403 secondary with Retry-After',
      403,
      'You have exceeded a secondary rate limit.',
      { 'retry-after': '17' },
      17_000,
    ],
    ['429 with Retry-After', 429, 'Too many requests', { 'retry-after': '5' }, 5_000],
    ['403 secondary without a time', 403, 'You have exceeded a secondary rate limit.', {}, 60_000],
    ['429 without a time', 429, 'Slow down', {}, 60_000],
  ])('%s', async (_name, status, message, headers, wait) => {
    nock(API).post(`${REPO}/issues/comments/1/reactions`).reply(status, { message }, headers);
    const before = Date.now();
    const error = await failure(react());
    expect(error).toMatchObject({ kind: 'rate_limited', status });
    expect((error.retryAt ?? 0) - before).toBeGreaterThanOrEqual(wait);
    expect((error.retryAt ?? 0) - before).toBeLessThan(wait + 30_000);
  });

  it('sends nothing more before that time', async () => {
    const client = createClient();
    nock(API).post(`${REPO}/issues/comments/1/reactions`).reply(429, {}, { 'retry-after': '900' });
    const first = await failure(react(client));
    const second = await failure(react(client));
    expect(second.kind).toBe('rate_limited');
    expect(Math.abs((second.retryAt ?? 0) - (first.retryAt ?? 0))).toBeLessThan(1000);
  });
});

describe('kinds', () => {
  const secret = {
    message: 'Repository rule violations found\n\nSecret detected in content',
    metadata: { secret_scanning: { bypass_placeholders: [] } },
  };
  it.each<[string, number, object, GitHubErrorKind]>([
    ['no permission', 403, { message: 'Resource not accessible by integration' }, 'forbidden'],
    ['suspended', 403, { message: 'This installation has been suspended' }, 'suspended'],
    ['not found', 404, { message: 'Not Found' }, 'not_found'],
    ['gone', 410, { message: 'This issue was deleted' }, 'gone'],
    ['conflict', 409, { message: 'Git Repository is empty.' }, 'conflict'],
    ['push protection, 409', 409, secret, 'secret_blocked'],
    ['push protection, 422', 422, secret, 'secret_blocked'],
    ['validation', 422, { message: 'Validation Failed' }, 'validation'],
    ['bad gateway', 502, { message: 'Server Error' }, 'unavailable'],
  ])('%s', async (_name, status, body, kind) => {
    nock(API).post(`${REPO}/issues/comments/1/reactions`).reply(status, body);
    expect(await failure(react())).toMatchObject({ kind, status, retryAt: null });
  });

  it('a network failure is unavailable, without a status', async () => {
    nock(API).post(`${REPO}/issues/comments/1/reactions`).replyWithError('socket hang up');
    expect(await failure(react())).toMatchObject({ kind: 'unavailable', status: 0 });
  });

  it('an installation without a token is gone, not a missing file', async () => {
    nock(API).post('/app/installations/7/access_tokens').reply(404, { message: 'Not Found' });
    const client = createRepositoryClient(createContext());
    expect((await failure(client.readFile('STATE.md', 'main', never))).kind).toBe('gone');
  });

  it('a renamed repository never turns a write into a read', async () => {
    nock(API)
      .post(`${REPO}/issues/comments/1/reactions`)
      .reply(301, { message: 'Moved Permanently' }, { location: `${API}/repositories/99/anything` });
    expect(await failure(react())).toMatchObject({ kind: 'moved', status: 301 });
  });

  it('a rename is followed when reading, so that the new name is learnt', async () => {
    const client = createClient();
    nock(API)
      .get(REPO)
      .reply(301, {}, { location: `${API}/repositories/99` });
    nock(API)
      .get('/repositories/99')
      .reply(200, {
        id: 99,
        full_name: 'acme/shop',
        name: 'shop',
        owner: { login: 'acme', type: 'Organization' },
        default_branch: 'main',
        archived: false,
        private: true,
        allow_merge_commit: false,
        allow_squash_merge: true,
        allow_rebase_merge: true,
      });
    expect(await client.getRepository(never)).toMatchObject({
      id: 99,
      fullName: 'acme/shop',
      ownerType: 'Organization',
      mergeMethods: ['squash', 'rebase'],
    });
  });

  it('an abort is told apart from an outage, whatever its reason', async () => {
    expectToken();
    const client = createRepositoryClient(createContext());
    const controller = new AbortController();
    nock(API)
      .get(`${REPO}/issues/3`)
      .reply(200, () => {
        controller.abort(new Error('shutting down'));
        return { number: 3 };
      });
    expect((await failure(client.issue(3, controller.signal))).kind).toBe('aborted');
    expect((await failure(client.issue(3, controller.signal))).kind).toBe('aborted');
  });
});

describe('GraphQL errors', () => {
  it.each<[string, GitHubErrorKind]>([
    ['RATE_LIMITED', 'rate_limited'],
    ['NOT_FOUND', 'not_found'],
    ['FORBIDDEN', 'forbidden'],
    ['UNPROCESSABLE', 'validation'],
  ])('%s', (type, kind) => {
    const error = Object.assign(new Error('no'), { errors: [{ type, message: 'no' }], headers: {} });
    expect(toGitHubError(error, 0).kind).toBe(kind);
  });
});
