import { describe, expect, it } from 'vitest';
import { insertAsk } from '../../src/store/asks.ts';
import { insertJob } from '../../src/store/jobs.ts';
import { listCallsSince, listJudgedSince, listJudgedTouching } from '../../src/store/ledger-rows.ts';
import { recordModelCall } from '../../src/store/model-calls.ts';
import { getReading, insertReading } from '../../src/store/readings.ts';
import { BACKENDS, emptyPlace } from '../support/backends.ts';
import { jobRow, tempStore } from '../support/store.ts';

const ask = {
  key: 'ask:1:c1',
  repo_id: 1,
  thread: 7,
  source: 'c',
  source_id: 1,
  on_pull: 0,
  login: 'ada',
  text: 'x',
  edited: 0,
  language: 'en',
  state: 'ended',
  reason: null,
  revision: 1,
  job_id: '2025-11-22-001',
  pr_number: null,
  data: '{}',
  created_at: 1,
  updated_at: 1,
} as const;

describe.each(BACKENDS)('on %s', (backend) => {
  const open = async () => tempStore(await emptyPlace(backend));

  it('finds the calls of a repository with the job they planned, and those of no other', async () => {
    const store = await open();
    const call = (id: string, ask_key: string, at: number) => ({
      id,
      ask_key,
      model: 'gpt-5',
      input_tokens: 3,
      output_tokens: 4,
      outcome: 'ok',
      at,
    });
    await store.write(async (tx) => {
      await insertAsk(tx, ask);
      await recordModelCall(tx, call('a', 'ask:1:c1', 10));
      await recordModelCall(tx, call('b', 'job:1:hello@20261122T2200Z', 20));
      await recordModelCall(tx, call('old', 'ask:1:c1', 9));
      await recordModelCall(tx, call('other', 'ask:11:c1', 10));
    });
    const found = await listCallsSince(store.db, 1, 10);
    expect(found.map(({ id, job_id, goal_id }) => ({ id, job_id, goal_id }))).toEqual([
      { id: 'a', job_id: '2025-11-22-001', goal_id: null },
      { id: 'b', job_id: null, goal_id: null },
    ]);
  });

  it('finds what was judged, by time and by what it touches', async () => {
    const store = await open();
    const touches = '["gke"]';
    await store.write(async (tx) => {
      await insertJob(tx, jobRow({ id: '2025-11-22-001', verdict: '{}', touches, updated_at: 5 }));
      await insertJob(tx, jobRow({ id: '2025-11-22-002', verdict: '{}', updated_at: 6 }));
      await insertJob(tx, jobRow({ id: '2025-11-22-003', touches, updated_at: 7 }));
      await insertJob(tx, jobRow({ id: '2025-11-22-004', verdict: '{}', touches, updated_at: 8 }));
    });
    const ids = (rows: { id: string }[]) => rows.map(({ id }) => id.slice(-1)).join('');
    expect(ids(await listJudgedSince(store.db, 1, 6))).toBe('24');
    expect(ids(await listJudgedTouching(store.db, 1, touches, 9))).toBe('41');
    expect(ids(await listJudgedTouching(store.db, 1, touches, 1))).toBe('4');
  });

  it('keeps a reading as it was first stored', async () => {
    const store = await open();
    const row = { key: 'reading:1:x', path: 'STATE.md', base: 'a', blob: 'b', body: '1', model: 'm', at: 1 };
    await store.write((tx) => insertReading(tx, row));
    await store.write((tx) => insertReading(tx, { ...row, body: '2' }));
    expect(await getReading(store.db, row.key)).toEqual(row);
  });
});
