import { describe, expect, it } from 'vitest';
import { MODEL_PRICES, priceOf, usdOf } from '../../src/job/model-prices.ts';

describe('prices of models', () => {
  it('know a model and its dated snapshots, and nothing that only begins alike', () => {
    expect(priceOf(MODEL_PRICES, 'gpt-5')).toEqual({ input: 1.25, output: 10 });
    expect(priceOf(MODEL_PRICES, 'gpt-5-2025-08-07')).toEqual({ input: 1.25, output: 10 });
    expect(priceOf(MODEL_PRICES, 'gpt-5-pro')).toBeNull();
    expect(priceOf(MODEL_PRICES, 'toString')).toBeNull();
  });

  it('are USD per million tokens', () => {
    expect(usdOf(MODEL_PRICES, 'gpt-5', { input: 2_000_000, output: 100_000 })).toBeCloseTo(3.5);
    expect(usdOf(MODEL_PRICES, 'own-model', { input: 1, output: 1 })).toBeNull();
  });
});
