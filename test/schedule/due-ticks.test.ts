import { describe, expect, it } from 'vitest';
import { dueTicks, MISSED_MAX } from '../../src/schedule/due-ticks.ts';

const iso = (at: number | null) => (at === null ? null : new Date(at).toISOString().slice(0, 16));

/** What is due between two times, as ISO minutes. */
function look(cron: string, time_zone: string, since: string, now: string) {
  const { due, late, missed, next } = dueTicks({ cron, time_zone }, Date.parse(since), Date.parse(now));
  return { due: iso(due), late, missed, next: iso(next) };
}

/** Every tick made between two times by an app that looks when it was told to. */
function ticks(cron: string, time_zone: string, from: string, to: string): string[] {
  const made: string[] = [];
  let since = Date.parse(from);
  for (;;) {
    const { next } = dueTicks({ cron, time_zone }, since, since);
    if (next === null || next > Date.parse(to)) return made;
    const { due } = dueTicks({ cron, time_zone }, since, next);
    if (due !== null) made.push(iso(due) ?? '');
    since = next;
  }
}

describe('what is due', () => {
  it('is a tick in its minute, once, and nothing between ticks', () => {
    const [since, seven] = ['2026-11-22T12:00Z', '2026-11-22T22:00:00Z'];
    expect(look('0 7 * * *', 'Asia/Tokyo', since, '2026-11-22T21:59:59.999Z')).toMatchObject({ due: null });
    expect(look('0 7 * * *', 'Asia/Tokyo', since, seven)).toEqual({
      due: '2026-11-22T22:00',
      late: false,
      missed: 0,
      next: '2026-11-23T22:00',
    });
    expect(look('0 7 * * *', 'Asia/Tokyo', seven, '2026-11-23T00:00Z')).toMatchObject({ due: null });
  });

  it('after three days away is the newest alone, late, and the others are counted', () => {
    expect(look('0 7 * * *', 'Asia/Tokyo', '2026-11-22T12:00Z', '2026-11-25T12:00Z')).toEqual({
      due: '2026-11-24T22:00',
      late: true,
      missed: 2,
      next: '2026-11-25T22:00',
    });
    expect(look('* * * * *', 'UTC', '2026-11-22T12:00:00Z', '2026-11-25T12:00:30Z')).toEqual({
      due: '2026-11-25T12:00',
      late: false,
      missed: MISSED_MAX,
      next: '2026-11-25T12:01',
    });
  });

  it('after years away too, and of what comes once in years', () => {
    expect(look('0 7 * * *', 'Asia/Tokyo', '2016-11-22T12:00Z', '2026-11-25T12:00Z').due).toBe(
      '2026-11-24T22:00',
    );
    expect(look('0 0 29 2 *', 'UTC', '2019-01-01T00:00Z', '2027-01-01T00:00Z')).toMatchObject({
      due: '2024-02-29T00:00',
      missed: 1,
      next: '2028-02-29T00:00',
    });
  });

  it('is nothing when the clock was set back, until it has passed where it was', () => {
    expect(look('0 7 * * *', 'Asia/Tokyo', '2026-11-22T22:00:01Z', '2026-11-22T20:00Z')).toEqual({
      due: null,
      late: false,
      missed: 0,
      next: '2026-11-22T22:00',
    });
  });

  it('when the clock jumps ahead is the newest, as after an absence', () => {
    expect(look('*/5 * * * *', 'UTC', '2026-11-22T12:00:01Z', '2026-11-22T13:02Z')).toMatchObject({
      due: '2026-11-22T13:00',
      late: false,
      missed: 11,
    });
  });
});

describe('changes of the clock by law', () => {
  it.each([
    [
      'a fixed time in the hour that is left out comes at the first minute after it',
      ['30 2 * * *', 'Europe/Berlin', '2026-03-28T00:00Z', '2026-03-31T00:00Z'],
      ['2026-03-28T01:30', '2026-03-29T01:00', '2026-03-30T00:30'],
    ],
    [
      'a fixed time in the hour that comes twice comes once',
      ['30 2 * * *', 'Europe/Berlin', '2026-10-24T00:00Z', '2026-10-27T00:00Z'],
      ['2026-10-24T00:30', '2026-10-25T00:30', '2026-10-26T01:30'],
    ],
    [
      'every hour goes on through the hour that comes twice',
      ['0 * * * *', 'Europe/Berlin', '2026-10-24T23:30Z', '2026-10-25T03:00Z'],
      ['2026-10-25T00:00', '2026-10-25T01:00', '2026-10-25T02:00', '2026-10-25T03:00'],
    ],
    [
      'and through the one that is left out',
      ['0 * * * *', 'Europe/Berlin', '2026-03-28T23:30Z', '2026-03-29T02:00Z'],
      ['2026-03-29T00:00', '2026-03-29T01:00', '2026-03-29T02:00'],
    ],
    [
      'half an hour is a change too',
      ['15 2 * * *', 'Australia/Lord_Howe', '2026-10-03T00:00Z', '2026-10-05T00:00Z'],
      ['2026-10-03T15:30', '2026-10-04T15:15'],
    ],
  ] as const)('%s', (_, [cron, zone, from, to], expected) => {
    expect(ticks(cron, zone, from, to)).toEqual(expected);
  });
});

describe('ends of months', () => {
  it.each([
    [
      'the 31st comes where there is one',
      ['0 7 31 * *', 'Asia/Tokyo', '2026-01-01T00:00Z', '2026-06-30T00:00Z'],
      ['2026-01-30T22:00', '2026-03-30T22:00', '2026-05-30T22:00'],
    ],
    [
      'the last day in every month',
      ['0 7 L * *', 'Asia/Tokyo', '2028-01-01T00:00Z', '2028-05-01T00:00Z'],
      ['2028-01-30T22:00', '2028-02-28T22:00', '2028-03-30T22:00', '2028-04-29T22:00'],
    ],
  ] as const)('%s', (_, [cron, zone, from, to], expected) => {
    expect(ticks(cron, zone, from, to)).toEqual(expected);
  });
});
