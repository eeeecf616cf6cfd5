import { createHash } from 'node:crypto';
import type { Envelope } from '../job/goal.ts';
import type { RunEntry } from '../job/report-format.ts';
import type { GoalStep } from '../store/row-data.ts';

/** Why a goal ends by itself without being reached; closed. */
export const STOP_REASONS = ['jobs', 'money', 'time', 'same_failure', 'no_change', 'withdrawn'] as const;
export type StopReason = (typeof STOP_REASONS)[number];

/** Last lines that make one failure the same as another. */
const FAILURE_LINES = 5;
/** And one report the same as another. */
const REPORT_LINES = 40;
const LINE_MAX = 500;

/**
 * What of a line is not news: times, durations, addresses, long hexadecimal names, temporary paths, process
 * ids. Counts stay: fewer failures are a change.
 */
export function normalise(line: string): string {
  return line
    .replace(/\u001b\[[0-9;]*[A-Za-z]/g, '')
    .replace(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?/g, '<time>')
    .replace(/\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b/g, '<time>')
    .replace(/\b\d+(?:\.\d+)?\s?(?:ms|s|sec|secs|seconds|min|minutes)\b/g, '<duration>')
    .replace(/\b0x[0-9a-f]+\b/gi, '<address>')
    .replace(/\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,}(?:-[0-9a-f]{4,})*\b/gi, '<hex>')
    .replace(/(?:\/private)?\/(?:tmp|var\/folders|var\/tmp)\/\S+/g, '<tmp>')
    .replace(/\bpid[ =:]*\d+/gi, '<pid>')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, LINE_MAX);
}

function lastLines(output: string, count: number): string[] {
  const lines = output.split(/\r?\n/).map(normalise);
  return lines.filter((line) => line !== '').slice(-count);
}

function print(parts: unknown): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}

/**
 * The fingerprints of a report. `failure`: exit code, the step that failed and the last lines; null for a
 * success. `whole`: what it came to, with the values that the goal's DoD saw.
 * @param output what the job printed, in any form that is the same for the same output
 */
export function reportPrints(
  entry: Pick<RunEntry, 'state' | 'reason' | 'exit_code' | 'steps' | 'report'>,
  output: string,
  dodDetail: string,
): { failure: string | null; whole: string } {
  const step = entry.steps.find((one) => one.exit_code !== 0)?.line ?? null;
  const failed = entry.state !== 'succeeded';
  return {
    failure: failed ? print([entry.reason, entry.exit_code, step, lastLines(output, FAILURE_LINES)]) : null,
    whole: print([
      entry.reason,
      entry.exit_code,
      step,
      entry.report ?? null,
      normalise(dodDetail),
      lastLines(output, REPORT_LINES),
    ]),
  };
}

/** Why no further job of a goal may follow its last report; null = one may. Pure. */
export function goalStop(
  steps: readonly Pick<GoalStep, 'prints'>[],
  envelope: Pick<Envelope, 'max_jobs' | 'max_usd' | 'max_hours'>,
  spent: { usd: number; startedAt: number; now: number },
): StopReason | null {
  const prints = steps.flatMap((step) => step.prints ?? []);
  const last = prints.at(-1);
  const before = prints.slice(0, -1);
  if (last?.failure && before.some(({ failure }) => failure === last.failure)) return 'same_failure';
  if (last && before.at(-1)?.whole === last.whole) return 'no_change';
  if (isOverdue(envelope, spent)) return 'time';
  if (spent.usd >= envelope.max_usd) return 'money';
  return steps.length >= envelope.max_jobs ? 'jobs' : null;
}

/** When its time is over (ms). */
export function deadlineOf(envelope: Pick<Envelope, 'max_hours'>, startedAt: number): number {
  return startedAt + envelope.max_hours * 3_600_000;
}

function isOverdue(
  envelope: Pick<Envelope, 'max_hours'>,
  { startedAt, now }: { startedAt: number; now: number },
): boolean {
  return now >= deadlineOf(envelope, startedAt);
}
