import { z } from 'zod';
import { runResult } from '../job/run-result.ts';

// What a run leaves stands at floor 0, where the runner, the report and the job tools can all reach it.
export type { RunResult } from '../job/run-result.ts';

/**
 * The runner protocol (design section 7): two POST calls with a bearer token.
 *
 * `POST /api/runner/acquire`            acquireRequest → 200 offer | 204
 * `POST /api/runner/runs/:id/sync`      syncRequest → 200 syncResponse | 409 | 412 | 416 | 404
 *
 * Every error is `{ error: <code>, message, offset? }`.
 */

export const LEASE_TTL_SECONDS = 60;
export const ACQUIRE_WAIT_MAX_SECONDS = 25;
export const SYNC_WAIT_MAX_SECONDS = 15;
/** Log bytes a sync may carry, before base64. */
export const LOG_CHUNK_MAX_BYTES = 65_536;
/** Log bytes a run may upload in all; the runner drops the middle of a longer log and says so. */
export const LOG_MAX_BYTES = 16 * 1024 * 1024;

const label = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/);

export const acquireRequest = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/),
  /** Random per process: a new process under one name fences the old one. */
  process: z.string().min(8).max(64),
  labels: z.array(label).max(50),
  capabilities: z.array(label).max(50),
  version: z.string().max(50),
  /** Seconds to hold the request open when there is nothing to do. */
  wait: z.number().min(0).max(ACQUIRE_WAIT_MAX_SECONDS),
});
export type AcquireRequest = z.infer<typeof acquireRequest>;

export const offer = z.object({
  run: z.string(),
  attempt: z.int(),
  repository: z.string(),
  job_id: z.string(),
  /** The job file, byte for byte as merged. */
  file: z.string(),
  /** `sha256:<hex>` of `file` in UTF-8. */
  digest: z.string(),
  /** Grows with every lease of the store; a call with an older one is answered 409. */
  fence: z.int(),
  ttl_seconds: z.number(),
  /** Signed by the app over repository, job, run, attempt, fence and digest; sent back with every sync. */
  token: z.string(),
  /**
   * Where a runner with `--verify` looks for its proof: GitHub's id of the repository, and the PR that brought
   * the file. Hints: what they lead to is believed, not they. `pull` is absent where no PR did. `schedule`: the
   * schedule file from which `file` was made, where a tick brought it.
   */
  repository_id: z.int().optional(),
  pull: z.int().optional(),
  /** The PR that brought the goal file that the job names. */
  goal_pull: z.int().optional(),
  schedule: z.string().optional(),
});
export type Offer = z.infer<typeof offer>;

export const syncRequest = z.strictObject({
  fence: z.int(),
  process: z.string().min(8).max(64),
  token: z.string().max(4096),
  phase: z.enum(['starting', 'running', 'finished']),
  log: z.strictObject({ offset: z.int().min(0), data: z.base64() }).optional(),
  result: runResult.optional(),
  wait: z.number().min(0).max(SYNC_WAIT_MAX_SECONDS).default(0),
});
export type SyncRequest = z.input<typeof syncRequest>;

export const syncResponse = z.object({
  /** Log bytes the app has stored: the next chunk starts here. */
  offset: z.int(),
  cancel: z.boolean(),
  drain: z.boolean(),
  ttl_seconds: z.number(),
});
export type SyncResponse = z.infer<typeof syncResponse>;

/** Error codes of the two calls, with their HTTP status. */
export const RUNNER_ERRORS = {
  invalid_request: 400,
  unauthorized: 401,
  forbidden: 403,
  tls_required: 403,
  unknown_run: 404,
  stale_fence: 409,
  log_incomplete: 412,
  payload_too_large: 413,
  wrong_offset: 416,
  too_many_requests: 429,
  unavailable: 503,
} as const;
export type RunnerErrorCode = keyof typeof RUNNER_ERRORS;
