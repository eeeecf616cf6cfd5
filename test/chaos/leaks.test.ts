import { describe, expect, it } from 'vitest';
import { formsOf } from '../../chaos/leaks.ts';

describe('the search for a secret', () => {
  const secret = 'canary/0a1b2c3d4e5f+=&x';
  const finds = (text: string) => formsOf(secret).some(([, needle]) => text.includes(needle));

  it.each([0, 1, 2, 3, 4])('finds it in base64 behind %i bytes', (offset) => {
    expect(finds(Buffer.from(`${'p'.repeat(offset)}${secret} and more`).toString('base64'))).toBe(true);
  });

  it('finds it plain, in a URL and in JSON, and not where it is not', () => {
    expect(finds(`token=${secret};`)).toBe(true);
    expect(finds(`?token=${encodeURIComponent(secret)}`)).toBe(true);
    expect(finds(JSON.stringify({ secret }))).toBe(true);
    expect(finds('canary/0a1b2c3d4e5f is only its beginning')).toBe(false);
  });
});
