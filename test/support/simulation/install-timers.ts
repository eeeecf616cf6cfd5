import { AsyncLocalStorage } from 'node:async_hooks';
import type { Timeline } from './timeline.ts';

/** A process of the app. What it had planned dies with it. */
export interface Owner {
  dead: boolean;
}

const owners = new AsyncLocalStorage<Owner>();

/** Timers set by `run`, and by whatever it starts, belong to `owner`. */
export function ownedBy<T>(owner: Owner, run: () => T): T {
  return owners.run(owner, run);
}

/** Intervals only look at clocks: more often than this would show nothing more, and take long. */
const LOOK_MS = 4_000;

/** Puts the timeline in the place of the global timers. Returns how to take it away again. */
export function installTimers(timeline: Timeline): () => void {
  const { setTimeout, clearTimeout, setInterval, clearInterval } = globalThis;
  const planned = new Map<number, () => void>();
  let last = 0;

  function plan(ms: number, run: () => void, again: boolean): object {
    const id = ++last;
    const owner = owners.getStore();
    const next = () => {
      planned.set(
        id,
        timeline.at(ms, () => {
          planned.delete(id);
          if (owner?.dead) return;
          if (again) next();
          if (owner) owners.run(owner, run);
          else run();
        }),
      );
    };
    next();
    const timer = { id, ref: () => timer, unref: () => timer, [Symbol.toPrimitive]: () => id };
    return timer;
  }
  const clear = (timer: unknown) => {
    if (typeof timer !== 'object' || timer === null || !('id' in timer)) return;
    planned.get(Number(timer.id))?.();
    planned.delete(Number(timer.id));
  };

  Object.assign(globalThis, {
    setTimeout: (run: () => void, ms = 0) => plan(ms, run, false),
    setInterval: (run: () => void, ms = 0) => plan(Math.max(ms, LOOK_MS), run, true),
    clearTimeout: clear,
    clearInterval: clear,
  });
  return () => Object.assign(globalThis, { setTimeout, clearTimeout, setInterval, clearInterval });
}
