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

/** Also letters without a shape, such as the Hangul filler; not the selectors that make a sign an emoji. */
const HIDDEN = /(?!\t|\n|\r|\uFE0E|\uFE0F)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
/** Two scripts in one word, and blanks that bash takes as letters; not the one Japanese is written with. */
const LOOKALIKE =
  /\p{Script=Latin}[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}]|[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}]\p{Script=Latin}|(?![ \u3000])\p{Zs}|\u2800/u;

/** The rules that look at a line's characters: every repetition in a pattern is bounded. */
export const LINE_RULES: readonly { rule: RuleName; test: (text: string) => boolean }[] = [
  {
    rule: 'hidden-character',
    test: (text) => HIDDEN.test(text),
  },
  { rule: 'lookalike', test: (text) => LOOKALIKE.test(text) },
  { rule: 'carriage-return', test: (text) => text.includes('\r') },
  { rule: 'secret', test: holdsSecret },
  { rule: 'password', test: holdsPassword },
];
