import type { Context } from 'hono';
import type { z } from 'zod';
import type { Store } from '../store/store.ts';
import type { TokenRow } from '../store/tables.ts';

import { findToken, isRevoked } from '../store/tokens.ts';
import type { Peer } from './peer.ts';
import { RUNNER_ERRORS, type RunnerErrorCode } from './protocol.ts';
import { createRates } from './rates.ts';

/** Becomes `{ error, message, offset? }` with the code's status. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: RunnerErrorCode;
  readonly offset: number | undefined;
  /** Seconds, with 429. */
  readonly retryAfter: number | undefined;

  constructor(
    code: RunnerErrorCode,
    message: string,
    more: { offset?: number | undefined; retryAfter?: number } = {},
  ) {
    super(message);
    this.code = code;
    this.offset = more.offset;
    this.retryAfter = more.retryAfter;
  }
}

export function answerError(c: Context, error: ApiError): Response {
  const { code, message, offset, retryAfter } = error;
  if (retryAfter !== undefined) c.header('retry-after', String(retryAfter));
  return c.json({ error: code, message, ...(offset === undefined ? {} : { offset }) }, RUNNER_ERRORS[code]);
}

/** Who may come in, and how often they may knock; a bounded number of callers is remembered. */
interface Door {
  /**
   * The row of the request's token; `unknown` where this database has none.
   * @throws ApiError unauthorized when there is no token or it was revoked, too_many_requests
   */
  find(c: Context, peer: Peer): Promise<TokenRow | 'unknown'>;
  /** What to throw at a caller that is not let in: `error`, or too_many_requests when that happens too often. */
  refuse(peer: Peer, error: ApiError): ApiError;
}

export function createDoor(store: Store): Door {
  // Far above what runners need, log floods too.
  const perToken = createRates({ burst: 2_000, perSecond: 200 });
  // A valid token is never kept waiting by others' wrong ones.
  const refused = createRates({ burst: 20, perSecond: 0.2 });

  function refuse(peer: Peer, error: ApiError): ApiError {
    const wait = refused.take(peer.address, store.now());
    if (wait === null) return error;
    return tooMany(`too many calls from ${peer.address} with a token that is not known`, wait);
  }

  return {
    refuse,
    async find(c, peer) {
      const [scheme, token] = (c.req.header('authorization') ?? '').split(' ');
      if (scheme?.toLowerCase() !== 'bearer' || !token) throw refuse(peer, missingToken());
      const row = await findToken(store.db, token);
      if (!row && (await isRevoked(store.db, token))) throw refuse(peer, unknownToken());
      if (!row) return 'unknown';
      const wait = perToken.take(row.id, store.now());
      if (wait === null) return row;
      throw tooMany(`the token ${row.name} calls too often; do many runners share it?`, wait);
    },
  };
}

function tooMany(why: string, wait: number): ApiError {
  return new ApiError('too_many_requests', `authorization: ${why}. Wait ${wait} s`, { retryAfter: wait });
}

function missingToken(): ApiError {
  return new ApiError(
    'unauthorized',
    'authorization: send "Bearer <token>"; `guruguru token create` on the app\'s machine makes one',
  );
}

export function unknownToken(): ApiError {
  return new ApiError(
    'unauthorized',
    "authorization: this app does not know the token, or it was revoked; `guruguru token create` on the app's machine makes one",
  );
}

/** @throws ApiError invalid_request, naming the first field that is wrong */
export async function readBody<S extends z.ZodType>(c: Context, schema: S): Promise<z.output<S>> {
  let body: unknown;
  try {
    body = await c.req.json();
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError('invalid_request', 'body: is not JSON');
  }
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.path.join('.') || 'body';
  throw new ApiError('invalid_request', `${field}: ${issue?.message ?? 'is not valid'}`);
}
