import { getJob, patchJob } from '../store/jobs.ts';
import { insertRun, latestRun } from '../store/runs.ts';
import type { Tx } from '../store/store.ts';
import type { JobRow, RunRow } from '../store/tables.ts';
import type { OfferClaims } from './offer-token.ts';

export type Adoption =
  | { kind: 'adopted'; run: RunRow; job: JobRow }
  /** The job has moved on without this run. */
  | { kind: 'replaced' }
  /** The job was not read from the repository yet. */
  | { kind: 'unknown_job' };

/**
 * A run this database does not know, with an offer this app signed: the database was lost while the job
 * ran. Its row is made again as `lost`, as its job is after such a loss, so that its result still counts.
 */
export async function adoptRun(tx: Tx, claims: OfferClaims, process: string, now: number): Promise<Adoption> {
  const job = await getJob(tx, claims.repository, claims.job);
  if (!job) return { kind: 'unknown_job' };
  const latest = await latestRun(tx, job.repo_id, job.id);
  const newer = latest !== undefined && latest.fence > claims.fence;
  if (newer || job.state !== 'lost' || job.digest !== claims.digest) return { kind: 'replaced' };
  const run: RunRow = {
    id: claims.run,
    repo_id: job.repo_id,
    job_id: job.id,
    attempt: claims.attempt,
    state: 'lost',
    fence: claims.fence,
    runner: 'unknown',
    process,
    lease_expires_at: now,
    seen_at: now,
    started_at: null,
    finished_at: now,
    cancelled_by: null,
    result: null,
    log_bytes: 0,
  };
  await insertRun(tx, run);
  const attempt = Math.max(job.attempt, claims.attempt);
  await patchJob(tx, job.repo_id, job.id, { attempt, updated_at: now });
  return { kind: 'adopted', run, job: { ...job, attempt } };
}
