import { describe, expect, it } from 'vitest';
import { nextJobId } from '../../src/job/job-id.ts';

const NOON = new Date('2025-11-22T12:00:00Z');

describe('nextJobId', () => {
  it.each([
    [[], '2025-11-22-001'],
    [['2025-11-22-001'], '2025-11-22-002'],
    [['2025-11-22-007', '2025-11-22-003'], '2025-11-22-008'],
    [['2025-11-21-050', '2025-11-23-009', 'notes', '2025-11-22-', '2025-11-22-5'], '2025-11-22-001'],
    [['2025-11-22-999'], '2025-11-22-1000'],
    [['2025-11-22-1000', '2025-11-22-999'], '2025-11-22-1001'],
    [['2025-11-22-99999999999999999999'], '2025-11-22-100000000000000000000'],
  ])('after %j comes %s', (taken, id) => {
    expect(nextJobId(taken, NOON, 'UTC')).toBe(id);
  });

  it.each([
    ['UTC', '2025-12-31-001'],
    ['Asia/Tokyo', '2026-01-01-001'],
    ['America/Los_Angeles', '2025-12-31-001'],
  ])('dates it in %s', (timeZone, id) => {
    expect(nextJobId([], new Date('2025-12-31T15:00:00Z'), timeZone)).toBe(id);
  });

  it('throws for a time zone that does not exist', () => {
    expect(() => nextJobId([], NOON, 'Mars/Phobos')).toThrow(RangeError);
  });
});
