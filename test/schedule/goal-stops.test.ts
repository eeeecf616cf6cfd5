import { describe, expect, it } from 'vitest';
import { goalStop, normalise, reportPrints } from '../../src/schedule/goal-stops.ts';

type Entry = Parameters<typeof reportPrints>[0];
const failed: Entry = { state: 'failed', reason: 'dod_unmet', exit_code: 1, steps: [] };
const step = (exit_code: number, line = 0) => ({ line, exit_code, started_seconds: 0, duration_seconds: 1 });
const failure = (output: string, steps = [step(1)]) => reportPrints({ ...failed, steps }, output, '').failure;

describe('normalise', () => {
  it.each([
    ['FAILED in 0.12s', 'FAILED in 3.4 s'],
    ['2025-11-22T03:04:05.123Z error', '2026-01-01 10:00:00 error'],
    ['at 0x7fff2a object', 'at 0x55aa10 object'],
    ['commit 1a2b3c4d5e', 'commit 99ffee0011'],
    ['cannot open /tmp/run-abc123/x', 'cannot open /tmp/run-zzz/y'],
    ['killed pid 4711', 'killed pid 12'],
    ['\u001b[31mred\u001b[0m', 'red'],
  ])('%s is %s', (a, b) => {
    expect(normalise(a)).toBe(normalise(b));
  });

  it.each([
    ['2 failed', '3 failed'],
    ['test a failed', 'test b failed'],
    ['exit 1', 'exit 12'],
  ])('%s is not %s', (a, b) => {
    expect(normalise(a)).not.toBe(normalise(b));
  });
});

describe('reportPrints', () => {
  it('knows a failure again by its exit code, step and last lines', () => {
    const one = failure('start\nboom in 1.2s\n');
    expect(failure('start\nboom in 7.9s')).toBe(one);
    expect(failure('start\nbang')).not.toBe(one);
    expect(failure('start\nboom in 1.2s', [step(0), step(1, 1)])).not.toBe(one);
    expect(reportPrints({ ...failed, exit_code: 2 }, 'start\nboom in 1.2s', '').failure).not.toBe(one);
  });

  it('sees no failure in a success, and a change in what the DoD saw or the job reported', () => {
    const entry: Entry = { ...failed, state: 'succeeded', reason: 'dod_met', exit_code: 0 };
    const one = reportPrints({ ...entry, report: { left: 2 } }, 'ok', 'left = 2');
    expect(one.failure).toBeNull();
    expect(reportPrints({ ...entry, report: { left: 2 } }, 'ok', 'left = 2')).toEqual(one);
    expect(reportPrints({ ...entry, report: { left: 1 } }, 'ok', 'left = 2').whole).not.toBe(one.whole);
    expect(reportPrints({ ...entry, report: { left: 2 } }, 'ok', 'left = 1').whole).not.toBe(one.whole);
  });
});

describe('goalStop', () => {
  const caps = { max_jobs: 5, max_usd: 1, max_hours: 2 };
  const spent = { usd: 0.2, startedAt: 1_000, now: 2_000 };
  const at = (failureOf: string | null, whole: string) => ({ prints: { failure: failureOf, whole } });

  it.each([
    ['after one report', [at('f', 'a')], {}, null],
    ['the same failure twice', [at('f', 'a'), at(null, 'b'), at('f', 'c')], {}, 'same_failure'],
    ['another failure', [at('f', 'a'), at('g', 'b')], {}, null],
    ['no change between two', [at(null, 'a'), at(null, 'a')], {}, 'no_change'],
    ['as it was before last', [at(null, 'a'), at(null, 'b'), at(null, 'a')], {}, null],
    ['its time is over', [at(null, 'a')], { now: 1_000 + 2 * 3_600_000 }, 'time'],
    ['its money is spent', [at(null, 'a')], { usd: 1 }, 'money'],
    ['its jobs are used', ['a', 'b', 'c', 'd', 'e'].map((one) => at(null, one)), {}, 'jobs'],
    ['one job is left', ['a', 'b', 'c', 'd'].map((one) => at(null, one)), {}, null],
  ])('%s', (_, steps, change, expected) => {
    expect(goalStop(steps, caps, { ...spent, ...change })).toBe(expected);
  });
});
