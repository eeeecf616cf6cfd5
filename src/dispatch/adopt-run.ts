import { getJob, patchJob } from '../store/jobs.ts';
import { insertRun, latestRun, patchRun } from '../store/runs.ts';
import type { Tx } from '../store/store.ts';
import { isHeld } from '../store/surveys.ts';
import type { JobRow, RunRow } from '../store/tables.ts';
import { enqueue } from '../store/work.ts';
import { raiseFence } from './fence.ts';
import { LEASE_TTL_MS, LEASES_KEY } from './lease.ts';
import { moveJob } from './move-job.ts';
import type { OfferClaims } from './offer-token.ts';

export type Adoption =
  | { kind: 'adopted'; run: RunRow; job: JobRow }
  /** The job has moved on without this run. */
  | { kind: 'replaced' }
  /** The job was not read from the repository yet. */
  | { kind: 'unknown_job' };

/**
 * A started run this database does not know, with an offer this app signed: the database was lost, or put
 * back to an older state, while the job ran. Its row is made again, and the job runs or, when people were
 * told that it is lost, has a result to come. A later run, or somebody's `/retry`, comes before it.
 */
export async function adoptRun(tx: Tx, claims: OfferClaims, process: string, now: number): Promise<Adoption> {
  const job = await getJob(tx, claims.repository, claims.job);
  if (!job || job.state === 'proposed' || (await isHeld(tx, claims.repository)))
    return { kind: 'unknown_job' };
  const latest = await latestRun(tx, job.repo_id, job.id);
  if (latest !== undefined && latest.fence >= claims.fence) return { kind: 'replaced' };
  if (job.digest !== claims.digest || !mayBeRunning(job, claims)) return { kind: 'replaced' };

  const told = job.state === 'lost' && job.verdict !== null;
  if (latest && ['leased', 'running'].includes(latest.state))
    await patchRun(tx, latest.id, { state: 'lost', finished_at: now });
  const run: RunRow = {
    id: claims.run,
    repo_id: job.repo_id,
    job_id: job.id,
    attempt: claims.attempt,
    state: told ? 'lost' : 'running',
    fence: claims.fence,
    runner: claims.runner ?? 'unknown',
    process,
    lease_expires_at: now + LEASE_TTL_MS,
    seen_at: now,
    started_at: now,
    finished_at: told ? now : null,
    cancelled_by: null,
    result: null,
    log_bytes: 0,
  };
  await insertRun(tx, run);
  await raiseFence(tx, claims.fence);
  await enqueue(tx, LEASES_KEY, run.lease_expires_at);
  const { attempt } = claims;
  if (told) await patchJob(tx, job.repo_id, job.id, { attempt, updated_at: now });
  else await moveJob(tx, job, { kind: 'heard' }, now, { attempt, verdict: null, report_sha: null });
  const adopted = await getJob(tx, job.repo_id, job.id);
  return adopted ? { kind: 'adopted', run, job: adopted } : { kind: 'unknown_job' };
}

/** Whether a run of this number can be the job's last: nobody has said `/retry` since, nor has it ended. */
function mayBeRunning(job: JobRow, { attempt }: OfferClaims): boolean {
  switch (job.state) {
    case 'lost':
    case 'queued':
    case 'leased':
    case 'running':
      return attempt >= job.attempt;
    case 'succeeded':
    case 'failed':
    case 'cancelled':
      return attempt > job.attempt;
    default:
      return false;
  }
}
