import { listJobsByState } from '../store/jobs.ts';
import { fullName, getRepository } from '../store/repositories.ts';
import { type LiveRunner, listAsleepRunners, listLiveRunners, RUNNER_LIVE_MS } from '../store/runners.ts';
import { latestRun } from '../store/runs.ts';
import type { Reader } from '../store/store.ts';
import type { JobRow, RunRow, WorkRow } from '../store/tables.ts';
import { listStuck } from '../store/work.ts';

/** What `/status` shows of a repository. */
export interface QueueView {
  /** Longest queued first. */
  queued: JobRow[];
  running: { job: JobRow; run: RunRow }[];
  /** Work items given up on; only keys of the form `<kind>:<repo id>:…`. */
  stuck: WorkRow[];
  /** Live ones, then Macs that are asleep. */
  runners: (LiveRunner & { asleep?: true })[];
}

export async function queueView(db: Reader, repoId: number, now: number): Promise<QueueView> {
  const repository = await getRepository(db, repoId);
  const queued = await listJobsByState(db, ['queued'], repoId);
  const running: QueueView['running'] = [];
  for (const job of await listJobsByState(db, ['leased', 'running'], repoId)) {
    const run = await latestRun(db, repoId, job.id);
    if (run) running.push({ job, run });
  }
  const stuck = (await listStuck(db)).filter((item) => item.key.split(':')[1] === String(repoId));
  const name = repository ? fullName(repository) : '';
  const live = await listLiveRunners(db, name, now - RUNNER_LIVE_MS);
  const asleep = (await listAsleepRunners(db, name, now)).map((one) => ({ ...one, asleep: true as const }));
  return { queued, running, stuck, runners: [...live, ...asleep] };
}
