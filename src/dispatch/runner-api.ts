import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { StoreUnavailableError } from '../store/errors.ts';
import type { Store } from '../store/store.ts';
import { isIdRevoked, tokenRepositories } from '../store/tokens.ts';
import { LEASE_TIMES, type LeaseTimes } from './lease.ts';
import { type SigningKey, verifyOffer } from './offer-token.ts';
import type { Peer } from './peer.ts';
import { acquireRequest, type SyncResponse, syncRequest } from './protocol.ts';
import { createRunnerCalls } from './runner-calls.ts';
import { ApiError, answerError, createDoor, readBody, unknownToken } from './runner-http.ts';
import { toOffer } from './to-offer.ts';

export interface RunnerApiOptions {
  store: Store;
  /** Signs offers. It must outlive restarts and the loss of the database, or results of started runs are refused. */
  signingKey: SigningKey;
  log: { error(fields: object, message: string): void };
  /** While false, calls are answered 503. */
  isReady: () => boolean;
  /** Default: LEASE_TIMES. */
  times?: LeaseTimes;
  /** Who calls; default: a process on this machine. */
  peerOf?: (c: Context) => Peer;
  /** Aborted at shutdown: calls that wait are answered at once. */
  signal?: AbortSignal;
}

/** What a runner says of itself. */
const ACQUIRE_MAX_BYTES = 256 * 1024;
/** 64 KiB of log in base64, a result with its report and an agent's diff as JSON, and room. */
const SYNC_MAX_BYTES = 2 * 1024 * 1024;

const TLS_REQUIRED =
  "the runner API is not served in clear text beyond the app's own machine. Use https: set GURUGURU_TLS_CERT and " +
  'GURUGURU_TLS_KEY, or put a proxy with TLS before the app and name its address in GURUGURU_TRUSTED_PROXIES';

function atMost(maxSize: number) {
  return bodyLimit({
    maxSize,
    onError: (c) => answerError(c, new ApiError('payload_too_large', `body: at most ${maxSize} bytes`)),
  });
}

/** The runner protocol over HTTP: `POST /api/runner/acquire` and `POST /api/runner/runs/:id/sync`. */
export function createRunnerApi(options: RunnerApiOptions): Hono {
  const { store, signingKey, log, isReady, times = LEASE_TIMES } = options;
  const peerOf = options.peerOf ?? (() => ({ address: 'local', secure: true }));
  const door = createDoor(store);
  const calls = createRunnerCalls({
    store,
    signingKey,
    shutdown: options.signal ?? new AbortController().signal,
    onError: (err) => log.error({ err }, 'waiting runners could not be served'),
    times,
  });

  async function acquire(c: Context): Promise<Response> {
    const token = await door.find(c, peerOf(c));
    if (token === 'unknown') throw door.refuse(peerOf(c), unknownToken());
    const { wait, ...request } = await readBody(c, acquireRequest);
    const runner = { ...request, tokenId: token.id, repositories: tokenRepositories(token) };
    const lease = await calls.acquire(runner, wait * 1_000, c.req.raw.signal);
    if (lease === 'fenced')
      throw new ApiError(
        'stale_fence',
        `name: another process named ${runner.name} started later with this token; give each runner its own name`,
      );
    if (lease) return c.json(toOffer(lease, signingKey, times));
    if (await isIdRevoked(store.db, token.id)) throw unknownToken();
    return c.body(null, 204);
  }

  async function syncRun(c: Context): Promise<Response> {
    const token = await door.find(c, peerOf(c));
    const request = await readBody(c, syncRequest);
    const runId = c.req.param('id') ?? '';
    // A started run's result counts after the loss of the database, and with it of all tokens.
    if (token === 'unknown' && verifyOffer(signingKey, request.token)?.run !== runId)
      throw door.refuse(peerOf(c), unknownToken());
    const caller =
      token === 'unknown'
        ? { tokenId: null, repositories: [] }
        : { tokenId: token.id, repositories: tokenRepositories(token) };
    const outcome = await calls.sync({ runId, ...caller, request }, c.req.raw.signal);
    if (!outcome.ok) throw new ApiError(outcome.code, outcome.message, { offset: outcome.offset });
    const { offset, cancel, drain } = outcome;
    return c.json({ offset, cancel, drain, ttl_seconds: times.ttlMs / 1_000 } satisfies SyncResponse);
  }

  const api = new Hono().basePath('/api/runner');
  api.use(async (c, next) => {
    if (!peerOf(c).secure) throw new ApiError('tls_required', TLS_REQUIRED);
    if (!isReady()) throw new ApiError('unavailable', 'the app is starting or stopping; send this again');
    await next();
  });
  api.post('/acquire', atMost(ACQUIRE_MAX_BYTES), acquire);
  api.post('/runs/:id/sync', atMost(SYNC_MAX_BYTES), syncRun);
  api.onError((error, c) => {
    if (error instanceof ApiError) return answerError(c, error);
    log.error({ err: error, path: c.req.path }, 'a runner call failed');
    const stored = error instanceof StoreUnavailableError;
    return answerError(
      c,
      new ApiError('unavailable', stored ? error.message : 'the app failed; see its log'),
    );
  });
  return api;
}
