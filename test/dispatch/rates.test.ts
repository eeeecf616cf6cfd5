import { describe, expect, it } from 'vitest';
import { createRates } from '../../src/dispatch/rates.ts';

describe('createRates', () => {
  it('lets a burst pass, then says when the next may come', () => {
    const rates = createRates({ burst: 3, perSecond: 0.5 });
    expect([1, 2, 3, 4].map(() => rates.take('a', 1_000))).toEqual([null, null, null, 2]);
    expect(rates.take('b', 1_000)).toBeNull();
    expect(rates.take('a', 2_500)).toBe(1);
    expect(rates.take('a', 3_000)).toBeNull();
    expect(rates.take('a', 3_600_000)).toBeNull();
  });

  it('is not opened by a clock that was set back', () => {
    const rates = createRates({ burst: 1, perSecond: 1 });
    rates.take('a', 10_000);
    expect(rates.take('a', 0)).toBe(1);
  });

  it('remembers a bounded number of keys, and the busy ones longest', () => {
    const rates = createRates({ burst: 1, perSecond: 0.001, keys: 100 });
    rates.take('busy', 0);
    for (let n = 0; n < 1_000; n += 1) {
      rates.take(`address-${n}`, 0);
      expect(rates.take('busy', 0)).not.toBeNull();
    }
    // Forgotten, so it begins anew: what is bounded is the memory.
    expect(rates.take('address-0', 0)).toBeNull();
  });
});
