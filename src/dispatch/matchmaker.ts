import { QUEUE_TOPIC } from '../store/jobs.ts';
import type { Store } from '../store/store.ts';
import { acquireJob, LEASE_TIMES, type Lease } from './lease.ts';
import { pickJob } from './pick-job.ts';
import { readQueue } from './read-queue.ts';
import type { RunnerIdentity } from './runner-identity.ts';

export interface Matchmaker {
  /**
   * Waits for a job that suits the runner, at most `ms`. The longest waiting runner is served first.
   */
  wait(runner: RunnerIdentity, ms: number, signal: AbortSignal): Promise<Lease | undefined>;
  /** Ends the wait of this runner (token and name): it calls anew, so the connection of that one is dead. */
  leave(runner: RunnerIdentity): void;
}

interface Waiter {
  runner: RunnerIdentity;
  end: (lease?: Lease) => void;
}

/**
 * Brings waiting runners and queued jobs together. The queue is read once per announcement however many
 * runners wait, and written to only for a match; two hundred that wait cost nothing.
 */
export function createMatchmaker(
  store: Store,
  shutdown: AbortSignal,
  onError: (error: unknown) => void,
  times = LEASE_TIMES,
): Matchmaker {
  const waiters = new Map<string, Waiter>();
  let matching = false;
  let matchAgain = false;

  async function match(): Promise<void> {
    matchAgain = true;
    if (matching) return;
    matching = true;
    try {
      while (matchAgain && waiters.size > 0) {
        matchAgain = false;
        await matchAll();
      }
    } catch (error) {
      // The runners' next calls try again.
      onError(error);
    } finally {
      matching = false;
    }
  }

  async function matchAll(): Promise<void> {
    let queue = await readQueue(store.db, store.now());
    for (const waiter of [...waiters.values()]) {
      if (queue.queued.length === 0) return;
      const { runner } = waiter;
      const allowed = queue.queued.filter((job) => runner.repositories.includes(job.repository));
      if (!pickJob(allowed, queue.active, runner, queue.idle) || waiters.get(keyOf(runner)) !== waiter)
        continue;
      const lease = await store.write((tx) => acquireJob(tx, runner, store.now(), times));
      if (lease) {
        waiter.end(lease);
        // It is not idle any more: what was left to it may be another's.
        matchAgain = true;
      }
      queue = await readQueue(store.db, store.now());
    }
  }

  store.subscribe((topics) => {
    if (topics.has(QUEUE_TOPIC)) void match();
  });
  shutdown.addEventListener('abort', () => {
    for (const waiter of [...waiters.values()]) waiter.end();
  });

  return {
    wait(runner, ms, signal) {
      const key = keyOf(runner);
      return new Promise((resolve) => {
        const end = (lease?: Lease) => {
          if (waiters.get(key) === waiter) waiters.delete(key);
          clearTimeout(timer);
          signal.removeEventListener('abort', onAbort);
          resolve(lease);
        };
        const onAbort = () => end();
        const waiter: Waiter = { runner, end };
        const timer = setTimeout(onAbort, ms);
        waiters.get(key)?.end();
        if (signal.aborted || shutdown.aborted) return end();
        signal.addEventListener('abort', onAbort);
        waiters.set(key, waiter);
        // A job may have been queued since this runner was told that there is none.
        void match();
      });
    },
    leave(runner) {
      waiters.get(keyOf(runner))?.end();
    },
  };
}

function keyOf(runner: RunnerIdentity): string {
  return `${runner.tokenId} ${runner.name}`;
}
