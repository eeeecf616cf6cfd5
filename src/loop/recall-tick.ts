import { jobColumns } from '../gate/job-columns.ts';
import { parseJob } from '../job/parse-job.ts';
import { tickJobText } from '../job/schedule/tick-job.ts';
import { parseTickId, schedulePath } from '../job/tick-id.ts';
import { insertJob } from '../store/jobs.ts';
import { getSchedule, insertTick } from '../store/schedules.ts';
import { workOnSchedules } from './compare-schedules.ts';
import { scheduleOf } from './schedule-row.ts';
import type { WorkContext } from './work.ts';

/**
 * Makes the rows of a tick again whose runner tells of it, so that its result counts: the database was lost
 * while it ran. Nothing of it is started. false: no schedule in force brings it.
 */
export async function recallTick(c: WorkContext, id: string): Promise<boolean> {
  const { repo, store } = c;
  const tick = parseTickId(id);
  if (!tick) return false;
  if (!(await getSchedule(store.db, repo.id, tick.name))) await workOnSchedules(c);
  const row = await getSchedule(store.db, repo.id, tick.name);
  if (row?.state !== 'active') return false;
  const text = tickJobText(scheduleOf(row).schedule, tick.at);
  const parsed = parseJob(text, { path: schedulePath(tick.name) });
  if (!parsed.ok) return false;
  const now = c.now();
  return store.write(async (tx) => {
    const made = await insertTick(tx, {
      repo_id: repo.id,
      id,
      schedule: tick.name,
      at: tick.at,
      state: 'open',
      late: 0,
      missed: 0,
      blob_sha: row.blob_sha,
      pr_number: row.pr_number,
      entry: null,
      counted: 0,
      flipped: 0,
      recorded: 0,
      made_at: now,
    });
    if (!made) return false;
    return insertJob(tx, {
      ...jobColumns(repo.id, parsed.job, text, parsed.digest, now),
      // Not to be leased: its runner is at it.
      state: 'lost',
      reason: 'store_lost',
      approval: row.approval,
      ask_key: null,
      pr_number: null,
      head_sha: null,
    });
  });
}
