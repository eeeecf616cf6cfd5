import type { Context } from 'hono';
import type { z } from 'zod';
import type { Store } from '../store/store.ts';
import type { TokenRow } from '../store/tables.ts';
import { findToken, isRevoked } from '../store/tokens.ts';
import { RUNNER_ERRORS, type RunnerErrorCode } from './protocol.ts';

/** Becomes `{ error, message, offset? }` with the code's status. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: RunnerErrorCode;
  readonly offset: number | undefined;

  constructor(code: RunnerErrorCode, message: string, offset?: number) {
    super(message);
    this.code = code;
    this.offset = offset;
  }
}

export function answerError(c: Context, error: ApiError): Response {
  const { code, message, offset } = error;
  return c.json({ error: code, message, ...(offset === undefined ? {} : { offset }) }, RUNNER_ERRORS[code]);
}

/** @throws ApiError unauthorized */
export async function authenticate(c: Context, store: Store): Promise<TokenRow> {
  const token = await findBearer(c, store);
  if (token === 'unknown') throw unknownToken();
  return token;
}

/**
 * The row of the request's token; `unknown` where this database has none.
 * @throws ApiError unauthorized when there is no token, or it was revoked
 */
export async function findBearer(c: Context, store: Store): Promise<TokenRow | 'unknown'> {
  const [scheme, token] = (c.req.header('authorization') ?? '').split(' ');
  if (scheme?.toLowerCase() !== 'bearer' || !token)
    throw new ApiError(
      'unauthorized',
      'authorization: send "Bearer <token>"; `guruguru token create` on the app\'s machine makes one',
    );
  const row = await findToken(store.db, token);
  if (row) return row;
  if (await isRevoked(store.db, token)) throw unknownToken();
  return 'unknown';
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
