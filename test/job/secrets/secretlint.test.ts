import { rules } from '@secretlint/secretlint-rule-preset-recommend';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findSecrets } from '../../../src/job/secrets/find-secrets.ts';

/** Rules that look for something else than a secret, or not by a pattern. */
const NOT_OURS: Record<string, string> = {
  '@secretlint/secretlint-rule-filter-comments': 'switches rules off',
  '@secretlint/secretlint-rule-gcp': 'reads a whole file as a key; its private_key is found as a private key',
  '@secretlint/secretlint-rule-privatekey': 'see canaries.test.ts',
};
/** Samples of a pattern may be shorter than any real token: `SG.a.b.c`. */
const LIKELY: Record<string, RegExp> = {
  '@secretlint/secretlint-rule-sendgrid': /^SG\.\w{10,}\.\w{16,}$/,
  '@secretlint/secretlint-rule-slack': /^(?:x.{30,}\d.*|https:.{62,})$/,
  '@secretlint/secretlint-rule-github': /^gh.{38,}$|^github_/,
};

/** Collects the patterns that a rule runs over a text. */
function patternsOf(rule: (typeof rules)[number]): RegExp[] {
  const patterns: RegExp[] = [];
  const content = new Proxy(Object('x'), {
    get(target, name) {
      if (name === 'matchAll') {
        return (pattern: RegExp) => {
          patterns.push(pattern);
          return [];
        };
      }
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const context = { createTranslator: () => () => ({}), report() {}, ignore() {}, setLocale() {} };
  const source = { content, filePath: 'a.txt', ext: '.txt', contentType: 'text', hasBOM: false };
  const handlers = rule.create(context as never, { allows: [], enableIDScanRule: false } as never);
  void handlers.file?.(source as never);
  return patterns;
}

/** Without what a generator of samples does not know: looking around, named groups, property escapes. */
function generatorOf(pattern: RegExp): fc.Arbitrary<string> {
  const source = pattern.source
    .replaceAll('(?<!\\p{L})', '')
    .replace(/\(\?![^)]*\)$/, '')
    .replace(/\(\?<\w+>/g, '(?:')
    .replaceAll('\\b', '')
    .replaceAll('\\s*', ' {0,2}');
  return fc.stringMatching(new RegExp(`^(?:${source})$`));
}

describe('the shapes of secrets', () => {
  const cases = rules
    .filter((rule) => !(rule.meta.id in NOT_OURS))
    .flatMap((rule) => patternsOf(rule).map((pattern) => [rule.meta.id, pattern] as const));

  it('are held against the rules of secretlint', () => {
    expect(cases.length).toBeGreaterThan(25);
  });

  it.each(cases)('hold what %s finds by %s', (id, pattern) => {
    let seen = 0;
    fc.assert(
      fc.property(generatorOf(pattern), (sample) => {
        const text = `a=" ${sample} "`;
        const exact = new RegExp(pattern.source, `${pattern.flags.replace(/[gd]/g, '')}d`).exec(text);
        const range = exact?.indices?.groups?.password ?? exact?.indices?.[1] ?? exact?.indices?.[0];
        const likely = (LIKELY[id] ?? /^/).test(sample);
        // Of a connection the password is the secret, and it may have none.
        const secret = !pattern.source.includes('<password>') || exact?.groups?.password !== undefined;
        if (range === undefined || !likely || !secret || sample.includes('$')) return;
        seen += 1;
        const { spans } = findSecrets(text);
        const covered = (at: number) => spans.some(({ from, to }) => from <= at && at < to);
        const last = Math.max(range[0], range[1] - 10);
        for (let at = last; at < range[1]; at += 1) expect(covered(at), `${text} at ${at}`).toBe(true);
      }),
      // The same samples each time: a run may have none that is long enough.
      { numRuns: 200, seed: 11 },
    );
    expect(seen, 'no sample was long enough').toBeGreaterThan(0);
  });
});
