import { suits } from '../job/match-runner.ts';

/** What a lease needs to know of a queued job. `runs_on`, `requires`, `touches` are parsed. */
export interface QueuedJob {
  repoId: number;
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

/**
 * The first job of `queued` (in their order) that suits the runner and that no active job keeps waiting: by
 * the same `concurrency` key, or by changing something it touches. Both hold within one repository.
 */
export function pickJob(
  queued: readonly QueuedJob[],
  active: readonly ActiveJob[],
  runner: { labels: readonly string[]; capabilities: readonly string[] },
): QueuedJob | undefined {
  return queued.find(
    (job) =>
      suits({ runs_on: job.runsOn, requires: job.requires }, runner) &&
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
