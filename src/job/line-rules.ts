import type { RuleName } from './rules.ts';
import { findSecrets } from './secrets/find-secrets.ts';

/** A shape is no proof, but what is in a job file everyone who reads the repository sees. */
export function holdsSecret(text: string): boolean {
  return findSecrets(text).spans.some(({ kind }) => kind !== 'password');
}

/** In a URL; often a throw-away one of a test database. */
function holdsPassword(text: string): boolean {
  return findSecrets(text).spans.some(({ kind }) => kind === 'password');
}

/** The rules that look at a line's characters: every repetition in a pattern is bounded. */
export const LINE_RULES: readonly { rule: RuleName; test: (text: string) => boolean }[] = [
  {
    rule: 'hidden-character',
    test: (text) => /(?![\t\n\r])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text),
  },
  { rule: 'carriage-return', test: (text) => text.includes('\r') },
  { rule: 'secret', test: holdsSecret },
  { rule: 'password', test: holdsPassword },
];
