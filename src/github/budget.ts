import { GitHubError } from './errors.ts';

/** `content` makes something new that people see; `write` is any other mutation. */
export type RequestCost = 'read' | 'write' | 'content';

/** 0 lifts a limit. */
export interface BudgetLimits {
  contentPerMinute: number;
  contentPerHour: number;
  pointsPerMinute: number;
  concurrent: number;
  /** A longer wait is refused at once with `rate_limited` and its time, so that no worker sits it out. */
  maxWaitMs: number;
}

/**
 * GitHub's documented secondary limits: 80 content-generating requests a minute and 500 an hour, 900
 * points a minute (GET 1, mutations 5), 100 requests at once, of which we take 10.
 * https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
 */
const GITHUB_LIMITS: BudgetLimits = {
  contentPerMinute: 80,
  contentPerHour: 500,
  pointsPerMinute: 900,
  concurrent: 10,
  maxWaitMs: 60_000,
};

const POINTS: Record<RequestCost, number> = { read: 1, write: 5, content: 5 };

/** One installation's share of GitHub. */
export interface Budget {
  /**
   * Waits for a place, in order; call the result when the request has ended. Content requests over
   * their limit let others pass.
   * @throws GitHubError `rate_limited` when the wait would be longer than `maxWaitMs`, `aborted`
   */
  take(cost: RequestCost, signal: AbortSignal): Promise<() => void>;
  /** GitHub said no: nothing goes out before then (milliseconds since the epoch). */
  pauseUntil(at: number): void;
}

interface Waiter {
  cost: RequestCost;
  admit(): void;
  refuse(error: GitHubError): void;
}

/**
 * Sliding windows, so that bursts pass and no minute or hour holds more than GitHub allows. Of several apps
 * (`apps`, this one included) each takes its part of every limit.
 */
export function createBudget(overrides: Partial<BudgetLimits> = {}, apps: () => number = () => 1): Budget {
  const limits = { ...GITHUB_LIMITS, ...overrides };
  const share = (limit: number) => (limit === 0 ? 0 : Math.max(1, Math.floor(limit / apps())));
  const contentMinute = createWindow(() => share(limits.contentPerMinute), 60_000);
  const contentHour = createWindow(() => share(limits.contentPerHour), 3_600_000);
  const points = createWindow(() => share(limits.pointsPerMinute), 60_000);
  const queue = new Set<Waiter>();
  let active = 0;
  let pausedUntil = 0;
  let timer: NodeJS.Timeout | undefined;

  function pump(): void {
    clearTimeout(timer);
    const now = performance.now();
    const paused = pausedUntil - now;
    let wakeIn = Number.POSITIVE_INFINITY;
    for (const waiter of queue) {
      const content = waiter.cost === 'content';
      const contentWait = content ? Math.max(contentMinute.freeIn(1, now), contentHour.freeIn(1, now)) : 0;
      const wait = Math.max(paused, contentWait, points.freeIn(POINTS[waiter.cost], now));
      if (wait > limits.maxWaitMs) {
        queue.delete(waiter);
        waiter.refuse(tooLong(wait));
        continue;
      }
      if (wait > 0) wakeIn = Math.min(wakeIn, wait);
      if (contentWait > 0) continue;
      if (wait > 0 || (limits.concurrent > 0 && active >= share(limits.concurrent))) break;
      queue.delete(waiter);
      active += 1;
      points.add(POINTS[waiter.cost], now);
      if (content) {
        contentMinute.add(1, now);
        contentHour.add(1, now);
      }
      waiter.admit();
    }
    if (Number.isFinite(wakeIn)) timer = setTimeout(pump, Math.ceil(wakeIn) + 1);
  }

  return {
    take(cost, signal) {
      if (signal.aborted) return Promise.reject(aborted(signal));
      const { promise, resolve, reject } = Promise.withResolvers<() => void>();
      const onAbort = () => {
        queue.delete(waiter);
        reject(aborted(signal));
        pump();
      };
      const waiter: Waiter = {
        cost,
        admit() {
          signal.removeEventListener('abort', onAbort);
          let released = false;
          resolve(() => {
            if (released) return;
            released = true;
            active -= 1;
            pump();
          });
        },
        refuse(error) {
          signal.removeEventListener('abort', onAbort);
          reject(error);
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      queue.add(waiter);
      pump();
      return promise;
    },
    pauseUntil(at) {
      pausedUntil = Math.max(pausedUntil, performance.now() + (at - Date.now()));
      pump();
    },
  };
}

function tooLong(waitMs: number): GitHubError {
  return new GitHubError(
    'rate_limited',
    `GitHub's limits leave no room for this request for ${Math.ceil(waitMs / 1000)} s`,
    { retryAt: Date.now() + waitMs },
  );
}

function aborted(signal: AbortSignal): GitHubError {
  return new GitHubError('aborted', 'the call to GitHub was aborted', { cause: signal.reason });
}

/** What was used in the last `spanMs` of the monotonic clock; a limit of 0 never fills. */
function createWindow(limitNow: () => number, spanMs: number) {
  const entries: { at: number; weight: number }[] = [];
  let used = 0;
  return {
    /** Milliseconds until `weight` fits; 0 when it does. */
    freeIn(weight: number, now: number): number {
      const limit = limitNow();
      if (limit === 0) return 0;
      for (let first = entries[0]; first && first.at <= now - spanMs; first = entries[0]) {
        entries.shift();
        used -= first.weight;
      }
      let over = used + weight - limit;
      let wait = 0;
      for (const entry of entries) {
        if (over <= 0) break;
        over -= entry.weight;
        wait = entry.at + spanMs - now;
      }
      return wait;
    },
    add(weight: number, now: number): void {
      if (limitNow() === 0) return;
      entries.push({ at: now, weight });
      used += weight;
    },
  };
}
