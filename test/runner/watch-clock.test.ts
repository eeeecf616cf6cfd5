import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { watchClock } from '../../src/runner/watch-clock.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function watched() {
  const now = { wall: 1_000_000, monotonic: 0 };
  const jumps: number[] = [];
  const stop = watchClock((ms) => jumps.push(ms), { wall: () => now.wall, monotonic: () => now.monotonic });
  return {
    jumps,
    stop,
    tick(wall: number, monotonic: number) {
      now.wall += wall;
      now.monotonic += monotonic;
      vi.advanceTimersByTime(1000);
    },
  };
}

describe('watchClock', () => {
  it.each([
    ['a second passes', 1000, 1000, []],
    ['the process was busy for four seconds', 4000, 4000, []],
    ['the machine slept and the monotonic clock with it (Linux)', 61_000, 1000, [60_000]],
    ['the machine slept and the monotonic clock went on (macOS)', 61_000, 61_000, [60_000]],
    ['the clock was set back', -3_599_000, 1000, [-3_600_000]],
  ])('%s', (_name, wall, monotonic, expected) => {
    const { tick, jumps, stop } = watched();
    tick(1000, 1000);
    tick(wall, monotonic);
    tick(1000, 1000);
    expect(jumps).toEqual(expected);
    stop();
  });
});
