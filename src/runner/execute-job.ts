import type { Job } from '../job/job.ts';
import type { CodexOptions } from './codex/execute-codex.ts';
import { executeShell, type ShellResult } from './execute-shell.ts';

/** Runs a job by the executor of its kind. Never throws: what goes wrong is an outcome with a message. */
export async function executeJob(job: Job, options: CodexOptions): Promise<ShellResult> {
  if (job.kind === 'run_shell') return executeShell(job, options);
  // Loaded with the first such job: most runners never see one.
  const { executeCodex } = await import('./codex/execute-codex.ts');
  return executeCodex(job, options);
}
