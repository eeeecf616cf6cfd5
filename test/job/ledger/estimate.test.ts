import { expect, it } from 'vitest';
import { expectRun } from '../../../src/job/ledger/estimate.ts';

const gke = { name: 'gke', perDay: 800, currency: 'JPY', from: null, until: null };
const job = { timeout_minutes: 10, touches: ['gke'] };
const took = (...seconds: number[]) => seconds.map((one) => ({ seconds: one, usd: null }));

it.each<[string, number[], number | null]>([
  ['nothing to go by', [], null],
  ['one run', [42], 42],
  ['half of them took less', [900, 10, 30, 20], 20],
  ['never more than the time limit', [4_000], 600],
])('%s', (_name, before, seconds) => {
  expect(expectRun(job, took(...before), [gke])).toEqual({
    seconds,
    money: null,
    runs: before.length,
    atMost: 600,
    daily: [{ name: 'gke', money: 'JPY 800' }],
  });
});

it('knows what agents used', () => {
  const before = [0.4, 2, null, 0.1].map((usd) => ({ seconds: 1, usd }));
  expect(expectRun(job, before, []).money).toBe('USD 0.40');
});

it('names only the costs it touches', () => {
  expect(expectRun({ timeout_minutes: 1 }, [], [gke]).daily).toEqual([]);
});
