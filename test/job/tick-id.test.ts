import { describe, expect, it } from 'vitest';
import { approvedPath, parseTickId, tickId } from '../../src/job/tick-id.ts';

describe('the id of a tick', () => {
  it('names its schedule and its minute, and is read back', () => {
    const tick = { name: 'hello-ready', at: Date.UTC(2026, 10, 22, 22, 0) };
    expect(tickId(tick)).toBe('hello-ready@20261122T2200Z');
    expect(parseTickId(tickId(tick))).toEqual(tick);
    expect(approvedPath(tickId(tick))).toBe('jobs/schedules/hello-ready.json');
    expect(approvedPath('2026-11-22-001')).toBe('jobs/queue/2026-11-22-001.json');
  });

  it.each([
    '2026-11-22-001',
    'a@20261322T2200Z',
    'a@20261122T2460Z',
    'a--b@20261122T2200Z',
    'A@20261122T2200Z',
    '../a@20261122T2200Z',
    `${'a'.repeat(51)}@20261122T2200Z`,
  ])('%s is none', (id) => expect(parseTickId(id)).toBeNull());
});
