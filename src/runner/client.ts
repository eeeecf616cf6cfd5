import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AcquireRequest,
  type Offer,
  offer,
  RUNNER_ERRORS,
  type RunnerErrorCode,
  type SyncRequest,
  type SyncResponse,
  syncResponse,
} from '../dispatch/protocol.ts';
import { type Answer, postJson } from './post-json.ts';

/** An answer that is not a success. `code` null: it is not the app's (a proxy, a load balancer). */
export class RunnerCallError extends Error {
  override name = 'RunnerCallError';
  readonly status: number;
  readonly code: RunnerErrorCode | null;
  /** The committed offset, with 412 and 416. */
  readonly offset: number | null;
  /** Seconds from a Retry-After header. */
  readonly retryAfter: number | null;

  constructor(
    status: number,
    code: RunnerErrorCode | null,
    message: string,
    more: { offset?: number | null; retryAfter?: number | null } = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.offset = more.offset ?? null;
    this.retryAfter = more.retryAfter ?? null;
  }

  /** The same call may succeed later: 5xx, 429, 408, and whatever did not come from the app. */
  get transient(): boolean {
    return this.code === null || this.status >= 500 || this.status === 429 || this.status === 408;
  }
}

/** No answer came: connection refused or cut, timeout, an answer that is not the protocol's. */
export class RunnerNetworkError extends Error {
  override name = 'RunnerNetworkError';
}

function isCode(code: unknown): code is RunnerErrorCode {
  return typeof code === 'string' && code in RUNNER_ERRORS;
}

export type CheckedUrl = { ok: true; url: string } | { ok: false; message: string };

/** The app's address. Plain http only to this machine: the token and the log would be readable on the way. */
export function checkUrl(text: string): CheckedUrl {
  const url = URL.parse(text);
  const name = 'GURUGURU_URL (--url)';
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    return {
      ok: false,
      message: `${name}: "${text}" is not an address such as https://guruguru.example.com`,
    };
  }
  const loopback = /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url.protocol === 'http:' && !loopback) {
    return {
      ok: false,
      message: `${name}: ${text} would send the runner's token in clear text. Use https://, or http://localhost on the app's own machine.`,
    };
  }
  return { ok: true, url: url.href.replace(/\/+$/, '') };
}

export interface RunnerClient {
  /** null: nothing to do. */
  acquire(request: AcquireRequest, signal?: AbortSignal): Promise<Offer | null>;
  sync(run: string, request: SyncRequest, signal?: AbortSignal): Promise<SyncResponse>;
}

/**
 * The two calls, once each: no retry here. Throws RunnerCallError, RunnerNetworkError, or the signal's reason.
 * A call may take `wait` and 10 seconds more (`slackMs`).
 */
export function createRunnerClient(options: { url: string; token: string; slackMs?: number }): RunnerClient {
  const slackMs = options.slackMs ?? 10_000;
  const post = async (path: string, body: { wait?: number | undefined }, signal: AbortSignal | undefined) => {
    const limit = AbortSignal.timeout((body.wait ?? 0) * 1000 + slackMs);
    try {
      return await postJson(new URL(`${options.url}/api/runner/${path}`), {
        authorization: `Bearer ${options.token}`,
        body: JSON.stringify(body),
        signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
      });
    } catch (cause) {
      if (signal?.aborted === true) throw signal.reason;
      throw new RunnerNetworkError(`no answer from ${options.url}: ${describe(cause)}`, { cause });
    }
  };
  const json = (text: string): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      return null;
    }
  };
  const refuse = (answer: Answer): never => {
    const body = json(answer.text);
    const field = (name: string): unknown =>
      typeof body === 'object' && body !== null && name in body
        ? Object.entries(body).find(([key]) => key === name)?.[1]
        : undefined;
    const message = field('message');
    const code = field('error');
    const offset = field('offset');
    const after = Number(answer.retryAfter ?? Number.NaN);
    throw new RunnerCallError(
      answer.status,
      isCode(code) ? code : null,
      typeof message === 'string' ? message : `the app answered ${answer.status}`,
      {
        offset: typeof offset === 'number' ? offset : null,
        retryAfter: Number.isFinite(after) ? after : null,
      },
    );
  };

  return {
    async acquire(request, signal) {
      const answer = await post('acquire', request, signal);
      if (answer.status === 204) return null;
      if (answer.status !== 200) return refuse(answer);
      const parsed = offer.safeParse(json(answer.text));
      if (!parsed.success) throw new RunnerNetworkError(`${options.url} answered something that is no offer`);
      return parsed.data;
    },
    async sync(run, request, signal) {
      const answer = await post(`runs/${encodeURIComponent(run)}/sync`, request, signal);
      if (answer.status !== 200) return refuse(answer);
      const parsed = syncResponse.safeParse(json(answer.text));
      if (!parsed.success)
        throw new RunnerNetworkError(`${options.url} answered something that is no sync response`);
      return parsed.data;
    },
  };
}

function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause instanceof Error ? `${cause.message}: ${cause.cause.message}` : cause.message;
}

/** Whether to try again: no answer, or one that says later. */
export function isTransient(error: unknown): boolean {
  return error instanceof RunnerNetworkError || (error instanceof RunnerCallError && error.transient);
}

/** Milliseconds before try number `attempt` (from 1): 0.25 s doubling to 10 s, half of it random. */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const full = Math.min(10_000, 250 * 2 ** (attempt - 1));
  return full / 2 + (full / 2) * random();
}

/** Milliseconds before the next try: the backoff, or longer where the app said so (Retry-After). */
export function delayAfter(error: unknown, attempt: number): number {
  const asked = error instanceof RunnerCallError ? (error.retryAfter ?? 0) * 1000 : 0;
  return Math.max(asked, backoffMs(attempt));
}

/** Tries until it works, the error is not transient, or the signal aborts (then throws its reason). */
export async function withRetry<T>(
  call: () => Promise<T>,
  options: {
    signal: AbortSignal;
    onError?: (error: unknown, attempt: number) => void;
    delayMs?: (attempt: number) => number;
  },
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if (options.signal.aborted || !isTransient(error)) throw error;
      options.onError?.(error, attempt);
      const asked = error instanceof RunnerCallError ? (error.retryAfter ?? 0) * 1000 : 0;
      await pause(Math.max(asked, (options.delayMs ?? backoffMs)(attempt)), options.signal);
    }
  }
}

/** Waits; throws the signal's reason when it aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch {
    throw signal.reason;
  }
}
