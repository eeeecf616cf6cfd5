import { setTimeout as delay } from 'node:timers/promises';
import { createAppAuth } from '@octokit/auth-app';
import { Octokit } from '@octokit/core';
import { paginateRest } from '@octokit/plugin-paginate-rest';
import { restEndpointMethods } from '@octokit/plugin-rest-endpoint-methods';
import { GitHubError, isGitHubError, toGitHubError } from './errors.ts';
import type { RequestLog } from './request-log.ts';
import type { Usage } from './usage.ts';

/** https://docs.github.com/rest/about-the-rest-api/api-versions */
const API_VERSION = '2022-11-28';
const TIMEOUT_MS = 30_000;
/** GitHub's tokens live for an hour. */
const TOKEN_TTL_MS = 59 * 60_000;

const Base = Octokit.plugin(restEndpointMethods, paginateRest);
export type GitHubOctokit = InstanceType<typeof Base>;

export interface OctokitOptions {
  appId: number | string;
  /** PEM. */
  privateKey: string;
  /** Default https://api.github.com. */
  baseUrl?: string | undefined;
  log: {
    debug(message: string): void;
    info(message: string): void;
    warn(message: string): void;
    error(message: string): void;
  };
  version: string;
  requestLog?: RequestLog | undefined;
  usage?: Usage | undefined;
  fetch?: typeof globalThis.fetch | undefined;
  /** Milliseconds a request may take; default 30,000. */
  timeoutMs?: number | undefined;
}

export interface Octokits {
  /** Authenticated as the app (JWT). */
  app: GitHubOctokit;
  /** One per installation, with its token cached until a minute before it expires. */
  installation(id: number): GitHubOctokit;
}

/**
 * Octokit without Probot's plugins: their throttling spaces writes a second apart, and their retries
 * repeat a POST whose answer was lost. Only a GET is repeated, once, after 5xx or no answer.
 */
export function createOctokits(options: OctokitOptions): Octokits {
  const create = (installationId: number | null): GitHubOctokit => {
    const tokens = createTokenCache();
    const octokit = new Base({
      authStrategy: createAppAuth,
      auth: {
        appId: options.appId,
        privateKey: options.privateKey,
        cache: tokens,
        log: options.log,
        ...(installationId === null ? {} : { installationId }),
      },
      baseUrl: (options.baseUrl ?? 'https://api.github.com').replace(/\/+$/, ''),
      userAgent: `guruguru/${options.version}`,
      log: options.log,
      request: options.fetch ? { fetch: options.fetch } : {},
    });
    sendCarefully(octokit, options, installationId, tokens.clear);
    return octokit;
  };
  const installations = new Map<number, GitHubOctokit>();
  return {
    app: create(null),
    installation(id) {
      const known = installations.get(id) ?? create(id);
      installations.set(id, known);
      return known;
    },
  };
}

function sendCarefully(
  octokit: GitHubOctokit,
  options: OctokitOptions,
  installationId: number | null,
  forgetTokens: () => void,
): void {
  const noted = async <T extends Answered>(method: string, ask: () => T | Promise<T>): Promise<T> => {
    const note = ({ status = 0, headers }: Partial<Answered>) =>
      options.usage?.note(installationId, method, status, headers?.['x-ratelimit-limit']);
    try {
      const answer = await ask();
      note(answer);
      return answer;
    } catch (error) {
      const { status, response } = error as { status?: number; response?: Partial<Answered> };
      note({ ...response, ...(status === undefined ? {} : { status }) });
      throw error;
    }
  };
  octokit.hook.wrap('request', async (request, endpoint) => {
    const given = endpoint.request.signal as AbortSignal | undefined;
    const send = async () => {
      const timeout = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS);
      options.requestLog?.record(endpoint.method, endpoint.url);
      // In place: a hook registered earlier (auth) is given the options object, not what we pass on.
      endpoint.headers['x-github-api-version'] = API_VERSION;
      // But not inside `request`, which token requests share: the next one would inherit a time limit long over.
      endpoint.request = {
        ...endpoint.request,
        signal: given ? AbortSignal.any([given, timeout]) : timeout,
      };
      const answer = await noted(endpoint.method, () => request(endpoint));
      // Octokit gives a body that broke off, or ran into the time limit, as the text it has of it.
      if (
        answer.status !== 204 &&
        typeof answer.data === 'string' &&
        isJson(answer.headers['content-type'])
      ) {
        throw new GitHubError('unavailable', 'the answer from GitHub broke off', { status: answer.status });
      }
      return answer;
    };
    try {
      return await send();
    } catch (error) {
      const failure = toGitHubError(error, Date.now());
      // A revoked token would otherwise stay cached for the rest of its hour.
      if (isGitHubError(failure, 'unauthorized')) forgetTokens();
      if (endpoint.method !== 'GET' || !isGitHubError(failure, 'unavailable') || given?.aborted) throw error;
      await delay(100 + Math.random() * 400, undefined, given ? { signal: given } : {});
      return await send();
    }
  });
}

interface Answered {
  status: number;
  headers: Record<string, string | number | undefined>;
}

function isJson(contentType: unknown): boolean {
  return typeof contentType === 'string' && contentType.startsWith('application/json');
}

function createTokenCache() {
  const entries = new Map<string, { value: string; until: number }>();
  return {
    get(key: string): string {
      const entry = entries.get(key);
      // auth-app reads an empty string as "none"; its type does not allow undefined.
      return entry && entry.until > Date.now() ? entry.value : '';
    },
    set(key: string, value: string): void {
      entries.set(key, { value, until: Date.now() + TOKEN_TTL_MS });
    },
    clear: () => entries.clear(),
  };
}
