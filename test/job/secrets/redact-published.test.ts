import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactPublished } from '../../../src/job/secrets/redact-published.ts';

// Joined at run time: a whole token in a source file would trip scanners.
const t = (...parts: string[]) => parts.join('');
const A36 = 'aB3'.repeat(12);

const SECRETS: [kind: string, secret: string][] = [
  ['github', t('ghp', '_', A36)],
  ['github', t('gho', '_', A36)],
  ['github', t('ghs', '_', A36, '.', A36)],
  ['github', t('github', '_pat_', '11ABCDEFG0', '_', A36)],
  ['guruguru', t('ggr', '_', A36)],
  ['openai', t('sk', '-', A36)],
  ['openai', t('sk', '-proj-', A36, '-x_', A36)],
  ['aws', t('AKIA', 'IOSFODNN7EXAMPLE')],
  ['slack', t('xox', 'b-', '123456789012-', A36)],
  ['google', t('AI', 'za', 'aB3'.repeat(11), 'xy')],
  ['google', t('ya', '29.', A36)],
  ['gitlab', t('glpat', '-', 'aB3'.repeat(7))],
  ['npm', t('npm', '_', A36)],
  ['jwt', t('ey', 'J', A36, '.ey', 'J', A36, '.', A36)],
];

describe('redactPublished', () => {
  it.each(SECRETS)('%s %s', (kind, secret) => {
    expect(redactPublished(`export TOKEN=${secret}\nnext`)).toBe(`export TOKEN=[redacted:${kind}]\nnext`);
    expect(redactPublished(`"${secret}"`)).toBe(`"[redacted:${kind}]"`);
    expect(redactPublished(secret)).toBe(`[redacted:${kind}]`);
  });

  it('takes a private key as a whole, also one cut short', () => {
    const key = t('-----BEGIN RSA PRIVATE', ' KEY-----\nMIIE\nabc=\n-----END RSA PRIVATE', ' KEY-----');
    expect(redactPublished(`a\n${key}\nb`)).toBe('a\n[redacted:private-key]\nb');
    expect(redactPublished(key.slice(0, 40))).toBe('[redacted:private-key]');
  });

  it('keeps what stands around a password', () => {
    expect(redactPublished('git clone https://bot:hunter2@github.com/o/r')).toBe(
      'git clone https://bot:[redacted:password]@github.com/o/r',
    );
    expect(redactPublished('Authorization: Bearer abcdefghijkl')).toBe(
      'Authorization: Bearer [redacted:authorization]',
    );
    expect(redactPublished(`aws_secret_access_key = ${'aB3/'.repeat(10)}`)).toBe(
      'aws_secret_access_key = [redacted:aws]',
    );
    expect(redactPublished(`https://x-access-token:${t('ghs', '_', A36)}@github.com/o/r`)).toBe(
      'https://x-access-token:[redacted:password]@github.com/o/r',
    );
    // Not skipped because it looks like our own mark.
    expect(redactPublished('https://bot:x]@h')).toBe('https://bot:[redacted:password]@h');
  });

  it.each([
    'task-abcdefghijklmnopqrstuvwxyz1',
    'sk-learn-some-long-package-name',
    '3f786850e387550fdab836ed7e6dc881de23001b',
    'https://github.com/o/r/pull/12',
    'sha512-abc and eyJ alone',
    '2025-11-22-001 exit_code == 0',
  ])('leaves %s', (text) => {
    expect(redactPublished(text)).toBe(text);
  });

  it('takes long opaque strings only when thorough', () => {
    const opaque = `Zq${A36}`;
    expect(redactPublished(`key ${opaque}`)).toBe(`key ${opaque}`);
    expect(redactPublished(`key ${opaque}`, true)).toBe('key [redacted:opaque]');
    expect(redactPublished('3f786850e387550fdab836ed7e6dc881de23001b /usr/lib/A1/b2/c3/d4/e5/f6', true)).toBe(
      '3f786850e387550fdab836ed7e6dc881de23001b /usr/lib/A1/b2/c3/d4/e5/f6',
    );
  });

  it('finds every secret in any surroundings, and is idempotent', () => {
    const around = fc.string({ maxLength: 30 }).map((text) => ` ${text.replace(/[A-Za-z0-9_-]/g, '')} `);
    const piece = fc.oneof(fc.constantFrom(...SECRETS.map(([, secret]) => secret)), fc.lorem(), around);
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.boolean(), (pieces, thorough) => {
        const once = redactPublished(pieces.join(' '), thorough);
        for (const [, secret] of SECRETS) expect(once).not.toContain(secret);
        expect(redactPublished(once, thorough)).toBe(once);
      }),
    );
  });

  it('takes linear time', () => {
    const starts = [
      'sk-',
      'eyJ',
      'ghp_',
      '://a:',
      'xoxb-',
      'AKIA',
      'Aa1',
      'Authorization: Bearer ',
      'eyJaaaaaaaaaa.',
    ];
    for (const unit of [...starts, t('-----BEGIN RSA PRIVATE', ' KEY-----'), '-----BEGIN ']) {
      const start = performance.now();
      redactPublished(unit.repeat(200_000 / unit.length), true);
      expect(performance.now() - start, unit).toBeLessThan(1000);
    }
  });
});
