import { createHash } from 'node:crypto';
import { onTestFinished } from 'vitest';
import type { Offer, RunResult, SyncRequest } from '../../src/dispatch/protocol.ts';
import { createRunnerApi } from '../../src/dispatch/runner-api.ts';
import { insertJob } from '../../src/store/jobs.ts';
import { putRepository } from '../../src/store/repositories.ts';
import type { Store } from '../../src/store/store.ts';
import type { JobRow } from '../../src/store/tables.ts';
import { createToken } from '../../src/store/tokens.ts';
import { jobRow, repositoryRow, tempStore } from './store.ts';

export const JOB_ID = '2025-11-22-001';
export const SIGNING_KEY = 'a key for tests';

export interface Clock {
  now: number;
}

/** The runner API over a store with the repository Acme/Site (id 1) and a token for it; the clock stands still. */
export async function startDispatch() {
  const clock: Clock = { now: 1_000_000 };
  const store = await tempStore({ now: () => clock.now });
  const shutdown = new AbortController();
  const errors: object[] = [];
  const api = createRunnerApi({
    store,
    signingKey: SIGNING_KEY,
    log: { error: (fields) => errors.push(fields) },
    isReady: () => true,
    signal: shutdown.signal,
  });
  onTestFinished(() => shutdown.abort());
  const { token } = await store.write(async (tx) => {
    await putRepository(tx, repositoryRow());
    return createToken(tx, 'devbox', ['acme/site'], clock.now);
  });
  return {
    api,
    store,
    clock,
    token,
    shutdown,
    errors,
    runner: (more?: RunnerChanges) => runnerOf(api, token, more),
  };
}

export function queueJobs(store: Store, ...changes: Partial<JobRow>[]): Promise<void> {
  return store.write(async (tx) => {
    for (const change of changes) {
      const file = JSON.stringify({ id: change.id ?? JOB_ID });
      const digest = `sha256:${createHash('sha256').update(file).digest('hex')}`;
      await insertJob(tx, jobRow({ file, digest, ...change }));
    }
  });
}

interface RunnerChanges {
  token?: string;
  name?: string;
  process?: string;
  labels?: string[];
  capabilities?: string[];
}

interface Requests {
  request(path: string, init: RequestInit): Response | Promise<Response>;
}

/** A runner that speaks the protocol by hand. */
function runnerOf(api: Requests, appToken: string, changes: RunnerChanges = {}) {
  const { token = appToken, ...own } = changes;
  const identity = {
    name: 'devbox',
    process: 'process-1',
    labels: [],
    capabilities: [],
    version: '1',
    ...own,
  };
  const post = (path: string, body: unknown, signal?: AbortSignal) =>
    api.request(`/api/runner${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      ...(signal ? { signal } : {}),
    });
  const acquire = (wait = 0, signal?: AbortSignal) => post('/acquire', { ...identity, wait }, signal);
  const sync = (offer: Offer, request: Partial<SyncRequest>) =>
    post(`/runs/${offer.run}/sync`, {
      fence: offer.fence,
      process: identity.process,
      token: offer.token,
      phase: 'running',
      ...request,
    });
  return {
    post,
    acquire,
    sync,
    /** Acquires a job that must be there. */
    async take(): Promise<Offer> {
      const response = await acquire();
      if (response.status !== 200) throw new Error(`no offer: ${response.status} ${await response.text()}`);
      return (await response.json()) as Offer;
    },
    starting: (offer: Offer) => sync(offer, { phase: 'starting' }),
    log: (offer: Offer, offset: number, text: string) =>
      sync(offer, { log: { offset, data: Buffer.from(text).toString('base64') } }),
    finish: (offer: Offer, changes: Partial<RunResult> = {}) =>
      sync(offer, { phase: 'finished', result: runResult(changes) }),
  };
}

export function runResult(changes: Partial<RunResult> = {}): RunResult {
  return {
    outcome: 'exited',
    exit_code: 0,
    signal: null,
    started_at: '2025-11-22T00:00:00.000Z',
    finished_at: '2025-11-22T00:00:01.000Z',
    duration_seconds: 1,
    steps: [],
    message: null,
    report: null,
    log_bytes: 0,
    ...changes,
  };
}
