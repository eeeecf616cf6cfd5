import { dayOf } from '../job/day.ts';
import { commitTicks, entryOf } from '../report/commit-ticks.ts';
import { jobOf } from '../report/judge-run.ts';
import { contradictionKey } from '../report/propose-correction.ts';
import { saySchedule } from '../report/say-schedule.ts';
import { endHealth, type Health, type Observation, observe, parseHealth } from '../schedule/health.ts';
import { loopLine } from '../schedule/loop-line.ts';
import { nextReport } from '../schedule/next-report.ts';
import { getJob, patchJob } from '../store/jobs.ts';
import { getSchedule, getTick, listUnrecordedTicks, patchSchedule, patchTick } from '../store/schedules.ts';
import type { Tx } from '../store/store.ts';
import type { ScheduleRow, TickRow } from '../store/tables.ts';
import { enqueue } from '../store/work.ts';
import { patienceMs, scheduleOf } from './schedule-row.ts';
import { PAUSED_LOOK_MS, type WorkContext, type WorkResult } from './work.ts';

/** `ticks:<repo>:<name>`: counts, records and tells what the ticks of a schedule came to. */
export async function workOnTicks(c: WorkContext): Promise<WorkResult> {
  const name = c.rest.slice(c.rest.indexOf(':') + 1);
  const { store, repo } = c;
  for (;;) {
    c.signal.throwIfAborted();
    const row = await getSchedule(store.db, repo.id, name);
    if (!row) return 'done';
    const { schedule, job } = scheduleOf(row);
    const health = parseHealth(row.health);
    const ticks = await listUnrecordedTicks(store.db, repo.id, name);
    const now = c.now();
    const waits = health.waiting !== null && row.state === 'active';
    // Nothing is leased in a pause, so nothing is missing.
    if (waits && c.paused) await change(c, name, (known) => ({ ...known, waiting: now }));
    const next = nextReport({
      gone: row.state === 'gone',
      health,
      ticks: ticks.map(({ id, at, state, counted, flipped }) => ({
        id,
        at,
        state,
        counted: counted === 1,
        flipped: flipped === 1,
      })),
      deadline: health.waiting === null || c.paused ? null : health.waiting + patienceMs(job),
      now,
      day: dayOf(now, schedule.time_zone),
    });
    if ('wait' in next) {
      const dueAt = waits && c.paused ? now + PAUSED_LOOK_MS : next.dueAt;
      return dueAt === null ? 'done' : { dueAt };
    }
    switch (next.do) {
      case 'count':
        await store.write((tx) => count(tx, row, next.tick));
        break;
      case 'miss': {
        const late = ticks.find(({ state }) => state === 'open') ?? ticks.at(-1);
        const seen = { kind: 'missing' as const, tick: late?.id ?? health.last ?? '', at: late?.at ?? now };
        await change(c, name, (known) => observe(known, seen).health);
        break;
      }
      case 'end':
        await change(c, name, (known) => endHealth(known, now));
        break;
      case 'record': {
        const recorded = ticks.filter(({ id }) => next.ticks.includes(id));
        const sha = await commitTicks(c, schedule, recorded, {
          health: JSON.stringify(health),
          line: loopLine(health),
        });
        await store.write(async (tx) => {
          for (const tick of recorded) await keepRecorded(tx, tick, sha);
        });
        break;
      }
      case 'say': {
        const open = await saySchedule(c, schedule, next.say);
        await change(c, name, (known) => ({
          ...known,
          pending: known.pending.filter(({ kind, tick }) => kind !== next.say.kind || tick !== next.say.tick),
          open,
        }));
        break;
      }
    }
  }
}

async function change(c: WorkContext, name: string, to: (health: Health) => Health): Promise<void> {
  await c.store.write(async (tx) => {
    const row = await getSchedule(tx, c.repo.id, name);
    if (row)
      await patchSchedule(tx, c.repo.id, name, { health: JSON.stringify(to(parseHealth(row.health))) });
  });
}

/** Takes one tick that has come to something into what is known, once. */
async function count(tx: Tx, { repo_id, name }: ScheduleRow, id: string): Promise<void> {
  const row = await getSchedule(tx, repo_id, name);
  const tick = await getTick(tx, repo_id, id);
  if (!row || !tick || tick.counted === 1 || tick.state === 'open') return;
  const { health, flipped } = observe(parseHealth(row.health), observationOf(tick));
  const answered = tick.state === 'ended' || tick.state === 'missed';
  const open = (await listUnrecordedTicks(tx, repo_id, name)).find(({ state }) => state === 'open');
  const known = answered ? { ...health, waiting: open?.made_at ?? null } : health;
  await patchSchedule(tx, repo_id, name, { health: JSON.stringify(known) });
  await patchTick(tx, repo_id, id, { counted: 1, flipped: flipped ? 1 : 0 });
}

function observationOf(tick: TickRow): Observation {
  const { id, at, state } = tick;
  if (state === 'missed') return { kind: 'missing', tick: id, at };
  const entry = state === 'ended' ? entryOf(tick) : null;
  switch (entry?.state) {
    case 'succeeded':
      return { kind: 'ok', tick: id, at };
    case 'failed':
      return { kind: 'bad', tick: id, at };
    case 'lost':
      return { kind: 'missing', tick: id, at };
    default:
      return { kind: 'none', tick: id, at };
  }
}

/** A run again may have come to something else meanwhile: then that is still to be recorded. */
async function keepRecorded(tx: Tx, tick: TickRow, sha: string): Promise<void> {
  const known = await getTick(tx, tick.repo_id, tick.id);
  if (known?.entry !== tick.entry || known.state !== tick.state) return;
  await patchTick(tx, tick.repo_id, tick.id, { recorded: 1 });
  if (tick.entry === null) return;
  await patchJob(tx, tick.repo_id, tick.id, { report_sha: sha });
  // More of the same says no more than the change did.
  const job = tick.flipped === 1 ? await getJob(tx, tick.repo_id, tick.id) : undefined;
  if (job && jobOf(job).serves?.length) await enqueue(tx, contradictionKey(job));
}
