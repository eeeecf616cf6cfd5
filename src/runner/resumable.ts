import type { SpooledRun } from './state-directory.ts';

/** Whether a run that a killed process left goes on without it, in its pod. */
export function isResumable(run: SpooledRun, pods: unknown): boolean {
  return run.result === null && run.executor === 'kubernetes' && pods !== undefined;
}
