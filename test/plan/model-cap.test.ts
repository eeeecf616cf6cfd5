import { describe, expect, it } from 'vitest';
import { DEFAULT_SETTINGS } from '../../src/job/settings.ts';
import { dayUsage } from '../../src/plan/model-cap.ts';

describe('dayUsage', () => {
  it('takes a call that has not answered for a full one', () => {
    const usage = dayUsage([{ model: 'gpt-5', input: 0, output: 0, unanswered: 2 }], DEFAULT_SETTINGS, 7);
    expect(usage).toMatchObject({ tokens: 2 * (60_000 + 16_000), unpriced: [], resetsAt: 7 });
    expect(usage.usd).toBeCloseTo(2 * (0.06 * 1.25 + 0.016 * 10));
  });

  it('adds up models and names those without a price', () => {
    const rows = [
      { model: 'gpt-5', input: 1_000_000, output: 0, unanswered: 0 },
      { model: 'own', input: 500, output: 500, unanswered: 0 },
    ];
    expect(dayUsage(rows, DEFAULT_SETTINGS, 0)).toMatchObject({
      tokens: 1_001_000,
      usd: 1.25,
      unpriced: ['own'],
    });
  });
});
