import { dodNames } from '../job/check-dod.ts';
import { judgeDod } from '../job/dod.ts';
import type { Goal } from '../job/goal.ts';
import {
  buildEntry,
  decodeLog,
  outputsOf,
  type RunEntry,
  renderLog,
  runEntry,
} from '../job/report-format.ts';
import { recordPath } from '../job/report-paths.ts';
import { redactPublished } from '../job/secrets/redact-published.ts';
import { jobOf } from '../report/judge-run.ts';
import { reportPrints } from '../schedule/goal-stops.ts';
import { getJob } from '../store/jobs.ts';
import { readLog, readLogTail } from '../store/logs.ts';
import type { GoalStep, GoalVerdict } from '../store/row-data.ts';
import { latestRun } from '../store/runs.ts';
import type { JobRow } from '../store/tables.ts';
import type { WorkContext } from './work.ts';

/** The end of a goal's job, as the goal is judged by it. */
export interface GoalReport {
  entry: RunEntry;
  /** Path of the record. */
  path: string;
  log: string;
  dod: NonNullable<GoalVerdict['dod']> | null;
  prints: NonNullable<GoalStep['prints']>;
}

const TAIL_BYTES = 32 * 1024;
const LOST = 'its output was lost with the database';

/** Reads a committed report and evaluates the goal's definition of done on it. */
export async function readGoalReport(c: WorkContext, goal: Goal, row: JobRow): Promise<GoalReport> {
  const job = jobOf(row);
  const entry = row.verdict ? runEntry.parse(JSON.parse(row.verdict)) : closed(job.dod, row);
  const run = await latestRun(c.store.db, c.repo.id, row.id);
  const own = run?.attempt === entry.attempt ? run : undefined;
  const log = own
    ? redactPublished(
        renderLog(
          decodeLog(await readLogTail(c.store.db, own.id, TAIL_BYTES)),
          job.kind === 'run_shell' ? job.script : [],
        ),
      )
    : await committedLog(c, entry);
  const outputs = own ? outputsOf(decodeLog(await readLog(c.store.db, own.id))) : null;
  const dod = goal.dod === undefined ? null : await evaluate(goal.dod, entry, outputs);
  const printed = outputs ? `${outputs.stdout}\n${outputs.stderr}` : log;
  return {
    entry,
    path: recordPath(job.report_path),
    log,
    dod,
    prints: reportPrints(entry, printed, dod ? `${dod.verdict} ${dod.detail}` : ''),
  };
}

/** A job that never ran: its PR was closed. */
function closed(dod: string, row: JobRow): RunEntry {
  const entry = buildEntry({ attempt: 1, runner: null, result: null, dodSource: dod, dod: null, log: null });
  return { ...entry, state: 'cancelled', reason: 'cancelled', message: `it never ran: ${row.reason}` };
}

/** After the loss of the database the log is read where it was committed. */
async function committedLog(c: WorkContext, { log }: RunEntry): Promise<string> {
  if (log === null) return '';
  const ref = c.settings.reports.branch ?? c.repo.default_branch;
  const file = await c.client.readFile(log, ref, c.signal);
  return file ? file.text.slice(-TAIL_BYTES) : '';
}

async function evaluate(
  source: string,
  entry: RunEntry,
  outputs: { stdout: string; stderr: string } | null,
): Promise<NonNullable<GoalVerdict['dod']>> {
  if (entry.exit_code === null)
    return { verdict: 'error', detail: `the job gave nothing to judge (${entry.reason})` };
  const names: readonly string[] = dodNames(source);
  if (!outputs && (names.includes('stdout') || names.includes('stderr')))
    return { verdict: 'error', detail: LOST };
  const verdict = await judgeDod(source, {
    exit_code: entry.exit_code,
    stdout: outputs?.stdout ?? '',
    stderr: outputs?.stderr ?? '',
    duration_seconds: entry.duration_seconds ?? 0,
    steps: entry.steps,
    report: entry.report ?? null,
  });
  switch (verdict.kind) {
    case 'met':
      return { verdict: 'met', detail: '' };
    case 'unmet':
      return {
        verdict: 'unmet',
        detail: verdict.saw
          .map(({ name, value }) => `${name} = ${value}`)
          .join(', ')
          .slice(0, 1000),
      };
    case 'error':
      return { verdict: 'error', detail: verdict.message.slice(0, 1000) };
  }
}

/** The row of a goal's job, while it has one. */
export function rowOf(c: WorkContext, step: GoalStep): Promise<JobRow | undefined> {
  return getJob(c.store.db, c.repo.id, step.jobId);
}
