import { keepLeases } from '../../../src/dispatch/keep-leases.ts';
import { LEASES_KEY } from '../../../src/dispatch/lease.ts';
import {
  type AcquireRequest,
  LEASE_TTL_SECONDS,
  type Offer,
  RUNNER_ERRORS,
  type RunnerErrorCode,
  type SyncRequest,
  type SyncResponse,
  syncRequest,
} from '../../../src/dispatch/protocol.ts';
import { createRunnerCalls } from '../../../src/dispatch/runner-calls.ts';
import { toOffer } from '../../../src/dispatch/to-offer.ts';
import type { Scope } from '../../../src/github/scope.ts';
import { DEFAULT_SETTINGS } from '../../../src/job/settings.ts';
import { currentRun, isJudged } from '../../../src/loop/run-facts.ts';
import { commitReport } from '../../../src/report/commit-report.ts';
import { endWithoutResult, judgeRun } from '../../../src/report/judge-run.ts';
import { nextJob } from '../../../src/report/next-job.ts';
import { RunnerCallError, RunnerNetworkError } from '../../../src/runner/client.ts';
import { getJob } from '../../../src/store/jobs.ts';
import { latestRun } from '../../../src/store/runs.ts';
import type { Store } from '../../../src/store/store.ts';
import { startWorker } from '../../../src/store/worker.ts';
import { repositoryRow } from '../store.ts';
import type { GitHub } from './github.ts';
import { ownedBy } from './install-timers.ts';
import type { World } from './world.ts';

/** The app: real calls, leases, worker and reports over one database, in a process that can die. */
export interface App {
  up(): boolean;
  start(): Promise<void>;
  /** kill -9 */
  die(): void;
  acquire(request: AcquireRequest, client: AbortSignal): Promise<Offer | null>;
  sync(run: string, request: SyncRequest, client: AbortSignal): Promise<SyncResponse>;
}

interface Instance {
  dead: boolean;
  died: Promise<never>;
  calls: ReturnType<typeof createRunnerCalls>;
}

const KEY = 'the key of a simulation';
const REPOSITORIES = ['acme/site'];
const never = new Promise<never>(() => {});

export function createApp(world: World, github: GitHub): App {
  let current: Instance | undefined;
  let process: { dead: boolean } | undefined;
  let kill: () => void = () => {};

  /** What a process sees of the database: nothing any more once it is dead. */
  function storeOf(owner: { dead: boolean }): Store {
    const { store, random, timeline } = world;
    const alive = <T>(value: T) => (owner.dead ? never : value);
    return {
      ...store,
      subscribe: (listener) =>
        store.subscribe((topics) => {
          if (!owner.dead) ownedBy(owner, () => listener(topics));
        }),
      async write(fn) {
        // What was read before may be out of date by the time it is written: judging takes its time.
        if (random.chance(0.1))
          await new Promise<void>((go) => timeline.at(random.whole(1, 3_000), () => go()));
        await alive(undefined);
        return alive(await store.write(fn));
      },
    };
  }

  async function start(): Promise<void> {
    const owner = { dead: false };
    process = owner;
    const died = new Promise<never>((_, reject) => {
      kill = () => {
        owner.dead = true;
        current = undefined;
        reject(new RunnerNetworkError('connection reset'));
      };
    });
    died.catch(() => {});
    const store = storeOf(owner);
    const shutdown = new AbortController();
    const fail = (error: unknown) =>
      world.breaks(`the app failed: ${error instanceof Error ? error.stack : error}`);
    await ownedBy(owner, async () => {
      const keeper = await keepLeases(store, fail);
      const calls = createRunnerCalls({
        store,
        signingKey: KEY,
        shutdown: shutdown.signal,
        onError: fail,
      });
      startWorker(store, {
        perform: (key) => (key === LEASES_KEY ? keeper.expire() : report(scopeOf(store, owner), key)),
        log: {
          warn: (_fields, text) => world.say(text),
          error: (fields, text) => fail(new Error(`${text}: ${JSON.stringify(fields)}`)),
        },
        maxAttempts: Number.POSITIVE_INFINITY,
        backoff: (attempts) => Math.min(1_000 * 2 ** attempts, 60_000),
      });
      if (!owner.dead) current = Object.assign(owner, { died, calls });
    });
  }

  function scopeOf(store: Store, owner: { dead: boolean }): Scope {
    const log = { info: () => {}, warn: () => {}, error: () => {} };
    return {
      store,
      client: github.client(owner),
      repo: repositoryRow(),
      settings: DEFAULT_SETTINGS,
      settingsFindings: [],
      paused: null,
      webUrl: 'https://github.com',
      signal: new AbortController().signal,
      log,
      now: store.now,
    };
  }

  const refuse = (code: RunnerErrorCode, message: string, offset?: number) => {
    throw new RunnerCallError(RUNNER_ERRORS[code], code, message, { offset: offset ?? null });
  };

  async function answered<T>(run: (instance: Instance) => Promise<T>): Promise<T> {
    const instance = current;
    if (!instance) throw new RunnerNetworkError('connection refused');
    return ownedBy(instance, () => Promise.race([run(instance), instance.died]));
  }

  return {
    up: () => process?.dead === false,
    start,
    die: () => kill(),
    acquire: (request, client) =>
      answered(async ({ calls }) => {
        const { wait, ...identity } = request;
        const runner = { ...identity, tokenId: 'token', repositories: REPOSITORIES };
        const lease = await calls.acquire(runner, wait * 1_000, client);
        if (lease === 'fenced') return refuse('stale_fence', 'another process has this name');
        return lease ? toOffer(lease, KEY) : null;
      }),
    sync: (run, request, client) =>
      answered(async ({ calls }) => {
        const call = {
          runId: run,
          tokenId: 'token',
          repositories: REPOSITORIES,
          request: syncRequest.parse(request),
        };
        const outcome = await calls.sync(call, client);
        if (!outcome.ok) return refuse(outcome.code, outcome.message, outcome.offset);
        const { offset, cancel, drain } = outcome;
        return { offset, cancel, drain, ttl_seconds: LEASE_TTL_SECONDS };
      }),
  };
}

/** As workOnJob of src/loop, without what only shows: check runs and replies. */
async function report(scope: Scope, key: string): Promise<'done'> {
  const id = key.slice(key.lastIndexOf(':') + 1);
  for (;;) {
    const row = await getJob(scope.store.db, scope.repo.id, id);
    if (!row) return 'done';
    const run = currentRun(row, await latestRun(scope.store.db, scope.repo.id, id));
    const next = nextJob({
      state: row.state,
      run: run ?? null,
      changeDue: false,
      judged: isJudged(row, run),
      reported: row.report_sha !== null,
      checksCurrent: true,
      replied: true,
    });
    if (!('do' in next)) return 'done';
    if (next.do === 'judge' && run) await judgeRun(scope, row, run);
    else if (next.do === 'end_without_result') await endWithoutResult(scope, row, run);
    else if (next.do === 'commit_report') await commitReport(scope, row, run);
    else throw new Error(`${key}: ${next.do} is not part of this`);
  }
}
