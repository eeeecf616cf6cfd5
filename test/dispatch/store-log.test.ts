import { expect, it } from 'vitest';
import { nextTail } from '../../src/dispatch/store-log.ts';

it.each([
  [0, 10_000],
  [9_999, 10_000],
  [10_000, 20_000],
  [59_999, 60_000],
  [60_000, 120_000],
  [119_999, 120_000],
  [150_000, 180_000],
])('brings the tail up to date, %i ms after the start, at %i', (elapsed, due) => {
  expect(nextTail(1_000, 1_000 + elapsed)).toBe(1_000 + due);
});
