import { suits, wishRank } from '../job/match-runner.ts';

/** What a lease needs to know of a queued job. `runs_on`, `requires`, `touches` are parsed. */
export interface QueuedJob {
  repoId: number;
  /** `owner/name` in lower case, as tokens name it. */
  repository: string;
  id: string;
  runsOn: string[];
  requires: string[];
  touches: string[];
  concurrency: string | null;
}

/** What a leased or running job keeps others from. */
export interface ActiveJob {
  repoId: number;
  touches: string[];
  effect: 'read' | 'change';
  concurrency: string | null;
}

/** A live runner that waits for work. */
export interface IdleRunner {
  labels: readonly string[];
  capabilities: readonly string[];
  repositories: readonly string[];
}

/**
 * The first job of `queued` (in their order) that suits the runner and that no active job keeps waiting: by
 * the same `concurrency` key, or by changing something it touches. Both hold within one repository. A job with an
 * ordered wish is left to an idle runner that is wished for more; one that works, sleeps or is gone is not waited for.
 */
export function pickJob(
  queued: readonly QueuedJob[],
  active: readonly ActiveJob[],
  runner: { labels: readonly string[]; capabilities: readonly string[] },
  idle: readonly IdleRunner[] = [],
): QueuedJob | undefined {
  return queued.find(
    (job) =>
      suits({ runs_on: job.runsOn, requires: job.requires }, runner) &&
      !idle.some((other) => isPreferred(job, other, runner)) &&
      !active.some((other) => sharedThing(other, job) !== null),
  );
}

/** What an active job works on that a queued one must wait for; null = nothing. */
export function sharedThing(
  active: ActiveJob,
  job: Pick<QueuedJob, 'repoId' | 'touches' | 'concurrency'>,
): string | null {
  if (active.repoId !== job.repoId) return null;
  if (job.concurrency !== null && job.concurrency === active.concurrency) return job.concurrency;
  if (active.effect !== 'change') return null;
  return job.touches.find((name) => active.touches.includes(name)) ?? null;
}

function isPreferred(job: QueuedJob, other: IdleRunner, runner: { labels: readonly string[] }): boolean {
  return (
    wishRank(job.runsOn, other.labels) < wishRank(job.runsOn, runner.labels) &&
    other.repositories.includes(job.repository) &&
    suits({ runs_on: job.runsOn, requires: job.requires }, other)
  );
}
