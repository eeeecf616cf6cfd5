import { describe, expect, it } from 'vitest';
import { formatCount, formatTime } from '../../src/messages/format.ts';
import { messagesFor } from '../../src/messages/messages.ts';

describe('formatting', () => {
  it('shows a time in the zone of the settings', () => {
    const at = Date.UTC(2025, 10, 22, 15, 4, 5);
    expect(formatTime(at, 'UTC')).toBe('2025-11-22 15:04 UTC');
    expect(formatTime(at, 'Asia/Tokyo')).toBe('2025-11-23 00:04 (Asia/Tokyo)');
  });

  it.each([
    [0.04, '0 s', '0 秒'],
    [0.44, '0.4 s', '0.4 秒'],
    [9.96, '10 s', '10 秒'],
    [59.7, '1 min', '1 分'],
    [72.3, '1 min 12 s', '1 分 12 秒'],
    [3600, '1 h', '1 時間'],
    [5430, '1 h 30 min', '1 時間 30 分'],
    [3599.6, '1 h', '1 時間'],
  ])('%d seconds', (seconds, en, ja) => {
    expect(messagesFor('en').duration({ seconds })).toBe(en);
    expect(messagesFor('ja').duration({ seconds })).toBe(ja);
  });

  it('groups thousands', () => {
    expect([0, 999, 1000, 1234567].map(formatCount)).toEqual(['0', '999', '1,000', '1,234,567']);
  });
});
