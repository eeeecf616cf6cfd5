import { describe, expect, it } from 'vitest';
import { parseHealth } from '../../src/schedule/health.ts';
import { nextReport, type ReportFacts, type TickFacts } from '../../src/schedule/next-report.ts';

const NOON = Date.parse('2026-11-22T12:00Z');
const day = { start: NOON - 43_200_000, end: NOON + 43_200_000 };
const health = parseHealth(null);
const tick = (changes: Partial<TickFacts> = {}): TickFacts => ({
  id: 'a@20261122T1100Z',
  at: NOON - 3_600_000,
  state: 'ended',
  counted: true,
  flipped: false,
  ...changes,
});
const open = tick({ id: 'open', state: 'open', counted: false });
const say = { kind: 'failed' as const, tick: 'a@20261122T1100Z', at: NOON };
const quiet: ReportFacts = { gone: false, health, ticks: [], deadline: null, now: NOON, day };

describe('the next thing to do for a schedule', () => {
  it.each<[string, Partial<ReportFacts>, ReturnType<typeof nextReport>]>([
    ['nothing', {}, { wait: 'result', dueAt: null }],
    ['counts what has ended', { ticks: [open, tick({ counted: false })] }, { do: 'count', tick: tick().id }],
    ['waits for what runs', { ticks: [open], deadline: NOON + 5 }, { wait: 'result', dueAt: NOON + 5 }],
    ['misses it when its time is over', { ticks: [open], deadline: NOON }, { do: 'miss' }],
    [
      'once',
      { ticks: [open], deadline: NOON, health: { ...health, missing: true } },
      { wait: 'result', dueAt: null },
    ],
    ['keeps what changed nothing until midnight', { ticks: [tick()] }, { wait: 'day', dueAt: day.end }],
    [
      'or until something is missed',
      { ticks: [tick(), open], deadline: NOON + 5 },
      { wait: 'day', dueAt: NOON + 5 },
    ],
    [
      'records a day that is over',
      { ticks: [tick({ at: day.start - 1 })] },
      { do: 'record', ticks: [tick().id] },
    ],
    [
      'and a change at once, with what came before',
      { ticks: [tick({ id: 'b' }), tick({ flipped: true }), open], health: { ...health, pending: [say] } },
      { do: 'record', ticks: ['b', tick().id] },
    ],
    ['then says it', { health: { ...health, pending: [say] } }, { do: 'say', say }],
    ['ends with its schedule', { gone: true, health: { ...health, open: true } }, { do: 'end' }],
    ['and records what is left', { gone: true, ticks: [tick(), open] }, { do: 'record', ticks: [tick().id] }],
    ['and misses nothing', { gone: true, ticks: [open], deadline: NOON }, { wait: 'result', dueAt: null }],
  ])('%s', (_, facts, expected) => {
    expect(nextReport({ ...quiet, ...facts })).toEqual(expected);
  });
});
