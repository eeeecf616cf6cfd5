import { generateKeyPairSync } from 'node:crypto';
import nock from 'nock';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { type Budget, createBudget } from '../../src/github/budget.ts';
import { createOctokits, type OctokitOptions } from '../../src/github/octokit.ts';
import {
  createRepositoryClient,
  type RepositoryClient,
  type RepositoryContext,
} from '../../src/github/repository-client.ts';
import { createRequestLog } from '../../src/github/request-log.ts';

export const API = 'https://api.github.com';
export const REPO = '/repos/acme/site';
export const never = new AbortController().signal;
export const LIFTED = { contentPerMinute: 0, contentPerHour: 0, pointsPerMinute: 0, concurrent: 0 };

export const privateKey = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
}).privateKey;

const quiet = () => undefined;
export const silentLog = { debug: quiet, info: quiet, warn: quiet, error: quiet };

// It takes over the network of the whole worker when it is loaded: files that ask for it turn it on.
nock.restore();

/** Only what a test sets up may leave, and all of it must. */
export function useWire(): void {
  beforeAll(() => {
    if (!nock.isActive()) nock.activate();
    nock.disableNetConnect();
  });
  afterEach(() => {
    const pending = nock.pendingMocks();
    nock.cleanAll();
    if (pending.length > 0) throw new Error(`never requested: ${pending.join(', ')}`);
  });
  // Other files of this worker speak real HTTP.
  afterAll(() => {
    nock.enableNetConnect();
    nock.restore();
  });
}

export function expectToken(installation = 7): void {
  nock(API)
    .post(`/app/installations/${installation}/access_tokens`)
    .reply(201, { token: 'ghs_test', expires_at: '2099-01-01T00:00:00Z', permissions: {} });
}

export function createContext(
  overrides: Partial<OctokitOptions> & { budget?: Budget } = {},
): RepositoryContext & { requestLog: ReturnType<typeof createRequestLog> } {
  const { budget, ...options } = overrides;
  const requestLog = createRequestLog();
  const octokits = createOctokits({
    appId: 1,
    privateKey,
    log: silentLog,
    version: '0.0.0-test',
    requestLog,
    ...options,
  });
  return {
    octokit: octokits.installation(7),
    owner: 'acme',
    name: 'site',
    repoId: 99,
    budget: budget ?? createBudget(LIFTED),
    appSlug: 'guruguru',
    appId: 1,
    requestLog,
  };
}

/** A client whose token is already expected. */
export function createClient(): RepositoryClient {
  expectToken();
  return createRepositoryClient(createContext());
}

export function sha(letter: string): string {
  return letter.repeat(40);
}

export function userBot() {
  return { login: 'guruguru[bot]', type: 'Bot' };
}

export function pullJson(overrides: Record<string, unknown> = {}) {
  return {
    number: 5,
    node_id: 'PR_5',
    title: 'Job',
    body: 'Body',
    user: userBot(),
    state: 'open',
    draft: false,
    merged_at: null,
    mergeable: true,
    merged_by: null,
    merge_commit_sha: null,
    head: { sha: sha('a'), ref: 'guruguru/ask-c1', repo: { full_name: 'acme/site' } },
    base: { sha: sha('b'), ref: 'main' },
    html_url: 'https://github.com/acme/site/pull/5',
    updated_at: '2026-01-01T00:00:00Z',
    ...overrides,
  };
}

export function commentJson(id: number, body: string, user = userBot()) {
  return {
    id,
    body,
    user,
    issue_url: `${API}${REPO}/issues/3`,
    html_url: `https://github.com/acme/site/issues/3#issuecomment-${id}`,
    created_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-01-01T00:00:00Z',
  };
}
