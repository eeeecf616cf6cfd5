import { EVERY_REPOSITORY, pausedRepositories } from '../store/pauses.ts';
import { fullName, listRepositories } from '../store/repositories.ts';
import { listIdleRunners, RUNNER_LIVE_MS } from '../store/runners.ts';
import type { Reader } from '../store/store.ts';
import { listHeld } from '../store/surveys.ts';
import type { ActiveJob, IdleRunner, QueuedJob } from './pick-job.ts';

/** The jobs that wait and those that work, of every active repository that is neither held nor paused. */
export interface Queue {
  /** Longest queued first. */
  queued: QueuedJob[];
  active: ActiveJob[];
  /** Only where a queued job has a wish with an order. */
  idle: IdleRunner[];
}

const NOTHING: Queue = { queued: [], active: [], idle: [] };

export async function readQueue(db: Reader, now: number): Promise<Queue> {
  const repositories = new Map<number, string>();
  const held = await listHeld(db);
  const paused = await pausedRepositories(db);
  if (paused.has(EVERY_REPOSITORY)) return NOTHING;
  for (const row of await listRepositories(db, 'active'))
    if (!held.has(row.id) && !paused.has(row.id)) repositories.set(row.id, fullName(row));
  if (repositories.size === 0) return NOTHING;
  const queued = await db
    .selectFrom('jobs')
    .select(['repo_id', 'id', 'runs_on', 'requires', 'touches', 'concurrency'])
    .where('repo_id', 'in', [...repositories.keys()])
    .where('state', '=', 'queued')
    .orderBy('queued_at')
    .orderBy('id')
    .execute();
  if (queued.length === 0) return NOTHING;
  // By runs and not by the jobs' states: a finished run holds nothing while its report is being written.
  const active = await db
    .selectFrom('runs')
    .innerJoin('jobs', (join) =>
      join.onRef('jobs.repo_id', '=', 'runs.repo_id').onRef('jobs.id', '=', 'runs.job_id'),
    )
    .select(['jobs.repo_id', 'jobs.touches', 'jobs.effect', 'jobs.concurrency'])
    .where('runs.state', 'in', ['leased', 'running'])
    .execute();
  const jobs = queued.map((row) => ({
    repoId: row.repo_id,
    repository: repositories.get(row.repo_id) ?? '',
    id: row.id,
    runsOn: names(row.runs_on),
    requires: names(row.requires),
    touches: names(row.touches),
    concurrency: row.concurrency,
  }));
  const ordered = jobs.some(({ runsOn }) => runsOn.length > 1);
  return {
    queued: jobs,
    idle: ordered ? await listIdleRunners(db, now - RUNNER_LIVE_MS) : [],
    active: active.map((row) => ({
      repoId: row.repo_id,
      touches: names(row.touches),
      effect: row.effect,
      concurrency: row.concurrency,
    })),
  };
}

function names(json: string): string[] {
  return JSON.parse(json) as string[];
}
