import type { RunResult } from '../job/run-result.ts';

/** The result of a run of which nothing is known but how it ended. */
export function emptyResult(
  outcome: 'cancelled' | 'refused' | 'runner_error',
  message: string,
  logBytes: number,
  startedAt = new Date().toISOString(),
): RunResult {
  const finishedAt = new Date().toISOString();
  return {
    outcome,
    exit_code: null,
    signal: null,
    started_at: startedAt,
    finished_at: finishedAt,
    duration_seconds: Math.max(0, Date.parse(finishedAt) - Date.parse(startedAt)) / 1000,
    steps: [],
    message: message.slice(0, 2000),
    report: null,
    log_bytes: logBytes,
  };
}
