import { setTimeout as delay } from 'node:timers/promises';
import type { EffectName } from '../src/github/effect.ts';
import type { Child } from './support/child.ts';
import { fillDisk } from './support/full-disk.ts';
import { type Random, random } from './support/random.ts';
import type { CALLS, Cuttable } from './wire/cuttable.ts';
import type { GitHubFaults, Moment } from './wire/github-faults.ts';

export interface Runner {
  child: Child;
  line: Cuttable;
}

/** What is there to be hurt. */
export interface Victims {
  apps: readonly [Child, ...Child[]];
  runners: readonly [Runner, ...Runner[]];
  github: GitHubFaults;
  /** The side effects the app has had so far. */
  effects: () => ReadonlySet<EffectName>;
  /** Kills one app for good, starts it again after `downMs`, and says when what was due is worked on. */
  killApp: (app: Child, downMs: number, onRecovered: (ms: number) => void) => Promise<void>;
}

export interface Wounds {
  kills: { app: number; runner: number };
  /** How often the app died at each boundary (`before comment.create`), and how often that was tried. */
  boundaries: Map<string, number>;
  traps: Map<string, number>;
  stops: number;
  cuts: number;
  fullDisks: number;
  clockJumps: number;
  recoveries: number[];
  /** What could not be done to anybody, and why. */
  notDone: Set<string>;
}

const HOUR_MS = 3_600_000;
const TRAP_MS = 6_000;

export interface NemesisOptions {
  seed: number;
  /** Kills aimed at over the whole time, of the app and of runners. */
  kills: number;
  spanMs: number;
  say: (line: string) => void;
}

/** Hurts whoever is there until `signal` aborts, then resolves when everybody stands again. */
export async function unleash(
  victims: Victims,
  options: NemesisOptions,
  signal: AbortSignal,
): Promise<Wounds> {
  const wounds: Wounds = {
    kills: { app: 0, runner: 0 },
    boundaries: new Map(),
    traps: new Map(),
    stops: 0,
    cuts: 0,
    fullDisks: 0,
    clockJumps: 0,
    recoveries: [],
    notDone: new Set(),
  };
  const { seed, spanMs } = options;
  const evil = { victims, wounds, say: options.say, signal };
  const every = async (concern: string, meanMs: number, act: (r: Random) => Promise<void>) => {
    const r = random(seed, concern);
    for (;;) {
      const pause = delay(r.between(0.3, 1.7) * meanMs, true, { signal }).catch(() => false);
      if (!(await pause)) return;
      await act(r);
    }
  };
  const times = (count: number) => spanMs / Math.max(1, count);
  await Promise.all([
    every('kill app', times(options.kills * 0.75), (r) => killApp(evil, r)),
    every('kill runner', times(options.kills * 0.25), (r) => killRunner(evil, r)),
    every('stop', times(spanMs / 20_000), (r) => stopRunner(evil, r)),
    every('cut', times(spanMs / 15_000), (r) => cutLine(evil, r)),
    every('disk', times(spanMs / 30_000), (r) => fillUp(evil, r)),
    every('clock', times(spanMs / 25_000), (r) => setClock(evil, r)),
    every('limit', times(spanMs / 90_000), async (r) => victims.github.refuseOnce(r.pick([403, 429]))),
  ]);
  victims.github.setTrap(undefined);
  return wounds;
}

interface Evil {
  victims: Victims;
  wounds: Wounds;
  say: (line: string) => void;
  signal: AbortSignal;
}

/** At the boundary that was tried least so far, or at any moment. */
async function killApp({ victims, wounds, say, signal }: Evil, r: Random): Promise<void> {
  const { github, apps } = victims;
  let app = r.pick(apps);
  const trap = r.chance(0.65) ? nextTrap(wounds, victims.effects(), r) : undefined;
  const hit =
    trap &&
    (await sprung(signal, (kill) =>
      github.setTrap(
        kill && {
          ...trap,
          spring(name) {
            app = apps.find((one) => one.name === name) ?? app;
            kill(app);
          },
        },
      ),
    ));
  if (hit) count(wounds.boundaries, trap.name);
  say(`killed ${app.name}${hit ? ` ${trap.name}` : ''}`);
  wounds.kills.app += 1;
  await victims.killApp(app, r.between(0, 1_000), (ms) => wounds.recoveries.push(ms));
}

interface Boundary {
  name: string;
  effect: EffectName;
  when: Moment;
}

function nextTrap(wounds: Wounds, effects: ReadonlySet<EffectName>, r: Random): Boundary | undefined {
  const all = [...effects].flatMap((effect) =>
    (['before', 'landed'] as const).map((when) => ({ name: `${when} ${effect}`, effect, when })),
  );
  const least = Math.min(...all.map(({ name }) => wounds.traps.get(name) ?? 0));
  const [first, ...rest] = all.filter(({ name }) => (wounds.traps.get(name) ?? 0) === least);
  if (!first) return undefined;
  const trap = r.pick([first, ...rest]);
  wounds.traps.set(trap.name, least + 1);
  return trap;
}

/** Waits until somebody comes to where the trap is, and dies there; false when nobody comes for a while. */
function sprung(
  signal: AbortSignal,
  setTrap: (kill: ((victim: Child) => void) | undefined) => void,
): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (hit: boolean) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', give);
      setTrap(undefined);
      resolve(hit);
    };
    const give = () => end(false);
    const timer = setTimeout(give, TRAP_MS);
    signal.addEventListener('abort', give);
    setTrap((victim) => {
      victim.strike('SIGKILL');
      end(true);
    });
  });
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

/** At one of its calls to the app, or at any moment. */
async function killRunner({ victims, wounds, say, signal }: Evil, r: Random): Promise<void> {
  const { child, line } = r.pick(victims.runners);
  const call = r.pick<keyof typeof CALLS>(['acquire', 'starting', 'finished']);
  const when = r.pick<Moment>(['before', 'landed']);
  const hit =
    r.chance(0.6) &&
    (await sprung(signal, (kill) => line.setTrap(kill && { call, when, spring: () => kill(child) })));
  if (hit) count(wounds.boundaries, `${when} runner.${call}`);
  say(`killed ${child.name}${hit ? ` ${when} its call ${call}` : ''}`);
  await child.kill();
  wounds.kills.runner += 1;
  await delay(r.between(0, 3_000));
  await child.start();
}

async function stopRunner({ victims, wounds, say, signal }: Evil, r: Random): Promise<void> {
  const { child } = r.pick(victims.runners);
  const ms = r.between(1_000, 16_000);
  say(`stopped ${child.name} for ${Math.round(ms / 1_000)} s`);
  wounds.stops += 1;
  child.strike('SIGSTOP');
  await delay(ms, undefined, { signal }).catch(() => {});
  child.strike('SIGCONT');
}

async function cutLine({ victims, wounds, say, signal }: Evil, r: Random): Promise<void> {
  const { child, line } = r.pick(victims.runners);
  const how = r.pick<'refused' | 'silent'>(['refused', 'silent']);
  const ms = r.between(500, 8_000);
  say(`cut ${child.name} from the app for ${Math.round(ms / 1_000)} s (${how})`);
  wounds.cuts += 1;
  line.cut(how);
  await delay(ms, undefined, { signal }).catch(() => {});
  line.mend();
}

async function fillUp({ victims, wounds, say, signal }: Evil, r: Random): Promise<void> {
  const child = r.chance(0.6) ? r.pick(victims.apps) : r.pick(victims.runners).child;
  const ms = r.between(500, 3_000);
  const pid = child.pid();
  if (pid === undefined) return;
  const why = await fillDisk(pid, true);
  if (why) {
    wounds.notDone.add(why);
    return;
  }
  say(`the disk of ${child.name} is full for ${Math.round(ms / 100) / 10} s`);
  wounds.fullDisks += 1;
  await delay(ms, undefined, { signal }).catch(() => {});
  await fillDisk(pid, false);
}

async function setClock({ victims, wounds, say, signal }: Evil, r: Random): Promise<void> {
  const child = r.chance(0.6) ? r.pick(victims.apps) : r.pick(victims.runners).child;
  const hours = r.pick([1, -1]);
  const ms = r.between(2_000, 8_000);
  say(`the clock of ${child.name} jumps by ${hours} h for ${Math.round(ms / 1_000)} s`);
  wounds.clockJumps += 1;
  child.order({ clockMs: hours * HOUR_MS });
  await delay(ms, undefined, { signal }).catch(() => {});
  child.order({ clockMs: 0 });
}
