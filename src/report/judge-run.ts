import type { Scope } from '../github/scope.ts';
import { judgeDod } from '../job/dod.ts';
import { parseJob } from '../job/parse-job.ts';
import { buildEntry, decodeLog, isJudged, outputsOf, type RunEntry } from '../job/report-format.ts';
import { runLogPath } from '../job/report-paths.ts';
import { runResult } from '../job/run-result.ts';
import { approvedPath } from '../job/tick-id.ts';
import { getJob, patchJob } from '../store/jobs.ts';
import { readLog } from '../store/logs.ts';
import type { JobRow, RunRow } from '../store/tables.ts';
import { enqueue } from '../store/work.ts';

const STATUS_DELAY_MS = 5_000;

/** The job of a row. Its file was validated before it was admitted, so a failure here is ours. */
export function jobOf(row: Pick<JobRow, 'id' | 'file'>) {
  const parsed = parseJob(row.file, { path: approvedPath(row.id) });
  if (!parsed.ok)
    throw new Error(`the stored file of job ${row.id} does not parse: ${parsed.findings[0]?.message}`);
  return parsed.job;
}

/** Judges a finished run by the job's DoD and stores the entry of the record: it is never judged twice. */
export async function judgeRun(scope: Scope, row: JobRow, run: RunRow): Promise<void> {
  const job = jobOf(row);
  const result = runResult.parse(JSON.parse(run.result ?? 'null'));
  let dod = null;
  if (isJudged(result)) {
    const output = outputsOf(decodeLog(await readLog(scope.store.db, run.id)));
    dod = await judgeDod(job.dod, {
      exit_code: result.exit_code,
      ...output,
      duration_seconds: result.duration_seconds,
      steps: result.steps,
      report: result.report ?? null,
    });
  }
  const entry = buildEntry({
    attempt: run.attempt,
    runner: run.runner,
    result,
    dodSource: job.dod,
    dod,
    log: runLogPath(job.report_path, run.attempt),
    reportPath: job.report_path,
    propose: true,
    ...(result.outcome === 'cancelled' && run.cancelled_by
      ? { message: `cancelled by ${run.cancelled_by}` }
      : {}),
  });
  await storeVerdict(scope, row, entry);
}

const NEVER_STARTED =
  'several runners took it and none started it; look at their logs, then /retry (nothing of it was run)';

/** The entry of a run that gave no result: cancelled in the queue, never started by any runner, or lost. */
export async function endWithoutResult(scope: Scope, row: JobRow, run: RunRow | undefined): Promise<void> {
  const job = jobOf(row);
  const ending = endingOf(row);
  const entry: RunEntry = {
    ...buildEntry({
      attempt: row.attempt || 1,
      runner: run?.runner ?? null,
      result: null,
      dodSource: job.dod,
      dod: null,
      log: run && run.log_bytes > 0 ? runLogPath(job.report_path, run.attempt) : null,
      message: ending.message,
    }),
    state: ending.state,
    reason: ending.reason,
    started_at: run?.started_at ? new Date(run.started_at).toISOString() : null,
  };
  await storeVerdict(scope, row, entry);
}

function endingOf(row: JobRow): Pick<RunEntry, 'state' | 'reason' | 'message'> {
  if (row.state === 'cancelled') return { state: 'cancelled', reason: 'cancelled', message: null };
  if (row.state === 'failed') return { state: 'failed', reason: 'runner_error', message: NEVER_STARTED };
  return { state: 'lost', reason: 'lost', message: null };
}

async function storeVerdict(scope: Scope, row: JobRow, entry: RunEntry): Promise<void> {
  await scope.store.write(async (tx) => {
    // Judging takes its time. What happened to the job meanwhile goes before.
    const now = await getJob(tx, row.repo_id, row.id);
    if (now?.attempt !== row.attempt || now.state !== row.state) return;
    await patchJob(tx, row.repo_id, row.id, {
      state: entry.state,
      reason: entry.reason,
      verdict: JSON.stringify(entry),
      report_sha: null,
      updated_at: scope.now(),
    });
    // The final reply edits the status too; this is for when the report's commit takes long.
    if (row.ask_key) await enqueue(tx, `status:${row.ask_key}`, scope.now() + STATUS_DELAY_MS);
  });
}
