import { createBeginnings } from './beginnings.ts';
import { encodedRuns } from './encoded-runs.ts';
import { findKeyBlock } from './key-block.ts';
import { SECRET_SHAPES, type SecretShape } from './secret-shapes.ts';
import type { SecretSpan } from './secret-span.ts';

export interface FoundSecrets {
  /** In order, none touching another. */
  spans: SecretSpan[];
  /** From here on more text may make it a secret, or a longer one; the text's length when that cannot be. */
  open: number;
}

interface Known extends SecretShape {
  opening: RegExp;
  goesOn: RegExp;
}

const LOOK = 320;
/** A body goes on for at most so many characters. */
const BODY_MAX = 20_000;
const KNOWN: readonly Known[] = SECRET_SHAPES.map((shape) => ({
  ...shape,
  opening: new RegExp(shape.start, 'y'),
  goesOn: new RegExp(`[${shape.body}]{0,${shape.look ?? LOOK}}`, 'y'),
}));
/** In `-----BEGIN … PRIVATE KEY-----`; the dashes alone stand in every other log. */
const KEY_WORD = '-BE';
const BY_WORD = new Map<string, Known[]>([[KEY_WORD, []]]);
for (const shape of KNOWN) {
  for (const word of shape.begins.split(' ')) BY_WORD.set(word, [...(BY_WORD.get(word) ?? []), shape]);
}
const BEGINNINGS = createBeginnings(BY_WORD.keys());

/**
 * Where secrets of known shapes stand in a text: as they are, and inside base64 (also wrapped), base64url and
 * hex. Linear in the text but for a small factor, however it is made. It sees no terminal escapes: those are
 * taken out before (without-ansi.ts).
 */
export function findSecrets(text: string): FoundSecrets {
  const spans: SecretSpan[] = [];
  const bytes = Buffer.from(text, 'latin1');
  let open = scan(text, bytes, spans);
  for (const run of encodedRuns(bytes, BEGINNINGS)) {
    const inner: SecretSpan[] = [];
    const innerOpen = scan(run.bytes.toString('latin1'), run.bytes, inner);
    for (const { from, to, kind } of inner) {
      spans.push({ from: run.rawAt(from, 'start'), to: run.rawAt(to, 'end'), kind });
    }
    if (run.last && innerOpen < run.bytes.length) open = Math.min(open, run.rawAt(innerOpen, 'start'));
  }
  return { spans: merged(spans), open };
}

/** Pushes what it finds; returns where something is open. */
function scan(text: string, bytes: Uint8Array, spans: SecretSpan[]): number {
  let open = text.length;
  for (let at = BEGINNINGS.next(bytes, 0); at !== -1; ) {
    const word = text.slice(at, at + 3);
    const found = word === KEY_WORD ? findKeyBlock(text, at - 4) : judge(text, at, BY_WORD.get(word) ?? []);
    if (found.open !== null) open = Math.min(open, found.open);
    for (const span of found.spans) spans.push(span);
    at = BEGINNINGS.next(bytes, Math.max(at + 1, found.spans.at(-1)?.to ?? 0));
  }
  return open;
}

/** What begins at `at`, if anything. */
function judge(
  text: string,
  at: number,
  shapes: readonly Known[],
): { spans: SecretSpan[]; open: number | null } {
  let open: number | null = null;
  for (const shape of shapes) {
    shape.opening.lastIndex = at;
    const begun = shape.opening.exec(text);
    if (begun === null || (shape.context !== true && !startsWord(text, at))) continue;
    const body = at + begun[0].length;
    const from = shape.context === true ? body : at;
    const look = endOf(shape.goesOn, text, body);
    const whole = text.slice(at, look);
    const fits = look - body >= shape.min && (shape.whole?.test(whole) ?? true);
    const reach = look - body === (shape.look ?? LOOK) && fits ? farEnd(shape.goesOn, text, look) : look;
    // What comes next may make it longer, or a secret at all.
    if (reach + (shape.before?.length ?? 0) >= text.length && reach > from) {
      const rest = text.slice(reach);
      if (shape.before?.startsWith(rest) ?? rest === '') open = Math.min(open ?? from, from);
    }
    if (!fits || (shape.before !== undefined && !text.startsWith(shape.before, reach))) continue;
    return { spans: [{ from, to: reach, kind: shape.kind }], open };
  }
  return { spans: [], open };
}

function endOf(goesOn: RegExp, text: string, at: number): number {
  goesOn.lastIndex = at;
  return at + (goesOn.exec(text)?.[0].length ?? 0);
}

function farEnd(goesOn: RegExp, text: string, at: number): number {
  let end = at;
  for (let next = endOf(goesOn, text, end); next > end; next = endOf(goesOn, text, end)) {
    if (next - at > BODY_MAX) return next;
    end = next;
  }
  return end;
}

/** A token does not start within a word; a letter before it may belong to an escape, as in `\nghp_` and `%3Dghp_`. */
function startsWord(text: string, at: number): boolean {
  if (at === 0 || !/[A-Za-z0-9]/.test(text.charAt(at - 1))) return true;
  return /(?:%[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|\\[abefnrtv0])$/.test(
    text.slice(Math.max(0, at - 6), at),
  );
}

function merged(spans: SecretSpan[]): SecretSpan[] {
  if (spans.length < 2) return spans;
  spans.sort((a, b) => a.from - b.from || b.to - a.to);
  const result: SecretSpan[] = [];
  for (const span of spans) {
    const last = result.at(-1);
    if (last !== undefined && span.from < last.to) last.to = Math.max(last.to, span.to);
    else result.push({ ...span });
  }
  return result;
}
