import { findSecrets } from './find-secrets.ts';
import { withoutAnsi } from './without-ansi.ts';

/** Long, opaque and mixed: what push protection may take for a secret. Hashes in plain hex are left alone. */
const OPAQUE = /(?<![A-Za-z0-9+/_=-])[A-Za-z0-9+/_=-]{24,}/g;

/**
 * Text without secrets of known shapes, plain or encoded, each replaced by `[redacted:<kind>]`. `thorough` also
 * takes long opaque strings (kind `opaque`), for another try after GitHub's push protection refused a log. Pure,
 * linear in the text, idempotent. It does not know a job's own secret values: those the runner takes out.
 */
export function redactPublished(text: string, thorough = false): string {
  const view = withoutAnsi(text);
  let result = '';
  let at = 0;
  for (const { from, to, kind } of findSecrets(view.text).spans) {
    result += `${text.slice(at, view.rawAt(from))}[redacted:${kind}]`;
    at = view.rawAt(to - 1) + 1;
  }
  result += text.slice(at);
  if (!thorough) return result;
  return result.replace(OPAQUE, (found) => (isOpaque(found) ? '[redacted:opaque]' : found));
}

/** The same for every string in a JSON value, names included. */
export function redactJson<T>(value: T, redact: (text: string) => string): T {
  const map = (part: unknown): unknown => {
    if (typeof part === 'string') return redact(part);
    if (Array.isArray(part)) return part.map(map);
    if (typeof part !== 'object' || part === null) return part;
    return Object.fromEntries(Object.entries(part).map(([name, inner]) => [redact(name), map(inner)]));
  };
  return map(value) as T;
}

function isOpaque(found: string): boolean {
  if (/^[0-9a-f-]+$/.test(found) || found.split('/').length > 3) return false;
  return /\d/.test(found) && /[a-z]/.test(found) && /[A-Z]/.test(found);
}
