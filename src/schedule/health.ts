import { z } from 'zod';

/** What is said of a schedule, and nothing else ever is. */
export const SAID = ['failed', 'recovered', 'flaps', 'missing', 'removed'] as const;
export type Said = (typeof SAID)[number];

const say = z.strictObject({
  kind: z.enum(SAID),
  /** Id of the tick it is about. */
  tick: z.string(),
  /** Ms since the epoch. */
  at: z.number(),
});
export type Say = z.infer<typeof say>;

/** What is known of a schedule's results: enough to tell a change from more of the same. */
const healthShape = z.object({
  /** Of the last run that gave one. */
  result: z.enum(['ok', 'bad']).nullable().default(null),
  /** When that began (ms). */
  since: z.number().nullable().default(null),
  /** A run that was due gave no result. */
  missing: z.boolean().default(false),
  /** It changes so often that no change is told until it holds. */
  flapping: z.boolean().default(false),
  /** The last results, the newest last: `o` or `b` each. */
  recent: z.string().max(20).default(''),
  /** The last tick that was counted. */
  last: z.string().nullable().default(null),
  /** When the first tick was made that has given no result since (ms); null: none waits. */
  waiting: z.number().nullable().default(null),
  /** What is still to be said. */
  pending: z.array(say).default([]),
  /** The issue is open. */
  open: z.boolean().default(false),
});
export type Health = z.infer<typeof healthShape>;

/** What one tick came to. `none`: nothing to tell by, such as a run that a person cancelled. */
export type Observation = { kind: 'ok' | 'bad' | 'missing' | 'none'; tick: string; at: number };

const RECENT = 8;
/** So many changes within the last results are no news any more. */
const FLAPS = 4;
/** And so many equal ones are. */
const HOLDS = 4;

/** A text that is none, or an older one, is a beginning. */
export function parseHealth(text: string | null): Health {
  try {
    return healthShape.parse(JSON.parse(text ?? '{}'));
  } catch {
    return healthShape.parse({});
  }
}

/** The health after one more observation; what changed is to be said, once. Pure. */
export function observe(health: Health, seen: Observation): { health: Health; flipped: boolean } {
  const { tick, at } = seen;
  if (seen.kind === 'none') return { health: { ...health, last: tick }, flipped: false };
  if (seen.kind === 'missing') {
    if (health.missing) return { health: { ...health, last: tick }, flipped: false };
    const missing = { ...health, missing: true, last: tick };
    return {
      health: health.flapping ? missing : saying(missing, { kind: 'missing', tick, at }),
      flipped: true,
    };
  }
  const { kind: result } = seen;
  const recent = `${health.recent}${result === 'ok' ? 'o' : 'b'}`.slice(-RECENT);
  const flipped = health.result === null ? result === 'bad' : health.result !== result;
  const next: Health = {
    ...health,
    result,
    since: health.result === result ? health.since : at,
    missing: false,
    recent,
    last: tick,
  };
  const said = whatToSay(health, next, flipped);
  const flapping = said === 'flaps' || (health.flapping && said === null);
  const told = { ...next, flapping };
  return {
    health: said ? saying(told, { kind: said, tick, at }) : told,
    flipped: flipped || (health.missing && result === 'ok'),
  };
}

function whatToSay(before: Health, { result, recent }: Health, flipped: boolean): Said | null {
  if (before.flapping) {
    if (new Set(recent.slice(-HOLDS)).size > 1) return null;
    return result === 'ok' ? 'recovered' : 'failed';
  }
  if (flipped && changes(recent) >= FLAPS) return 'flaps';
  if (result === 'ok') return flipped || before.missing ? 'recovered' : null;
  return flipped ? 'failed' : null;
}

/** The schedule is gone: an issue that is open has nothing more to wait for. */
export function endHealth(health: Health, at: number): Health {
  if (!health.open || health.pending.some(({ kind }) => kind === 'removed')) return health;
  return saying(health, { kind: 'removed', tick: health.last ?? '', at });
}

function saying(health: Health, what: Say): Health {
  return { ...health, pending: [...health.pending, what] };
}

function changes(recent: string): number {
  return [...recent].filter((letter, index) => index > 0 && letter !== recent[index - 1]).length;
}
