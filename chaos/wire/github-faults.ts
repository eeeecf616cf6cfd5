import type { EffectName } from '../../src/github/effect.ts';
import type { Answer, Exchange, Fault } from '../../test/support/github/types.ts';
import type { Random } from '../support/random.ts';
import { effectOf } from './effect-routes.ts';
import type { Seen } from './seen.ts';

export type Moment = 'before' | 'landed';

/** A place where a process is to die: just before a write is performed, or between it and its answer. */
export interface Trap {
  effect: EffectName;
  when: Moment;
  /** Told which app has come there. */
  spring: (app: string) => void;
}

export interface GitHubFaults {
  decide: (x: Exchange) => Fault | undefined;
  /** At most one; undefined takes it away. */
  setTrap(trap: Trap | undefined): void;
  /** The next request is refused with 403 or 429 and no word of when to come back, which is a minute. */
  refuseOnce(status: 403 | 429): void;
  counts: Record<'unavailable' | 'limited' | 'hung_up' | 'slow', number>;
  heal(): void;
}

/** Each app of a campaign says its name with it. */
export const APP_HEADER = 'x-chaos-app';

const SHARES = { unavailable: 0.05, limited: 0.01, hung_up: 0.005, slow: 0.01 };
const SLOW_MS = 2_000;
const LIMIT_MESSAGE = 'You have exceeded a secondary rate limit. Please wait a few minutes.';

/** What GitHub does to the app's requests: errors, limits, and the writes at which a process dies. */
export function createGitHubFaults(random: Random, seen: Seen, faulty: boolean): GitHubFaults {
  const counts: GitHubFaults['counts'] = { unavailable: 0, limited: 0, hung_up: 0, slow: 0 };
  let healthy = !faulty;
  let trap: Trap | undefined;
  let bare: 403 | 429 | undefined;

  function trapped(effect: EffectName | undefined, when: Moment, x: Exchange): void {
    if (!effect || trap?.effect !== effect || trap.when !== when) return;
    const { spring } = trap;
    trap = undefined;
    spring(String(x.headers[APP_HEADER]));
    // Nothing is performed after this, and nobody is there to be answered.
    throw new Error(`the app was killed ${when} ${effect}`);
  }

  function ill(isWrite: boolean): Partial<Fault> {
    const [kind, which, half] = [random.next(), random.next(), random.next()];
    if (healthy) return {};
    if (bare !== undefined) {
      const status = bare;
      bare = undefined;
      counts.limited += 1;
      return { status, body: { message: LIMIT_MESSAGE } };
    }
    let share = SHARES.unavailable;
    if (kind < share) {
      counts.unavailable += 1;
      return { status: which < 0.5 ? 502 : 503, afterWrite: isWrite && half < 0.5 };
    }
    share += SHARES.limited;
    if (kind < share) {
      counts.limited += 1;
      const headers = { 'retry-after': half < 0.5 ? '1' : '2' };
      return { status: which < 0.5 ? 403 : 429, headers, body: { message: LIMIT_MESSAGE } };
    }
    share += SHARES.hung_up;
    if (kind < share) {
      counts.hung_up += 1;
      return { hangUp: true, afterWrite: isWrite && half < 0.5 };
    }
    share += SHARES.slow;
    if (kind < share) {
      counts.slow += 1;
      return { delayMs: which * SLOW_MS };
    }
    return {};
  }

  return {
    counts,
    decide(x) {
      if (x.actor.type !== 'app' && x.actor.type !== 'installation') return undefined;
      const effect = effectOf(x);
      return {
        match: () => true,
        ...ill(effect !== undefined),
        before: async () => trapped(effect, 'before', x),
        landed: async (_: Exchange, answer: Answer) => {
          if (effect && answer.status < 300) {
            seen.landed(effect, x, answer);
            trapped(effect, 'landed', x);
          }
        },
      };
    },
    setTrap(next) {
      trap = next;
    },
    refuseOnce(status) {
      bare = status;
    },
    heal() {
      healthy = true;
      trap = undefined;
      bare = undefined;
    },
  };
}
