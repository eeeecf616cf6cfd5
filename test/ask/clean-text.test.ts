import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLEAN_TEXT_MAX_BYTES, cleanText } from '../../src/ask/clean-text.ts';

const clean = (text: string) => cleanText(text).text;

describe('cleanText', () => {
  it.each([
    ['ordinary text', 'Hello, 世界 👍\n\tindented', 'Hello, 世界 👍\n\tindented'],
    ['a comment', 'a <!-- hidden --> b', 'a  b'],
    ['a comment over lines', 'a\n<!-- one\ntwo -->\nb', 'a\n\nb'],
    ['our own marker, forged', 'x <!-- guruguru:status:ask:1:c2 --> y', 'x  y'],
    ['a marker with an invisible character in it', 'x <\u200b!\u2060-- guruguru:1 --> y', 'x  y'],
    ['the shortest comments', 'a<!-->b<!--->c', 'abc'],
    ['nested comments', 'a <!-- <!-- x --> b --> c', 'a  b --> c'],
    ['a comment made by removing one', 'a <!<!-- x -->-- y --> c', 'a <! -- y --> c'],
    ['a comment that never ends', 'a\n  <!-- everything\nbelow', 'a'],
    ['a marker of code that never ends', 'how does `<!--` work?', 'how does `<! --` work?'],
    ['zero-width characters', 'i\u200bg\u200cn\u200do\u2060r\ufeffe', 'ignore'],
    ['bidirectional overrides', 'a\u202ecba\u202c\u2066x\u2069', 'acbax'],
    ['tag characters', `a${String.fromCodePoint(0xe0041, 0xe0042)}b`, 'ab'],
    ['variation selectors', `a${String.fromCodePoint(0xfe0f, 0xe0101)}b`, 'ab'],
    ['fillers', 'a\u115f\u3164\uffa0\u034fb', 'ab'],
    ['control characters', 'a\u0000\u0007\u001b[31mb\u007f', 'a[31mb'],
    ['lone surrogates', 'a\ud800b', 'ab'],
    ['other line ends', 'a\r\nb\rc\u2028d\u2029e\u0085f', 'a\nb\nc\nd\ne\nf'],
    ['white space around it', '\n\n  a \n', 'a'],
  ])('cleans %s', (_, text, expected) => {
    expect(clean(text)).toBe(expected);
  });

  it('clips to 16 KiB and says how much is missing', () => {
    const { text, clipped } = cleanText('x'.repeat(65_536));
    expect(clipped).toBe(true);
    expect(text.startsWith('x'.repeat(CLEAN_TEXT_MAX_BYTES))).toBe(true);
    expect(text).toContain('49152 of 65536 bytes left out');
    expect(cleanText('x'.repeat(CLEAN_TEXT_MAX_BYTES)).clipped).toBe(false);
  });

  it('never halves a character', () => {
    const { text } = cleanText('あ'.repeat(10), 10);
    expect(text).toMatch(/^あああ\n\[… 20 of 30 bytes left out\]$/);
  });

  it('takes no longer than the text is long', () => {
    const texts = [
      '<!--'.repeat(16_384),
      '<!<!---->--'.repeat(6000),
      '-->'.repeat(20_000),
      '\u200b'.repeat(65_536),
    ];
    const started = performance.now();
    for (const text of texts) cleanText(text);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('leaves nothing hidden in any text', () => {
    const bit = fc.constantFrom(
      '<!--',
      '-->',
      '<',
      '!',
      '--',
      '>',
      '\u200b',
      'a',
      '\n',
      ' ',
      '\u202e',
      '<!-',
    );
    fc.assert(
      fc.property(fc.array(bit, { maxLength: 30 }), (bits) => {
        const text = clean(bits.join(''));
        expect(text).not.toContain('<!--');
        expect(text).not.toMatch(/[\u200b\u202e]/);
        expect(clean(text)).toBe(text);
      }),
    );
  });
});
