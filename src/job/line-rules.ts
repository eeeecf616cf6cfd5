import type { Finding } from './finding.ts';

/** A rule on one script line; the message goes on from the name of the line. */
export interface LineRule {
  rule: string;
  severity: Finding['severity'];
  test: (line: string) => boolean;
  message: string;
}

/** Where a command can stand in a line. */
const COMMAND = String.raw`(?:^|[;&|(]\s*|\b(?:then|do|else|exec|nohup|time|env)\s+)`;
const ROOT_OR_HOME = String.raw`(?:\/\*?|~\/?\*?|"?\$\{?HOME\}?"?\/?\*?)`;

/** The shapes that GitHub's push protection and most scanners know; a shape is no proof. */
const SECRET_SHAPES = matches(
  String.raw`\bgh[pousr]_[A-Za-z0-9]{36}`,
  String.raw`\bgithub_pat_[A-Za-z0-9_]{50}`,
  String.raw`\bglpat-[A-Za-z0-9_-]{20}`,
  String.raw`\bsk-[A-Za-z0-9_-]{20}`,
  String.raw`\bxox[abprs]-[A-Za-z0-9-]{10}`,
  String.raw`\b(?:AKIA|ASIA)[0-9A-Z]{16}\b`,
  String.raw`\bAIza[0-9A-Za-z_-]{35}`,
  '-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----',
  String.raw`\b(?:https?|postgres(?:ql)?|mysql|redis|mongodb)://[^\s/:@$]{1,100}:[^\s/@$]{3,200}@`,
);

export function holdsSecret(text: string): boolean {
  return SECRET_SHAPES(text);
}

const INTERACTIVE = matches(
  String.raw`^\s*cat\s*-?\s*(?:$|>)`,
  `${COMMAND}(?:vim?|nano|emacs|less|more|top|htop)\\b`,
  String.raw`\bgit\s+(?:rebase\s+(?:-i|--interactive)|add\s+(?:-p|-i|--patch|--interactive))\b`,
  String.raw`\b(?:docker|podman|kubectl)\b.{0,200}\s-(?:it|ti)\b`,
  String.raw`^\s*(?:(?:ba|z)?sh|python3?|node|psql|mysql)\s*$`,
);
const READ = matches(`${COMMAND}read\\b`);

function readsStdin(line: string): boolean {
  // With a pipe or a redirection before it, `read` has its input.
  return INTERACTIVE(line) || (READ(line) && !/[<|]/.test(line));
}

/**
 * A guard-rail, not a boundary: it catches what was not meant, never what is meant. The boundary is the
 * person who approves, the OS user and the sandbox (design section 8).
 */
export const LINE_RULES: readonly LineRule[] = [
  {
    rule: 'hidden-character',
    severity: 'failure',
    test: (line) => /(?![\t\n\r])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(line),
    message: 'has an invisible character, which can hide what the line does: remove it',
  },
  {
    rule: 'carriage-return',
    severity: 'warning',
    test: (line) => line.includes('\r'),
    message: 'has a carriage return, which bash takes as part of a word: use plain line breaks',
  },
  {
    rule: 'pipe-to-shell',
    severity: 'warning',
    test: matches(
      String.raw`\b(?:curl|wget)\b[^|;&]{0,500}\|\s*(?:sudo\s+)?(?:ba|z|da|k)?sh\b`,
      String.raw`\b(?:ba|z|da|k)?sh\s+(?:-c\s+)?["']?(?:<\(|\$\()\s*(?:curl|wget)\b`,
    ),
    message: 'runs a download unseen: download to a file, check it, then run it',
  },
  {
    rule: 'remove-root',
    severity: 'warning',
    test: matches(
      String.raw`\brm\s+(?=(?:-\S+\s+){0,5}(?:-\w*[rR]|--recursive))(?:-\S+\s+){1,5}${ROOT_OR_HOME}(?:\s|$|[;&|])`,
    ),
    message: 'removes everything below / or the home directory: name the directory that is meant',
  },
  {
    rule: 'force-push',
    severity: 'warning',
    test: matches(
      String.raw`\bgit\s+(?:-\S+\s+(?:\S+\s+)?){0,3}push\b[^;&|]{0,300}\s(?:--force(?!-with-lease)\b|-\w{0,9}f\w{0,9}\b|\+[\w/])`,
    ),
    message: 'overwrites commits of others: use --force-with-lease, or push without force',
  },
  {
    rule: 'sudo',
    severity: 'warning',
    test: matches(`${COMMAND}sudo\\b`),
    message: 'uses sudo: a job sees what its OS user has; give that user the right it needs',
  },
  {
    rule: 'reads-stdin',
    severity: 'warning',
    test: readsStdin,
    message: 'waits for input: a job has none, so it ends or fails at once; pass it by argument or file',
  },
  {
    rule: 'secret',
    severity: 'warning',
    test: holdsSecret,
    message:
      'looks like it holds a secret, which everyone who reads the repository sees: revoke it, and name it in `secrets`',
  },
];

/** Tests a line of up to 20,000 characters: every repetition in a source is bounded or anchored. */
function matches(...sources: string[]): (line: string) => boolean {
  const patterns = sources.map((source) => new RegExp(source));
  return (line) => patterns.some((pattern) => pattern.test(line));
}
