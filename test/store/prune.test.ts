import { expect, it } from 'vitest';
import { insertJob } from '../../src/store/jobs.ts';
import { appendLog, readLog } from '../../src/store/logs.ts';
import { prune } from '../../src/store/prune.ts';
import { getRun, insertRun } from '../../src/store/runs.ts';
import { insertTick } from '../../src/store/schedules.ts';
import { BACKENDS, emptyPlace } from '../support/backends.ts';
import { jobRow, runRow, tempStore } from '../support/store.ts';

const DAY = 86_400_000;

it.each(BACKENDS)('deletes logs of runs reported long ago, and no other, on %s', async (backend) => {
  const store = await tempStore(await emptyPlace(backend));
  await store.write(async (tx) => {
    await insertJob(tx, jobRow({ id: 'reported', state: 'succeeded', report_sha: 'sha' }));
    await insertJob(tx, jobRow({ id: 'unreported', state: 'succeeded' }));
    const runs = [
      runRow({
        id: 'old',
        job_id: 'reported',
        state: 'finished',
        seen_at: 0,
        result: '{"agent":{"base":"b","diff":"d"}}',
      }),
      runRow({ id: 'young', job_id: 'reported', state: 'finished', seen_at: 20 * DAY }),
      runRow({ id: 'running', job_id: 'reported', state: 'running', seen_at: 0 }),
      runRow({ id: 'only copy', job_id: 'unreported', state: 'finished', seen_at: 0 }),
    ];
    for (const run of runs) {
      await insertRun(tx, run);
      await appendLog(tx, run.id, 0, Buffer.from('log'));
    }
  });
  expect(await prune(store, 31 * DAY)).toBe(1);
  expect(await prune(store, 31 * DAY)).toBe(0);
  expect((await readLog(store.db, 'old')).length).toBe(0);
  expect((await getRun(store.db, 'old'))?.result).toBe('{"agent":{"base":"b","diff":""}}');
  for (const kept of ['young', 'running', 'only copy'])
    expect((await readLog(store.db, kept)).toString()).toBe('log');
});

it.each(BACKENDS)('deletes ticks that the repository has, with their jobs, on %s', async (backend) => {
  const store = await tempStore(await emptyPlace(backend));
  const tick = {
    repo_id: 1,
    schedule: 'a',
    state: 'ended',
    late: 0,
    missed: 0,
    blob_sha: '',
    pr_number: null,
  } as const;
  const rest = { entry: null, counted: 1, flipped: 0, made_at: 0 } as const;
  await store.write(async (tx) => {
    for (const [id, at, recorded] of [
      ['a@old', 0, 1],
      ['a@unrecorded', 0, 0],
      ['a@young', 20 * DAY, 1],
    ] as const) {
      await insertTick(tx, { ...tick, ...rest, id, at, recorded });
      await insertJob(tx, jobRow({ id, state: 'succeeded', report_sha: 'sha' }));
      await insertRun(tx, runRow({ id: `run of ${id}`, job_id: id, state: 'finished', seen_at: at }));
      await appendLog(tx, `run of ${id}`, 0, Buffer.from('log'));
    }
  });
  await prune(store, 31 * DAY);
  const ids = async (table: 'ticks' | 'jobs') =>
    (await store.db.selectFrom(table).select('id').orderBy('id').execute()).map(({ id }) => id);
  expect(await ids('ticks')).toEqual(['a@unrecorded', 'a@young']);
  expect(await ids('jobs')).toEqual(['a@unrecorded', 'a@young']);
  expect((await readLog(store.db, 'run of a@old')).length).toBe(0);
});
