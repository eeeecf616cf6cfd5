import type { RuleName } from './rules.ts';

/** The shapes that GitHub's push protection and most scanners know; a shape is no proof. */
const SECRET_SHAPES = [
  String.raw`\bgh[pousr]_[A-Za-z0-9]{36}`,
  String.raw`\bgithub_pat_[A-Za-z0-9_]{50}`,
  String.raw`\bglpat-[A-Za-z0-9_-]{20}`,
  String.raw`\bsk-[A-Za-z0-9_-]{20}`,
  String.raw`\bxox[abprs]-[A-Za-z0-9-]{10}`,
  String.raw`\b(?:AKIA|ASIA)[0-9A-Z]{16}\b`,
  String.raw`\bAIza[0-9A-Za-z_-]{35}`,
  '-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----',
  String.raw`\b(?:https?|postgres(?:ql)?|mysql|redis|mongodb)://[^\s/:@$]{1,100}:[^\s/@$]{3,200}@`,
].map((source) => new RegExp(source));

export function holdsSecret(text: string): boolean {
  return SECRET_SHAPES.some((shape) => shape.test(text));
}

/** The rules that look at a line's characters: every repetition in a pattern is bounded. */
export const LINE_RULES: readonly { rule: RuleName; test: (text: string) => boolean }[] = [
  {
    rule: 'hidden-character',
    test: (text) => /(?![\t\n\r])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text),
  },
  { rule: 'carriage-return', test: (text) => text.includes('\r') },
  { rule: 'secret', test: (text) => text.split('\n').some(holdsSecret) },
];
