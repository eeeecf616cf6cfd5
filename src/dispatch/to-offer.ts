import { approvedPath, parseTickId } from '../job/tick-id.ts';
import { LEASE_TIMES, type Lease } from './lease.ts';
import { type SigningKey, signOffer } from './offer-token.ts';
import type { Offer } from './protocol.ts';

/** What the runner gets of a lease. */
export function toOffer(
  { repository, job, run, pull, goalPull }: Lease,
  key: SigningKey,
  times = LEASE_TIMES,
): Offer {
  return {
    run: run.id,
    attempt: run.attempt,
    repository: `${repository.owner}/${repository.name}`,
    job_id: job.id,
    file: job.file,
    digest: job.digest,
    fence: run.fence,
    ttl_seconds: times.ttlMs / 1_000,
    repository_id: repository.id,
    ...(pull === null ? {} : { pull }),
    ...(goalPull === null ? {} : { goal_pull: goalPull }),
    ...(parseTickId(job.id) ? { schedule: approvedPath(job.id) } : {}),
    token: signOffer(key, {
      repository: repository.id,
      job: job.id,
      run: run.id,
      attempt: run.attempt,
      fence: run.fence,
      digest: job.digest,
      runner: run.runner,
    }),
  };
}
