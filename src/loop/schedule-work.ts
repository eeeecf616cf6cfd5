import { cancelJob } from '../dispatch/cancel.ts';
import { queueJob } from '../dispatch/queue-job.ts';
import { endSchedule } from '../gate/admit-schedules.ts';
import { jobColumns } from '../gate/job-columns.ts';
import { parseJob } from '../job/parse-job.ts';
import type { Schedule } from '../job/schedule/schedule.ts';
import { tickJobText } from '../job/schedule/tick-job.ts';
import { parseTickId, schedulePath, tickId } from '../job/tick-id.ts';
import { type DueTicks, dueTicks } from '../schedule/due-ticks.ts';
import { parseHealth } from '../schedule/health.ts';
import { getJob, insertJob, listJobsByState, patchJob } from '../store/jobs.ts';
import {
  getSchedule,
  insertTick,
  listUnrecordedTicks,
  patchSchedule,
  patchTick,
} from '../store/schedules.ts';
import type { Reader, Tx } from '../store/store.ts';
import type { JobRow, ScheduleRow, TickRow } from '../store/tables.ts';
import { enqueue } from '../store/work.ts';
import { patienceMs, scheduleOf, ticksKey } from './schedule-row.ts';
import { PAUSED_LOOK_MS, type WorkContext, type WorkResult } from './work.ts';

/**
 * `schedule:<repo>:<name>`: makes the tick that is due, and says when the next one is. The file must stand on
 * the default branch as it was approved, which is asked of GitHub for each tick.
 */
export async function workOnSchedule(c: WorkContext): Promise<WorkResult> {
  const name = c.rest.slice(c.rest.indexOf(':') + 1);
  const { store, repo, settings } = c;
  const row = await getSchedule(store.db, repo.id, name);
  if (!row) return 'done';
  await takeBack(c, row);
  if (row.state !== 'active') {
    await store.write((tx) => enqueue(tx, ticksKey(repo.id, name)));
    return 'done';
  }
  const { schedule, job } = scheduleOf(row);
  if (schedule.paused) return 'done';
  const now = c.now();
  // The clock was set back: what ran while it was ahead has its row, and is not made again.
  const since = Math.min(row.since, now);
  const ticks = dueTicks(schedule, since, now);
  const next: WorkResult = ticks.next === null ? 'done' : { dueAt: ticks.next };
  if (ticks.due === null) {
    if (since !== row.since) await store.write((tx) => patchSchedule(tx, repo.id, name, { since }));
    return next;
  }
  if (c.paused || settings.dispatch === 'git') return { dueAt: now + PAUSED_LOOK_MS };
  const file = await c.client.readFile(schedulePath(name), repo.default_branch, c.signal);
  if (!file) {
    await store.write((tx) => endSchedule(tx, c, name, null));
    return 'done';
  }
  const stands = file.blobSha === row.blob_sha;
  await store.write(async (tx) => {
    const known = await getSchedule(tx, repo.id, name);
    // Another app, or another approval, came between.
    if (known?.state !== 'active' || known.blob_sha !== row.blob_sha || known.since !== row.since) return;
    const made = stands && (await makeTick(tx, c, row, schedule, ticks));
    const health = parseHealth(known.health);
    await patchSchedule(tx, repo.id, name, {
      since: now,
      ...(made && health.waiting === null ? { health: JSON.stringify({ ...health, waiting: now }) } : {}),
      updated_at: now,
    });
    if (made) {
      await enqueue(tx, ticksKey(repo.id, name));
      await enqueue(tx, ticksKey(repo.id, name), now + patienceMs(job));
    }
  });
  // What stands there is somebody's change: it is looked at, and said.
  if (!stands) await store.write((tx) => enqueue(tx, `schedules:${repo.id}`));
  return next;
}

/** A file that was changed or taken away is a no to what waits of the one before. */
async function takeBack(c: WorkContext, row: ScheduleRow): Promise<void> {
  const isPast = ({ blob_sha }: TickRow) => row.state === 'gone' || blob_sha !== row.blob_sha;
  const open = async (db: Reader) =>
    (await listUnrecordedTicks(db, row.repo_id, row.name)).filter(
      (tick) => tick.state === 'open' && isPast(tick),
    );
  if ((await open(c.store.db)).length === 0) return;
  await c.store.write(async (tx) => {
    for (const { id } of await open(tx)) {
      const job = await getJob(tx, row.repo_id, id);
      if (job?.state === 'queued' || job?.state === 'leased')
        await cancelJob(tx, row.repo_id, id, 'schedule', c.now());
    }
  });
}

/** One row a tick, whoever makes it and however often. false: it is there already. */
async function makeTick(
  tx: Tx,
  c: WorkContext,
  row: ScheduleRow,
  schedule: Schedule,
  { due, late, missed }: DueTicks,
): Promise<boolean> {
  if (due === null) return false;
  const now = c.now();
  const before = await atWork(tx, row);
  const busy = before.some((other) => other.state !== 'queued');
  const state = late && schedule.catch_up === 'none' ? 'missed' : busy ? 'skipped' : 'open';
  const tick: TickRow = {
    repo_id: row.repo_id,
    id: tickId({ name: row.name, at: due }),
    schedule: row.name,
    at: due,
    state,
    late: late ? 1 : 0,
    missed,
    blob_sha: row.blob_sha,
    pr_number: row.pr_number,
    entry: null,
    counted: 0,
    flipped: 0,
    recorded: 0,
    made_at: now,
  };
  if (!(await insertTick(tx, tick))) return false;
  if (state !== 'open') return true;
  let queuedAt = now;
  for (const other of before) {
    // No runner has taken it: the newer one takes its place in the queue.
    queuedAt = Math.min(queuedAt, other.queued_at ?? now);
    await patchTick(tx, row.repo_id, other.id, { state: 'replaced' });
    await cancelJob(tx, row.repo_id, other.id, 'schedule', now);
  }
  await queueTick(tx, row, { id: tick.id, text: tickJobText(schedule, due), at: now, queuedAt });
  return true;
}

async function queueTick(
  tx: Tx,
  row: ScheduleRow,
  { id, text, at, queuedAt }: { id: string; text: string; at: number; queuedAt: number },
): Promise<void> {
  const parsed = parseJob(text, { path: schedulePath(row.name) });
  if (!parsed.ok) throw new Error(`the job of ${id} does not parse: ${parsed.findings[0]?.message}`);
  const inserted = await insertJob(tx, {
    ...jobColumns(row.repo_id, parsed.job, text, parsed.digest, at),
    approval: row.approval,
    ask_key: null,
    pr_number: null,
    head_sha: null,
  });
  if (!inserted) return;
  await queueJob(tx, row.repo_id, id, at);
  await patchJob(tx, row.repo_id, id, { queued_at: queuedAt });
}

/** The jobs of earlier ticks that wait or run, also one that somebody retried. */
async function atWork(tx: Tx, row: ScheduleRow): Promise<JobRow[]> {
  const jobs = await listJobsByState(tx, ['queued', 'leased', 'running'], row.repo_id);
  return jobs.filter(({ id }) => parseTickId(id)?.name === row.name);
}
