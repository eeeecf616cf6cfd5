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

/** An agent's diff travels in the result: a longer one stays on the runner. In bytes of UTF-8. */
export const DIFF_MAX_BYTES = 512 * 1024;
export const AGENT_MESSAGE_MAX = 16_000;
export const AGENT_FILES_MAX = 1000;

/** What an agent's run leaves beside its log. All text is redacted. */
export const agentResult = z.strictObject({
  /** The commit its copy of the checkout stood on. */
  base: z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/),
  /** As the agent counted; null when it said nothing. */
  usage: z
    .strictObject({
      input_tokens: z.int().min(0),
      cached_input_tokens: z.int().min(0),
      output_tokens: z.int().min(0),
    })
    .nullable(),
  /** Its last message. */
  message: z.string().max(AGENT_MESSAGE_MAX).nullable(),
  /** Paths that differ from the base, at most 1,000. */
  files: z.array(z.string().max(4096)).max(AGENT_FILES_MAX),
  /** `git diff` against the base; empty when nothing changed, or when `kept` says why it stays on the runner. */
  diff: z.string().max(DIFF_MAX_BYTES),
  kept: z
    .strictObject({ code: z.enum(['secret', 'too_large', 'unreadable']), message: z.string().max(1000) })
    .nullable(),
});
export type AgentResult = z.infer<typeof agentResult>;

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
  /** Only of a job that an agent carries out, and only once it was started. */
  agent: agentResult.optional(),
  /** Total log bytes; finishing with fewer bytes committed is answered 412. */
  log_bytes: z.int().min(0),
});
export type RunResult = z.infer<typeof runResult>;

/**
 * The log is newline-delimited JSON, one record a line. `step` and `done` mark boundaries; `note` is the
 * runner speaking (timeout, cancel, bytes dropped); `event` is what an agent reported, as it came, one JSON
 * object a line, beside the `out` lines that tell the same to people.
 *
 * `t`: seconds since the run's start. `d`: text, at most 16 KiB, usually one line without its newline; a
 * flood of short lines comes several to a record, with newlines between them. `p`: the text is the part
 * of a line that goes on in the next record of the same stream (or had no newline when the run ended), so
 * that `stdout` can be put together again exactly.
 */
export const logRecord = z.discriminatedUnion('s', [
  z.strictObject({ s: z.literal('out'), t: z.number(), d: z.string(), p: z.literal(true).optional() }),
  z.strictObject({ s: z.literal('err'), t: z.number(), d: z.string(), p: z.literal(true).optional() }),
  z.strictObject({ s: z.literal('event'), t: z.number(), d: z.string(), p: z.literal(true).optional() }),
  z.strictObject({ s: z.literal('note'), t: z.number(), d: z.string() }),
  z.strictObject({ s: z.literal('step'), t: z.number(), line: z.int() }),
  z.strictObject({ s: z.literal('done'), t: z.number(), line: z.int(), exit_code: z.int() }),
]);
export type LogRecord = z.infer<typeof logRecord>;
