import { z } from 'zod';
import { agentEntry, agentEntryOf } from './change/agent-entry.ts';
import type { Verdict } from './dod.ts';
import type { Job } from './job.ts';
import { diffPath } from './report-paths.ts';
import { outcome, type RunResult, step } from './run-result.ts';

/** The log's own format lives beside it; one import serves whoever writes a report. */
export { decodeLog, eventsOf, outputsOf, RENDERED_LOG_MAX_BYTES, renderLog } from './render-log.ts';

/** Why a run ended as it did. Closed: records, check runs and replies are written from it. */
export const RUN_REASONS = [
  'dod_met',
  'dod_unmet',
  'dod_error',
  'timeout',
  'cancelled',
  'refused',
  'runner_error',
  'killed_by_signal',
  'lost',
] as const;
export type RunReason = (typeof RUN_REASONS)[number];

const runState = z.enum(['succeeded', 'failed', 'cancelled', 'lost']);
export type RunState = z.infer<typeof runState>;

export const runEntry = z.strictObject({
  /** 1-based. */
  attempt: z.int().min(1),
  state: runState,
  reason: z.enum(RUN_REASONS),
  runner: z.string().nullable(),
  started_at: z.string().nullable(),
  finished_at: z.string().nullable(),
  duration_seconds: z.number().nullable(),
  exit_code: z.int().nullable(),
  signal: z.string().nullable(),
  /** null: no result ever came (`lost`). */
  outcome: outcome.nullable(),
  message: z.string().nullable(),
  steps: z.array(step),
  dod: z.strictObject({
    source: z.string(),
    /** `not_judged`: the run gave nothing to judge (timeout, cancelled, refused, killed, lost). */
    verdict: z.enum(['met', 'unmet', 'error', 'not_judged']),
    saw: z.array(z.strictObject({ name: z.string(), value: z.string() })).optional(),
    message: z.string().optional(),
  }),
  /** Path in the repository; null when no log was committed. */
  log: z.string().nullable(),
  /** Bytes of the log as the runner wrote it, before rendering. */
  log_bytes: z.int().min(0),
  report: z.unknown().optional(),
  /** Only of a job that an agent carried out. */
  agent: agentEntry.optional(),
});
export type RunEntry = z.infer<typeof runEntry>;

/** The result record, `reports/jobs/<id>.json`. The state is that of the latest run. */
export const resultRecord = z.strictObject({
  version: z.literal(1),
  id: z.string(),
  repository: z.string().optional(),
  /** `sha256:<hex>` of the job file. */
  job_digest: z.string(),
  state: runState,
  /** What it works on and whether it said that it changes something, as in the job file. */
  touches: z.array(z.string()).optional(),
  effect: z.enum(['read', 'change']).optional(),
  /** Of an agent's job, where it names one. */
  model: z.string().optional(),
  /** Id of the goal, or name of the schedule, that it runs for. */
  goal: z.string().optional(),
  schedule: z.string().optional(),
  /** The model's calls that planned it, for the ledger; absent where none was asked. */
  planning: z
    .array(
      z.strictObject({
        id: z.string(),
        model: z.string(),
        input_tokens: z.int().min(0),
        output_tokens: z.int().min(0),
        /** ISO 8601, UTC. */
        at: z.string(),
      }),
    )
    .optional(),
  /** Whose yes it runs on, as the app knew it; absent where no app was there. */
  approval: z
    .strictObject({
      login: z.string(),
      how: z.string(),
      /** The head it was given for. */
      sha: z.string(),
      /** Others who approved it. */
      with: z.array(z.string()).optional(),
      /** Rules of the policy that an owner overrode. */
      overrides: z.strictObject({ rules: z.array(z.string()), login: z.string() }).optional(),
    })
    .optional(),
  runs: z.array(runEntry).min(1),
});
export type ResultRecord = z.infer<typeof resultRecord>;

export interface RunVerdict {
  state: RunState;
  reason: RunReason;
}

/**
 * What a run comes to. Only a run that exited is judged, and then the DoD alone decides: exit 0 with the
 * DoD unmet is a failure, exit 1 with the DoD met is a success (a job may assert that something fails).
 * A verdict that is missing where one was due is an error, never a success.
 */
export function verdictOf(
  result: Pick<RunResult, 'outcome' | 'exit_code' | 'signal'> | null,
  dod: Verdict | null,
): RunVerdict {
  if (result === null) return { state: 'lost', reason: 'lost' };
  if (result.outcome === 'cancelled') return { state: 'cancelled', reason: 'cancelled' };
  if (result.outcome !== 'exited') return { state: 'failed', reason: result.outcome };
  if (result.exit_code === null) return { state: 'failed', reason: 'killed_by_signal' };
  if (dod?.kind === 'met') return { state: 'succeeded', reason: 'dod_met' };
  if (dod?.kind === 'unmet') return { state: 'failed', reason: 'dod_unmet' };
  return { state: 'failed', reason: 'dod_error' };
}

/** True when the run ended in a way the DoD is asked about. */
export function isJudged(result: Pick<RunResult, 'outcome' | 'exit_code'>): boolean {
  return result.outcome === 'exited' && result.exit_code !== null;
}

/** The entry of one run. `result` null: the run is lost. `dod` null: it was not judged. */
export function buildEntry(about: {
  attempt: number;
  runner: string | null;
  result: RunResult | null;
  dodSource: string;
  dod: Verdict | null;
  log: string | null;
  message?: string | null;
  /** The job's; needed where an agent may have left a diff. */
  reportPath?: string;
  /** Whether an app opens a PR with an agent's change. */
  propose?: boolean;
}): RunEntry {
  const { result, dod } = about;
  const verdict = verdictOf(result, dod);
  return {
    attempt: about.attempt,
    ...verdict,
    runner: about.runner,
    started_at: result?.started_at ?? null,
    finished_at: result?.finished_at ?? null,
    duration_seconds: result?.duration_seconds ?? null,
    exit_code: result?.exit_code ?? null,
    signal: result?.signal ?? null,
    outcome: result?.outcome ?? null,
    message: about.message ?? result?.message ?? null,
    steps: result?.steps ?? [],
    dod: {
      source: about.dodSource,
      verdict: dod?.kind ?? 'not_judged',
      ...(dod?.kind === 'unmet' ? { saw: dod.saw } : {}),
      ...(dod?.kind === 'error' ? { message: dod.message } : {}),
    },
    log: about.log,
    log_bytes: result?.log_bytes ?? 0,
    ...(result?.report == null ? {} : { report: result.report }),
    ...(result?.agent
      ? {
          agent: agentEntryOf(result.agent, {
            succeeded: verdict.state === 'succeeded',
            propose: about.propose === true,
            diffPath: about.reportPath === undefined ? null : diffPath(about.reportPath, about.attempt),
          }),
        }
      : {}),
  };
}

/** What of its job file a record repeats: to know what was done, nobody has to read both. */
export function jobFacts(job: Job): Pick<ResultRecord, 'touches' | 'effect' | 'model' | 'goal'> {
  return {
    ...(job.touches?.length ? { touches: job.touches } : {}),
    ...(job.effect ? { effect: job.effect } : {}),
    ...(job.kind === 'codex' && job.model ? { model: job.model } : {}),
    ...(job.goal ? { goal: job.goal } : {}),
  };
}

/** The record with this run in it: an entry of the same attempt is replaced, so that writing twice is harmless. */
export function buildRecord(
  previous: ResultRecord | null,
  entry: RunEntry,
  about: Omit<ResultRecord, 'version' | 'state' | 'runs'>,
): ResultRecord {
  const others = (previous?.runs ?? []).filter((run) => run.attempt !== entry.attempt);
  const runs = [...others, entry].sort((a, b) => a.attempt - b.attempt);
  const state = (runs.at(-1) ?? entry).state;
  // A database that is new knows nothing of the calls.
  const planning = about.planning ?? previous?.planning;
  return { version: 1, ...about, state, ...(planning ? { planning } : {}), runs };
}

/** The record's bytes in the repository: two spaces, keys in the order above, a newline at the end. */
export function renderRecord(record: ResultRecord): string {
  return `${JSON.stringify(record, null, 2)}\n`;
}

/** A record read back; null when it is not one (a person may have edited it). */
export function parseRecord(text: string): ResultRecord | null {
  try {
    return resultRecord.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
