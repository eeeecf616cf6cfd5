import { describe, expect, it } from 'vitest';
import { createScenarios } from '../../chaos/scenario.ts';
import { random } from '../../chaos/support/random.ts';

describe('the randomness of a campaign', () => {
  it('comes from the seed alone', () => {
    expect(createScenarios(7, 50, 60_000)).toEqual(createScenarios(7, 50, 60_000));
    expect(createScenarios(7, 50, 60_000)).not.toEqual(createScenarios(8, 50, 60_000));
  });

  it('gives each concern a stream of its own', () => {
    const draw = (concern: string) => Array.from({ length: 5 }, random(1, concern).next);
    expect(draw('kill')).toEqual(draw('kill'));
    expect(draw('kill')).not.toEqual(draw('cut'));
  });

  it('is even, within bounds and weighted as told', () => {
    const r = random(3, 'evenness');
    const drawn = Array.from({ length: 20_000 }, () => r.next());
    expect(drawn.every((value) => value >= 0 && value < 1)).toBe(true);
    expect(drawn.reduce((sum, value) => sum + value, 0) / drawn.length).toBeCloseTo(0.5, 1);
    const picked = Array.from({ length: 10_000 }, () => r.weighted({ often: 9, seldom: 1, never: 0 }));
    expect(picked.filter((key) => key === 'seldom').length / picked.length).toBeCloseTo(0.1, 1);
    expect(picked).not.toContain('never');
  });
});
