import type { SecretSpan } from './secret-span.ts';

/** `-----BEGIN … PRIVATE KEY-----`, also where blanks are URL-encoded. */
const BLANK = '(?: |\\+|%20)';
const KEY_START = `-----BEGIN(?:${BLANK}[A-Z0-9]{1,20}){0,4}${BLANK}PRIVATE${BLANK}KEY(?:${BLANK}BLOCK)?-----`;

const BEGIN = new RegExp(KEY_START, 'y');
const END = /-----END[A-Z0-9 +%]{0,60}-----/y;
/** No key is longer. */
const KEY_MAX = 20_000;
const NEW_LINE = '[ \\t]{0,200}(?:\\r?\\n|\\\\r|\\\\n|%0[AaDd]){1,4}[ \\t]{0,200}';
const HEADER = '(?:Proc-Type|DEK-Info|Version|Comment|Hash): [^\\n\\\\]{0,120}';
const DATA = '(?:[A-Za-z0-9+/=]|%2[BbFf]|%3[Dd]|\\\\/){1,8000}(?=[ \\t]{0,200}(?:[\\r\\n"\'\\\\-]|%0|$))';
/** The lines right below the beginning that a key can consist of. */
const LINES = new RegExp(`(?:${NEW_LINE}(?:${HEADER}|${DATA}|(?=[\\r\\n])))*`, 'y');
/** One line of a key behind a time stamp or a container's name. */
const DATA_RUN = /[A-Za-z0-9+/]{40,8000}={0,2}/g;
/** So many lines that are none of a key's, and it is not expected any more. */
const STRANGE_LINES = 3;

/**
 * The private key that begins at `at`, if one does: up to its end mark; without one, the lines below it that look like a key's.
 * The words `-----BEGIN PRIVATE KEY-----` alone are no secret.
 */
export function findKeyBlock(text: string, at: number): { spans: SecretSpan[]; open: number | null } {
  BEGIN.lastIndex = Math.max(0, at);
  const begin = BEGIN.exec(text);
  if (begin === null) return { spans: [], open: null };
  const body = at + begin[0].length;
  const kind = 'private-key';
  // Nothing in a key has five dashes, so that the next ones are its end or something else's beginning.
  const dashes = text.slice(body, body + KEY_MAX).indexOf('-----');
  END.lastIndex = body + dashes;
  const end = dashes === -1 ? null : END.exec(text);
  if (end !== null) return { spans: [{ from: at, to: end.index + end[0].length, kind }], open: null };
  // Up to here it may reach.
  const limit = dashes === -1 ? body + KEY_MAX : body + dashes;

  LINES.lastIndex = body;
  const lines = Math.min(limit, body + (LINES.exec(text)?.[0].length ?? 0));
  const spans: SecretSpan[] = lines > body ? [{ from: at, to: lines, kind }] : [];
  const rest = text.slice(lines, limit);
  for (const run of rest.matchAll(DATA_RUN)) {
    spans.push({ from: lines + run.index, to: lines + run.index + run[0].length, kind });
  }
  const strange = rest
    .split('\n')
    .slice(1, -1)
    .filter((line) => line.trim() !== '' && !/[A-Za-z0-9+/]{40}/.test(line));
  // The end mark itself may be cut.
  const goesOn = (text.length <= limit || dashesAtEnd(text, limit)) && strange.length < STRANGE_LINES;
  return { spans, open: goesOn ? at : null };
}

function dashesAtEnd(text: string, at: number): boolean {
  return text.length - at < 80 && /^-----(?:E(?:N(?:D[A-Z0-9 +%]{0,60}-{0,4})?)?)?$/.test(text.slice(at));
}
