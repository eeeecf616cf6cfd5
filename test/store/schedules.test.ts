import { expect, it } from 'vitest';
import { insertTick } from '../../src/store/schedules.ts';
import type { Store } from '../../src/store/store.ts';
import type { TickRow } from '../../src/store/tables.ts';
import { BACKENDS, emptyPlace } from '../support/backends.ts';
import { tempStore } from '../support/store.ts';

const tick: TickRow = {
  repo_id: 1,
  id: 'hello@20261122T2200Z',
  schedule: 'hello',
  at: 0,
  state: 'open',
  late: 0,
  missed: 0,
  blob_sha: '',
  pr_number: null,
  entry: null,
  counted: 0,
  flipped: 0,
  recorded: 0,
  made_at: 0,
};

it.each(BACKENDS)('makes a tick once, however many try at one time, on %s', async (backend) => {
  const place = await emptyPlace(backend);
  const stores: Store[] = [await tempStore(place)];
  if (backend === 'postgres') stores.push(await tempStore(place));
  const tries = Array.from({ length: 12 }, (_, n) => stores[n % stores.length]);
  const made = await Promise.all(
    tries.map((store, n) => store?.write((tx) => insertTick(tx, { ...tick, made_at: n }))),
  );
  expect(made.filter(Boolean)).toHaveLength(1);
  expect(await stores[0]?.db.selectFrom('ticks').selectAll().execute()).toHaveLength(1);
});
