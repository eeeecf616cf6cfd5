import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clipToTokens, estimateTokens } from '../../src/ask/context-tokens.ts';

describe('estimateTokens', () => {
  it.each([
    ['', 0],
    ['a', 1],
    ['word', 1],
    ['words', 2],
    ['日本語', 3],
    ['日本語 text', 5],
    ['👍', 1],
  ])('counts %j as %i', (text, tokens) => {
    expect(estimateTokens(text)).toBe(tokens);
  });
});

describe('clipToTokens', () => {
  it('keeps a text that fits', () => {
    expect(clipToTokens('日本語', 3)).toEqual({ text: '日本語', clipped: false });
  });

  it('cuts at a line where that costs less than half', () => {
    expect(clipToTokens('one two\nthree four', 3)).toEqual({ text: 'one two', clipped: true });
    expect(clipToTokens('a\nbcdefghijklmnop', 2)).toEqual({ text: 'a\nbcdefg', clipped: true });
  });

  it('gives the beginning, never more than asked for', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(20), (text, max) => {
        const { text: head, clipped } = clipToTokens(text, max);
        expect(text.startsWith(head)).toBe(true);
        expect(estimateTokens(head)).toBeLessThanOrEqual(max);
        expect(clipped).toBe(head !== text);
      }),
    );
  });
});
