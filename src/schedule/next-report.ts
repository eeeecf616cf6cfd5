import type { Health, Say } from './health.ts';

/** One tick that the repository does not have yet. */
export interface TickFacts {
  id: string;
  at: number;
  state: 'open' | 'ended' | 'skipped' | 'replaced' | 'missed';
  counted: boolean;
  flipped: boolean;
}

export interface ReportFacts {
  gone: boolean;
  health: Health;
  /** Oldest first. */
  ticks: readonly TickFacts[];
  /** Until then the run that is waited for has time (ms); null: none is. */
  deadline: number | null;
  now: number;
  /** Of the day of `now` in the schedule's time zone (ms). */
  day: { start: number; end: number };
}

export type ReportEffect =
  | { do: 'count'; tick: string }
  /** A run that is due gave no result in its time. */
  | { do: 'miss' }
  | { do: 'end' }
  | { do: 'record'; ticks: readonly string[] }
  | { do: 'say'; say: Say }
  /** `dueAt` null: nothing until a tick ends. */
  | { wait: 'day' | 'result'; dueAt: number | null };

/**
 * What is due for the reports of a schedule. What changed is recorded at once, with all before it; the rest of
 * a day together, when the day is over. The record comes before the word. Pure.
 */
export function nextReport(f: ReportFacts): ReportEffect {
  const { health, ticks, now, day } = f;
  const uncounted = ticks.find((tick) => !tick.counted && tick.state !== 'open');
  if (uncounted) return { do: 'count', tick: uncounted.id };
  const overdue = !f.gone && f.deadline !== null && now >= f.deadline;
  const deadline = f.gone || overdue ? null : f.deadline;
  if (overdue && !health.missing) return { do: 'miss' };
  if (f.gone && health.open && !health.pending.some(({ kind }) => kind === 'removed')) return { do: 'end' };
  const ended = ticks.filter((tick) => tick.state !== 'open');
  const atOnce = f.gone || ended.some((tick) => tick.flipped);
  const due = ended.filter((tick) => atOnce || tick.at < day.start);
  if (due.length > 0) return { do: 'record', ticks: due.map(({ id }) => id) };
  const [say] = health.pending;
  if (say) return { do: 'say', say };
  if (ended.length > 0) return { wait: 'day', dueAt: Math.min(day.end, deadline ?? day.end) };
  return { wait: 'result', dueAt: deadline };
}
