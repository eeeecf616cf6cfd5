import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clip, tail } from '../../src/messages/plain-text.ts';

describe('clip', () => {
  it('cuts at the end and says so', () => {
    expect(clip('abcdef', 6)).toBe('abcdef');
    expect(clip('abcdef', 4)).toBe('abc…');
    expect(clip('a😀b', 3)).toBe('a…');
    expect(clip('abc', 0)).toBe('');
  });

  it('is never too long and never breaks a character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(20), (text, max) => {
        const cut = clip(text, max);
        expect(cut.length).toBeLessThanOrEqual(max);
        expect(cut.isWellFormed()).toBe(true);
      }),
    );
  });
});

describe('tail', () => {
  it('keeps the last lines without trailing blank ones', () => {
    expect(tail('a\nb\nc\n\n', 2)).toBe('b\nc');
  });

  it('shows what a progress bar ended with', () => {
    expect(tail('10%\r20%\r100%\r\ndone\r\n', 5)).toBe('100%\ndone');
    expect(tail('10%\r20%\r', 5)).toBe('20%');
  });

  it('strips colours', () => {
    expect(tail('\u001b[32mok\u001b[0m', 5)).toBe('ok');
  });

  it('cuts one long line from the left', () => {
    expect(tail('abcdef', 5, 4)).toBe('…def');
  });
});
