import type { Job } from '../job/job.ts';
import { executeShell, type ShellOptions, type ShellResult } from './execute-shell.ts';

/** Runs a job by the executor of its kind. Never throws: what goes wrong is an outcome with a message. */
export async function executeJob(job: Job, options: ShellOptions): Promise<ShellResult> {
  if (job.kind === 'run_shell') return executeShell(job, options);
  const now = new Date().toISOString();
  return {
    outcome: 'refused',
    exit_code: null,
    signal: null,
    started_at: now,
    finished_at: now,
    duration_seconds: 0,
    steps: [],
    message: 'kind: this runner cannot run codex jobs yet',
    report: null,
  };
}
