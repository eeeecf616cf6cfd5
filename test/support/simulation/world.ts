import { createHash } from 'node:crypto';
import { installTimers } from './install-timers.ts';
import { type MemoryStore, openMemoryStore } from './memory-store.ts';
import { createRandom, type Random } from './random.ts';
import { createTimeline, type Timeline } from './timeline.ts';

/** How much goes wrong. Probabilities of one message or one step. */
export interface Faults {
  lost: number;
  duplicated: number;
  late: number;
  /** The app dies after a commit, before it answers. */
  appDies: number;
  /** The runner dies at a boundary. */
  runnerDies: number;
  /** A machine is cut off for 20 minutes while it asks whether it may start. */
  cutAtStart: number;
  /** GitHub answers 5xx, half of the time after the commit landed. */
  githubFails: number;
}

export const NO_FAULTS: Faults = {
  lost: 0,
  duplicated: 0,
  late: 0,
  appDies: 0,
  runnerDies: 0,
  cutAtStart: 0,
  githubFails: 0,
};

/** One scenario: its clock, its chance, its database, and what happened so far. */
export interface World {
  random: Random;
  timeline: Timeline;
  store: MemoryStore;
  faults: Faults;
  /** What the app's wall clock is ahead of the true time, in ms. */
  clockOffset: number;
  say(text: string): void;
  trace: string[];
  /** Broken promises. */
  broken: string[];
  breaks(text: string): void;
}

const START = Date.UTC(2026, 0, 1);
let shared: MemoryStore | undefined;
let now: () => number = () => START;

/** A world of its own for `seed`; the database is emptied and used again, which is what makes it fast. */
export async function createWorld(seed: number): Promise<{ world: World; end: () => void }> {
  shared ??= await openMemoryStore(() => now());
  const store = shared;
  const timeline = createTimeline(START, () => store.pendingWrites() > 0);
  const short = namer();
  const world: World = {
    random: createRandom(seed),
    timeline,
    store,
    faults: NO_FAULTS,
    clockOffset: 0,
    trace: [],
    broken: [],
    say(text) {
      world.trace.push(`${((timeline.now() - START) / 1000).toFixed(3).padStart(9)} ${short(text)}`);
    },
    breaks(text) {
      world.broken.push(short(text));
      world.say(`BROKEN: ${text}`);
    },
  };
  now = () => timeline.now() + world.clockOffset;
  store.clear();
  const restore = installTimers(timeline);
  return { world, end: restore };
}

/** Random ids by the order of their appearance, so that two traces of a seed are equal. */
function namer(): (text: string) => string {
  const known = new Map<string, string>();
  return (text) =>
    text.replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, (id) => {
      const name = known.get(id) ?? `run${known.size + 1}`;
      known.set(id, name);
      return name;
    });
}

export const digestOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;
