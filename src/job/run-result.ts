import { z } from 'zod';

/** What a run leaves: its steps, its end and its log. The runner writes them, the app reads them. */
export const step = z.strictObject({
  /** 0-based index into `script`. */
  line: z.int().min(0),
  exit_code: z.int(),
  /** Seconds since the run's start. */
  started_seconds: z.number().min(0),
  duration_seconds: z.number().min(0),
});
export type Step = z.infer<typeof step>;

/** How the executor's part ended. `exited` says nothing about success: the DoD does. */
export const outcome = z.enum(['exited', 'timeout', 'cancelled', 'refused', 'runner_error']);

export const runResult = z.strictObject({
  outcome,
  /** null when no process ever ended by itself (refused, killed by a signal). */
  exit_code: z.int().nullable(),
  signal: z.string().nullable(),
  /** ISO 8601, UTC, the runner's clock. */
  started_at: z.string(),
  finished_at: z.string(),
  duration_seconds: z.number().min(0),
  steps: z.array(step).max(500),
  /** One line for a person when outcome is not `exited`: what happened and what to do. */
  message: z.string().max(2000).nullable(),
  /** JSON the job wrote to the file named by `GURUGURU_REPORT`, at most 64 KiB. */
  report: z.unknown().nullable(),
  /** Total log bytes; finishing with fewer bytes committed is answered 412. */
  log_bytes: z.int().min(0),
});
export type RunResult = z.infer<typeof runResult>;

/**
 * The log is newline-delimited JSON, one record a line. `step` and `done` mark boundaries; `note` is the
 * runner speaking (timeout, cancel, bytes dropped).
 *
 * `t`: seconds since the run's start. `d`: text, at most 16 KiB, usually one line without its newline; a
 * flood of short lines comes several to a record, with newlines between them. `p`: the text is the part
 * of a line that goes on in the next record of the same stream (or had no newline when the run ended), so
 * that `stdout` can be put together again exactly.
 */
export const logRecord = z.discriminatedUnion('s', [
  z.strictObject({ s: z.literal('out'), t: z.number(), d: z.string(), p: z.literal(true).optional() }),
  z.strictObject({ s: z.literal('err'), t: z.number(), d: z.string(), p: z.literal(true).optional() }),
  z.strictObject({ s: z.literal('note'), t: z.number(), d: z.string() }),
  z.strictObject({ s: z.literal('step'), t: z.number(), line: z.int() }),
  z.strictObject({ s: z.literal('done'), t: z.number(), line: z.int(), exit_code: z.int() }),
]);
export type LogRecord = z.infer<typeof logRecord>;
