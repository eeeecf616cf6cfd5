/**
 * Shapes of well-known secrets. Each starts only at a token's start (lookbehind), so that a long token that
 * is not one is scanned once: the time stays linear however the text is made.
 */
const SHAPES: readonly (readonly [kind: string, shape: RegExp])[] = [
  [
    'private-key',
    /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:(?!-----)[\s\S]){0,20000}(?:-----END [A-Z0-9 ]{0,60}-----)?/g,
  ],
  ['github', /(?<![A-Za-z0-9_])(?:gh[a-z]_[A-Za-z0-9_.-]{30,}|github_pat_[A-Za-z0-9_]{22,})/g],
  ['guruguru', /(?<![A-Za-z0-9_])ggr_[A-Za-z0-9_-]{16,}/g],
  ['openai', /(?<![A-Za-z0-9_-])sk-(?=[A-Za-z_-]{0,200}\d)[A-Za-z0-9_-]{20,}/g],
  ['aws', /(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])/g],
  ['slack', /(?<![A-Za-z0-9])xox[a-z]-[A-Za-z0-9-]{10,}/g],
  ['slack', /(?<![A-Za-z0-9])xapp-[A-Za-z0-9-]{10,}/g],
  ['google', /(?<![A-Za-z0-9_-])AIza[A-Za-z0-9_-]{35}/g],
  ['google', /(?<![A-Za-z0-9_-])ya29\.[A-Za-z0-9_-]{20,}/g],
  ['gitlab', /(?<![A-Za-z0-9_-])glpat-[A-Za-z0-9_-]{20,}/g],
  ['npm', /(?<![A-Za-z0-9_-])npm_[A-Za-z0-9]{36,}/g],
  ['jwt', /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}/g],
];

/** `scheme://user:password@host`; only the password goes. */
const URL_PASSWORD = /(:\/\/[^\s/:@]{1,100}:)(?!\[redacted:)[^\s/@]{1,500}(?=@)/g;
const AUTHORIZATION =
  /(authorization:[ \t]{0,5}(?:bearer|basic|token)[ \t]{1,5})(?!\[redacted:)[^\s"']{8,}/gi;
const AWS_SECRET = /(aws_secret_access_key["']?[ \t]{0,5}[:=][ \t]{0,5}["']?)[A-Za-z0-9/+]{40}/gi;

/** Long, opaque and mixed: what push protection may take for a secret. Hashes in plain hex are left alone. */
const OPAQUE = /(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_=-]{24,}/g;

/**
 * Text without secrets of known shapes, each replaced by `[redacted:<kind>]`. `thorough` also takes long
 * opaque strings (kind `opaque`), for another try after GitHub's push protection refused a log. Pure, linear
 * in the text, idempotent. It does not know a job's own secret values: those the runner takes out.
 */
export function redact(text: string, thorough = false): string {
  let result = text;
  for (const [kind, shape] of SHAPES) result = result.replace(shape, `[redacted:${kind}]`);
  result = result
    .replace(URL_PASSWORD, '$1[redacted:password]')
    .replace(AUTHORIZATION, '$1[redacted:authorization]')
    .replace(AWS_SECRET, '$1[redacted:aws]');
  if (!thorough) return result;
  return result.replace(OPAQUE, (found) => (isOpaque(found) ? '[redacted:opaque]' : found));
}

function isOpaque(found: string): boolean {
  if (/^[0-9a-f-]+$/.test(found) || found.split('/').length > 3) return false;
  return /\d/.test(found) && /[a-z]/.test(found) && /[A-Z]/.test(found);
}
