import type { Scope } from '../github/scope.ts';
import type { Job } from '../job/job.ts';
import { parseRecord, type ResultRecord } from '../job/report-format.ts';
import { donePath, recordPath } from '../job/report-paths.ts';

/** The newest check run of a job on a head: what this app, with whatever database, last showed of it. */
export interface ShownJob {
  id: number;
  /** Number of the run it is about, from 1. */
  attempt: number;
  /** It showed more than that the job waits. */
  started: boolean;
}

/** null: nothing was ever shown there. */
export async function shownJob(scope: Scope, headSha: string, jobId: string): Promise<ShownJob | null> {
  const checks = await scope.client.checkRuns(headSha, { name: `guruguru / ${jobId}` }, scope.signal);
  const prefix = `job:${scope.repo.id}:${jobId}:`;
  const shown = checks
    .filter((check) => check.ours && check.externalId.startsWith(prefix))
    .map((check) => ({
      id: check.id,
      attempt: Number(check.externalId.slice(prefix.length)) || 1,
      started: check.status !== 'queued',
    }));
  return shown.toSorted((a, b) => b.attempt - a.attempt)[0] ?? null;
}

/**
 * The end of a job as the repository tells it: its record, or `unreadable` where only the moved file says so.
 * null: it has not ended. `head`: the default branch's commit.
 */
export async function recordedEnd(
  scope: Scope,
  job: Job,
  digest: string,
  at: { head: string; reports: string | null },
): Promise<ResultRecord | 'unreadable' | null> {
  const { client, signal } = scope;
  for (const ref of [at.head, at.reports]) {
    if (ref === null) continue;
    const file = await client.readFile(recordPath(job.report_path), ref, signal);
    const record = file && parseRecord(file.text);
    if (record?.id === job.id && record.job_digest === digest) return record;
  }
  return (await client.readFile(donePath(job.id), at.head, signal)) ? 'unreadable' : null;
}
