import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRedactor, redactText } from '../../../src/job/secrets/redact.ts';
import { secretForms } from '../../../src/job/secrets/secret-forms.ts';

const inChunks = (text: string, cuts: readonly number[], values: readonly string[]) => {
  const redactor = createRedactor(values);
  let at = 0;
  let output = '';
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    output += redactor.push(text.slice(at, Math.max(at, cut)));
    at = Math.max(at, cut);
  }
  return output + redactor.push(text.slice(at)) + redactor.end();
};

describe('redact', () => {
  const secret = 'p&ss "wörd"/+?';
  it.each([
    ['plain', secret],
    ['URL-encoded', encodeURIComponent(secret)],
    ['form-encoded', new URLSearchParams({ a: secret }).toString().slice(2)],
    ['JSON', JSON.stringify(secret).slice(1, -1)],
    ['JSON in ASCII', 'p&ss \\"w\\u00f6rd\\"/+?'],
    ['base64', Buffer.from(secret).toString('base64').replaceAll('=', '')],
    ['base64url', Buffer.from(secret).toString('base64url')],
  ])('hides the %s form', (_name, form) => {
    expect(redactText(`before ${form} after`, [secret])).toMatch(/^before \*\*\*\S{0,2} after$/);
  });

  it('hides a secret inside a longer text that was encoded, at each alignment', () => {
    for (const lead of ['', 'a', 'ab', 'abc']) {
      const encoded = Buffer.from(`${lead}hunter2-hunter2!tail`).toString('base64');
      const shown = redactText(encoded, ['hunter2-hunter2!']);
      expect(shown).toContain('***');
      expect(Buffer.from(shown.replace('***', ''), 'base64').toString()).not.toContain('hunter');
    }
  });

  it('hides each line of a key, and a key wrapped by base64', () => {
    const key = `-----BEGIN KEY-----\n${'abcdefgh'.repeat(8)}\n${'ijklmnop'.repeat(8)}\n-----END KEY-----\n`;
    expect(redactText(`  ${'ijklmnop'.repeat(8)}`, [key])).toBe('  ***');
    const wrapped =
      Buffer.from(key)
        .toString('base64')
        .match(/.{1,76}/g)
        ?.join('\n') ?? '';
    expect(redactText(wrapped, [key]).replace(/\*\*\*|\n|.?=*/g, '')).toBe('');
  });

  it('hides a secret wherever the chunks are cut', () => {
    const text = `x${secret}yy${secret}${secret}z`;
    const whole = redactText(text, [secret]);
    for (let cut = 0; cut <= text.length; cut += 1) {
      expect(inChunks(text, [cut], [secret]).replace(/(\*\*\*)+/g, '#')).toBe(
        whole.replace(/(\*\*\*)+/g, '#'),
      );
    }
  });

  it('never shows a whole secret, loses no other text, and holds little (property)', () => {
    // Two letters make overlaps, borders and false starts common.
    const word = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 4, maxLength: 6 });
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '-'), maxLength: 60 });
    fc.assert(
      fc.property(
        fc.array(word, { minLength: 1, maxLength: 3 }),
        text,
        fc.array(fc.nat(60), { maxLength: 6 }),
        (values, input, cuts) => {
          const shown = inChunks(input, cuts, values);
          const secret = input.split('').map(() => false);
          for (const value of values) {
            for (let at = input.indexOf(value); at !== -1; at = input.indexOf(value, at + 1))
              secret.fill(true, at, at + value.length);
          }
          const rest = input
            .split('')
            .filter((_, at) => !secret[at])
            .join('');
          expect(shown.replaceAll('***', '')).toBe(rest);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('passes text on at once when no secret can be in it', () => {
    const redactor = createRedactor(['hunter2']);
    expect(redactor.push('hello.')).toBe('hello.');
    expect(redactor.push('hun')).toBe('');
    expect(redactor.push('gry.')).toBe('hungry.');
  });

  it('leaves values alone that are too short to hide', () => {
    expect(secretForms('abc')).toEqual([]);
    expect(redactText('abc', ['abc', ''])).toBe('abc');
  });

  it('is fast enough for a flood', () => {
    const redactor = createRedactor(['a-secret-of-usual-length', 'x'.repeat(4000)]);
    const chunk = 'some ordinary output of a job\n'.repeat(2000);
    const started = performance.now();
    for (let count = 0; count < 100; count += 1) redactor.push(chunk);
    expect(performance.now() - started).toBeLessThan(5000);
  });
});
