import { describe, expect, it } from 'vitest';
import { dayOf } from '../../src/job/day.ts';

const iso = (ms: number) => new Date(ms).toISOString();

describe('dayOf', () => {
  it.each([
    [
      '2026-11-22T14:59:59.999Z',
      'Asia/Tokyo',
      '2026-11-22',
      '2026-11-21T15:00:00.000Z',
      '2026-11-22T15:00:00.000Z',
    ],
    [
      '2026-11-22T15:00:00.000Z',
      'Asia/Tokyo',
      '2026-11-23',
      '2026-11-22T15:00:00.000Z',
      '2026-11-23T15:00:00.000Z',
    ],
    ['2026-01-01T00:00:00.000Z', 'UTC', '2026-01-01', '2026-01-01T00:00:00.000Z', '2026-01-02T00:00:00.000Z'],
    // 25 hours, 23 hours, and a day that begins at 01:00 because the clock goes forward at midnight.
    [
      '2026-10-25T12:00:00Z',
      'Europe/Berlin',
      '2026-10-25',
      '2026-10-24T22:00:00.000Z',
      '2026-10-25T23:00:00.000Z',
    ],
    [
      '2026-03-29T12:00:00Z',
      'Europe/Berlin',
      '2026-03-29',
      '2026-03-28T23:00:00.000Z',
      '2026-03-29T22:00:00.000Z',
    ],
    [
      '2026-04-24T12:00:00Z',
      'Africa/Cairo',
      '2026-04-24',
      '2026-04-23T22:00:00.000Z',
      '2026-04-24T21:00:00.000Z',
    ],
  ])('of %s in %s', (now, zone, name, start, end) => {
    const day = dayOf(Date.parse(now), zone);
    expect([day.name, iso(day.start), iso(day.end)]).toEqual([name, start, end]);
  });
});
