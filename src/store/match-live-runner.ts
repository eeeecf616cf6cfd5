import type { Job } from '../job/job.ts';
import { provedFor, requiredOf, suits, wishRank } from '../job/match-runner.ts';
import type { RunnerMatch } from '../messages/views.ts';
import { listAsleepRunners, listLiveRunners, RUNNER_LIVE_MS } from './runners.ts';
import type { Reader } from './store.ts';

/**
 * Which live runner would take a job now: an idle one first. `runs_on` is a wish list, so its order counts.
 * `ownRun`: the run the job is leased as already; whoever holds it is not busy with something else.
 */
export async function matchLiveRunner(
  db: Reader,
  repository: { owner: string; name: string },
  job: Partial<Pick<Job, 'kind' | 'runs_on' | 'requires' | 'network'>>,
  now: number,
  ownRun?: string,
): Promise<RunnerMatch> {
  const name = `${repository.owner}/${repository.name}`.toLowerCase();
  const live = await listLiveRunners(db, name, now - RUNNER_LIVE_MS);
  const wish = job.runs_on ?? [];
  const busy = (runner: { runId: string | null }) => runner.runId !== null && runner.runId !== ownRun;
  const fitting = live
    .filter((runner) => !runner.draining && suits(job, runner))
    .sort((a, b) => Number(busy(a)) - Number(busy(b)) || wishRank(wish, a.labels) - wishRank(wish, b.labels));
  const best = fitting[0];
  const asleep = best ? [] : await listAsleepRunners(db, name, now);
  const sleeper = asleep
    .filter((runner) => suits(job, runner))
    .sort((a, b) => wishRank(wish, a.labels) - wishRank(wish, b.labels))[0];
  return {
    runner: best?.name ?? null,
    ...(best !== undefined && busy(best) ? { busy: true } : {}),
    ...(sleeper ? { asleep: sleeper.name } : {}),
    wants: [...wish, ...requiredOf(job)],
    proved: best === undefined ? [] : provedFor(job, best.capabilities),
  };
}
