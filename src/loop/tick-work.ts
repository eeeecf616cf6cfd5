import { endWithoutResult, judgeRun } from '../report/judge-run.ts';
import { getJob, patchJob } from '../store/jobs.ts';
import { latestRun } from '../store/runs.ts';
import { getTick, patchTick } from '../store/schedules.ts';
import { enqueue } from '../store/work.ts';
import { currentRun, isJudged } from './run-facts.ts';
import { ticksKey } from './schedule-row.ts';
import type { WorkContext, WorkResult } from './work.ts';

/** Follows the job of a tick to its verdict, and hands that to its schedule, which records and tells it. */
export async function workOnTick(c: WorkContext, id: string): Promise<WorkResult> {
  const { store, repo } = c;
  for (;;) {
    c.signal.throwIfAborted();
    const row = await getJob(store.db, repo.id, id);
    const tick = await getTick(store.db, repo.id, id);
    if (!row || !tick) return 'done';
    const run = currentRun(row, await latestRun(store.db, repo.id, id));
    if (run?.state === 'finished' && !isJudged(row, run)) {
      await judgeRun(c, row, run);
      continue;
    }
    if (!['succeeded', 'failed', 'cancelled', 'lost'].includes(row.state)) return 'done';
    if (!isJudged(row, run)) {
      await endWithoutResult(c, row, run);
      continue;
    }
    if (tick.entry === row.verdict) return 'done';
    await store.write(async (tx) => {
      const now = await getJob(tx, repo.id, id);
      const known = await getTick(tx, repo.id, id);
      if (now?.verdict !== row.verdict || !known) return;
      const state = known.state === 'replaced' ? known.state : 'ended';
      await patchTick(tx, repo.id, id, { state, entry: row.verdict, counted: 0, flipped: 0, recorded: 0 });
      // Its report is its schedule's affair.
      await patchJob(tx, repo.id, id, { report_sha: '', updated_at: c.now() });
      await enqueue(tx, ticksKey(repo.id, tick.schedule));
    });
    return 'done';
  }
}
