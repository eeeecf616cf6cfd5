import { setImmediate as turn } from 'node:timers/promises';

/** A virtual clock: time passes only from one event to the next. */
export interface Timeline {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Runs `event` after `ms`. Returns how to call it off. */
  at(ms: number, event: () => void): () => void;
  /** Runs the events in their order until `until`, or until `after`, called after each of them, says true. */
  run(until: number, after: () => boolean): Promise<void>;
}

interface Planned {
  time: number;
  event: (() => void) | null;
}

/** `busy`: what an event began has not come to rest yet. */
export function createTimeline(start: number, busy: () => boolean): Timeline {
  let now = start;
  /** Sorted, the next one last. */
  const planned: Planned[] = [];

  /** Promises go on in this turn of the event loop, writes to the store in the next ones. */
  async function rest(): Promise<void> {
    do await turn();
    while (busy());
  }

  return {
    now: () => now,
    at(ms, event) {
      const item: Planned = { time: now + Math.max(0, ms), event };
      let low = 0;
      let high = planned.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        // Of two at one time the one planned first is nearer to the end.
        if ((planned[middle]?.time ?? 0) > item.time) low = middle + 1;
        else high = middle;
      }
      planned.splice(low, 0, item);
      return () => {
        item.event = null;
      };
    },
    async run(until, after) {
      await rest();
      for (let next = planned.at(-1); next && next.time <= until; next = planned.at(-1)) {
        planned.pop();
        if (!next.event) continue;
        now = next.time;
        next.event();
        await rest();
        if (after()) return;
      }
      now = Math.max(now, until);
    },
  };
}
