import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { StoreUnavailableError } from '../store/errors.ts';
import type { Store } from '../store/store.ts';
import { tokenRepositories } from '../store/tokens.ts';
import { acquireJob, type Lease, resumeLease } from './lease.ts';
import { createMatchmaker } from './matchmaker.ts';
import { type SigningKey, signOffer } from './offer-token.ts';
import { acquireRequest, LEASE_TTL_SECONDS, type Offer, type SyncResponse, syncRequest } from './protocol.ts';
import { registerRunner } from './register-runner.ts';
import { ApiError, answerError, authenticate, readBody } from './runner-http.ts';
import { sync } from './sync.ts';
import type { SyncOutcome } from './sync-call.ts';
import { createTold } from './told.ts';
import { createTopicWaits } from './topic-waits.ts';
import { processTopic, runTopic } from './topics.ts';

export interface RunnerApiOptions {
  store: Store;
  /** Signs offers. It must outlive restarts and the loss of the database, or results of started runs are refused. */
  signingKey: SigningKey;
  log: { error(fields: object, message: string): void };
  /** While false, calls are answered 503. */
  isReady: () => boolean;
  /** Aborted at shutdown: calls that wait are answered at once. */
  signal?: AbortSignal;
}

/** 64 KiB of log in base64, a result with its report, and room. */
const BODY_MAX_BYTES = 256 * 1024;

/** The runner protocol over HTTP: `POST /api/runner/acquire` and `POST /api/runner/runs/:id/sync`. */
export function createRunnerApi(options: RunnerApiOptions): Hono {
  const { store, signingKey, log, isReady } = options;
  const shutdown = options.signal ?? new AbortController().signal;
  const matchmaker = createMatchmaker(store, shutdown, (err) =>
    log.error({ err }, 'waiting runners could not be served'),
  );
  const waits = createTopicWaits(store, shutdown);
  const told = createTold();

  async function acquire(c: Context): Promise<Response> {
    const token = await authenticate(c, store);
    const { wait, ...request } = await readBody(c, acquireRequest);
    const runner = { ...request, tokenId: token.id, repositories: tokenRepositories(token) };
    matchmaker.leave(runner);
    const answer = await store.write(async (tx) => {
      const now = store.now();
      if ((await registerRunner(tx, runner, now)) === 'fenced') return 'fenced';
      return (await resumeLease(tx, runner, now)) ?? (await acquireJob(tx, runner, now));
    });
    if (answer === 'fenced')
      throw new ApiError(
        'stale_fence',
        `name: another process named ${runner.name} started later with this token; give each runner its own name`,
      );
    const lease = answer ?? (await matchmaker.wait(runner, wait * 1_000, c.req.raw.signal));
    return lease ? c.json(toOffer(lease, signingKey)) : c.body(null, 204);
  }

  async function syncRun(c: Context): Promise<Response> {
    const token = await authenticate(c, store);
    const request = await readBody(c, syncRequest);
    const runId = c.req.param('id') ?? '';
    const call = { runId, tokenId: token.id, repositories: tokenRepositories(token), request };
    const apply = async () =>
      accepted(await store.write((tx) => sync(tx, signingKey, { ...call, now: store.now() })));

    const finished = request.phase === 'finished';
    const wait = waits.listen([runTopic(runId), processTopic(request.process)]);
    try {
      let outcome = await apply();
      if (request.wait > 0 && !finished && !told.hasNews(runId, outcome)) {
        const client = c.req.raw.signal;
        await wait.until(request.wait * 1_000, client);
        // The same call again: its phase and log are stored, so it renews the lease and reads the news.
        if (!client.aborted && !shutdown.aborted) outcome = await apply();
      }
      if (finished) told.forget(runId);
      else told.remember(runId, outcome);
      const { offset, cancel, drain } = outcome;
      const response: SyncResponse = { offset, cancel, drain, ttl_seconds: LEASE_TTL_SECONDS };
      return c.json(response);
    } finally {
      wait.end();
    }
  }

  const api = new Hono().basePath('/api/runner');
  api.use(
    bodyLimit({
      maxSize: BODY_MAX_BYTES,
      onError: (c) =>
        answerError(c, new ApiError('payload_too_large', `body: at most ${BODY_MAX_BYTES} bytes`)),
    }),
  );
  api.use(async (_c, next) => {
    if (!isReady()) throw new ApiError('unavailable', 'the app is starting or stopping; send this again');
    await next();
  });
  api.post('/acquire', acquire);
  api.post('/runs/:id/sync', syncRun);
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

function accepted(outcome: SyncOutcome): Extract<SyncOutcome, { ok: true }> {
  if (outcome.ok) return outcome;
  throw new ApiError(outcome.code, outcome.message, outcome.offset);
}

function toOffer({ repository, job, run }: Lease, key: SigningKey): Offer {
  return {
    run: run.id,
    attempt: run.attempt,
    repository: `${repository.owner}/${repository.name}`,
    job_id: job.id,
    file: job.file,
    digest: job.digest,
    fence: run.fence,
    ttl_seconds: LEASE_TTL_SECONDS,
    token: signOffer(key, {
      repository: repository.id,
      job: job.id,
      run: run.id,
      attempt: run.attempt,
      fence: run.fence,
      digest: job.digest,
    }),
  };
}
