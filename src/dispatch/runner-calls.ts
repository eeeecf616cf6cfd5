import type { Store } from '../store/store.ts';
import { acquireJob, LEASE_TIMES, type Lease, type LeaseTimes, resumeLease } from './lease.ts';
import { createMatchmaker } from './matchmaker.ts';
import type { SigningKey } from './offer-token.ts';
import { registerRunner } from './register-runner.ts';
import type { RunnerIdentity } from './runner-identity.ts';
import { sync } from './sync.ts';
import type { SyncCall, SyncOutcome } from './sync-call.ts';
import { createTold } from './told.ts';
import { createTopicWaits } from './topic-waits.ts';
import { processTopic, runTopic } from './topics.ts';

export interface RunnerCallsOptions {
  store: Store;
  /** Signs offers. It must outlive restarts and the loss of the database, or results of started runs are refused. */
  signingKey: SigningKey;
  /** Aborted at shutdown: calls that wait are answered at once. */
  shutdown: AbortSignal;
  onError: (error: unknown) => void;
  /** Default: LEASE_TIMES. */
  times?: LeaseTimes;
}

/** The two calls of the runner protocol, without HTTP. `client` aborts when the caller has gone. */
export interface RunnerCalls {
  /** Waits at most `waitMs` for a job that suits the runner. `fenced`: a newer process has its name. */
  acquire(runner: RunnerIdentity, waitMs: number, client: AbortSignal): Promise<Lease | 'fenced' | undefined>;
  /** Applies the call and, if it may, waits for news of its run. */
  sync(call: Omit<SyncCall, 'now'>, client: AbortSignal): Promise<SyncOutcome>;
}

export function createRunnerCalls(options: RunnerCallsOptions): RunnerCalls {
  const { store, signingKey, shutdown, times = LEASE_TIMES } = options;
  const matchmaker = createMatchmaker(store, shutdown, options.onError, times);
  const waits = createTopicWaits(store, shutdown);
  const told = createTold();

  return {
    async acquire(runner, waitMs, client) {
      matchmaker.leave(runner);
      const answer = await store.write(async (tx) => {
        const now = store.now();
        if ((await registerRunner(tx, runner, now)) === 'fenced') return 'fenced';
        return (await resumeLease(tx, runner, now, times)) ?? (await acquireJob(tx, runner, now, times));
      });
      return answer ?? matchmaker.wait(runner, waitMs, client);
    },

    async sync(call, client) {
      const { runId, request } = call;
      const apply = () => store.write((tx) => sync(tx, signingKey, { ...call, now: store.now() }, times));
      const finished = request.phase === 'finished';
      const wait = waits.listen([runTopic(runId), processTopic(request.process)]);
      try {
        let outcome: SyncOutcome = await apply();
        if (outcome.ok && request.wait > 0 && !finished && !told.hasNews(runId, outcome)) {
          await wait.until(request.wait * 1_000, client);
          // The same call again: its phase and log are stored, so it renews the lease and reads the news.
          if (!client.aborted && !shutdown.aborted) outcome = await apply();
        }
        if (!outcome.ok) return outcome;
        if (finished) told.forget(runId);
        else told.remember(runId, outcome);
        return outcome;
      } finally {
        wait.end();
      }
    },
  };
}
