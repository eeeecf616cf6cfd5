import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { judgeDod } from '../job/dod.ts';
import { type Job, scriptOf } from '../job/job.ts';
import {
  buildEntry,
  decodeLog,
  eventsOf,
  isJudged,
  outputsOf,
  type RunEntry,
  renderLog,
} from '../job/report-format.ts';
import { eventsPath, runLogPath } from '../job/report-paths.ts';
import type { LogRecord } from '../job/run-result.ts';
import type { CodexOptions } from './codex/execute-codex.ts';
import { executeJob } from './execute-job.ts';
import { keepAwake } from './keep-awake.ts';
import { openLogSpool } from './log-spool.ts';

export interface LocalRun {
  entry: RunEntry;
  /** The rendered log, as it is committed. */
  log: string;
  /** What an agent leaves beside the log; paths as in the record. */
  beside: { path: string; text: string }[];
}

/**
 * Runs a job and judges it in this process, for the two forms without an app. The log goes through a spool
 * in `directory`, which bounds memory and leaves the whole of a very long log there.
 */
export async function runLocally(
  job: Job,
  options: Omit<CodexOptions, 'onRecord' | 'onStart'> & {
    attempt: number;
    runner: string;
    directory: string;
    onRecord?: (record: LogRecord) => void;
  },
): Promise<LocalRun> {
  const { attempt, runner, directory, onRecord, ...shell } = options;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const spool = openLogSpool({
    uploadPath: join(directory, `${options.runId}.ndjson`),
    fullPath: join(directory, `${options.runId}.full.ndjson`),
  });
  const result = await executeJob(job, {
    ...shell,
    onStart: keepAwake,
    onRecord: (record) => {
      spool.write(record);
      onRecord?.(record);
    },
  });
  const bytes = spool.finish();
  const records = decodeLog(spool.read(0, bytes));
  spool.close();
  const dod = isJudged({ ...result })
    ? await judgeDod(job.dod, {
        exit_code: result.exit_code,
        ...outputsOf(records),
        duration_seconds: result.duration_seconds,
        steps: result.steps,
        report: result.report ?? null,
      })
    : null;
  const entry = buildEntry({
    attempt,
    runner,
    result: { ...result, log_bytes: bytes },
    dodSource: job.dod,
    dod,
    log: runLogPath(job.report_path, attempt),
    reportPath: job.report_path,
  });
  const { agent } = result;
  return {
    entry,
    log: renderLog(records, scriptOf(job)),
    beside: agent
      ? [
          { path: eventsPath(job.report_path, attempt), text: eventsOf(records) },
          ...(entry.agent?.change.state === 'kept' && entry.agent.change.diff !== null
            ? [{ path: entry.agent.change.diff, text: agent.diff }]
            : []),
        ]
      : [],
  };
}

/** One line for a person: what the run came to, and why. */
export function describeEntry(entry: RunEntry): string {
  const saw = (entry.dod.saw ?? []).map((seen) => `${seen.name} is ${seen.value}`).join(', ');
  const why = {
    dod_met: `the definition of done is met: ${entry.dod.source}`,
    dod_unmet: `the definition of done is not met: ${entry.dod.source}${saw === '' ? '' : ` (${saw})`}`,
    dod_error: `the definition of done could not be judged: ${entry.dod.message ?? entry.dod.source}`,
    killed_by_signal: `the shell was killed by ${entry.signal ?? 'a signal'}`,
    timeout: entry.message ?? 'timeout',
    cancelled: entry.message ?? 'cancelled',
    refused: entry.message ?? 'refused',
    runner_error: entry.message ?? 'the runner failed',
    lost: entry.message ?? 'the run was lost',
  }[entry.reason];
  return `${entry.state}: ${why}`;
}
