/** What stands where a secret was. */
export const REDACTED = '***';
/** A shorter value cannot be hidden: it would blot out half of any log. */
export const SECRET_MIN_LENGTH = 4;
const ENCODED_MIN_LENGTH = 6;
const LINE_MIN_LENGTH = 8;

export interface Redactor {
  /** The text that can no longer be part of a secret; the rest waits for the next push. */
  push(text: string): string;
  /** What was held back. */
  end(): string;
}

/**
 * The forms a secret is looked for in: as it is, trimmed, each longer line of it, URL-encoded,
 * JSON-escaped, shell-quoted (`set -x`), and base64 and base64url at the three alignments it can have in
 * a longer text, also wrapped at 64 and 76 columns.
 */
export function secretForms(value: string): string[] {
  const trimmed = value.trim();
  if (trimmed.length < SECRET_MIN_LENGTH) return [];
  const lines = trimmed.split(/\r?\n/).map((line) => line.trim());
  const plain = [
    value,
    trimmed,
    ...(lines.length > 1 ? lines.filter((l) => l.length >= LINE_MIN_LENGTH) : []),
  ];
  const forms = new Set(plain);
  for (const text of plain) {
    for (const form of [...urlForms(text), ...jsonForms(text), text.replaceAll("'", "'\\''")])
      forms.add(form);
  }
  for (const text of new Set([value, trimmed])) for (const form of base64Forms(text)) forms.add(form);
  return [...forms].filter((form) => form.length >= SECRET_MIN_LENGTH);
}

function urlForms(text: string): string[] {
  const strict = encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  const forms = [encodeURIComponent(text.toWellFormed()), strict, strict.replaceAll('%20', '+')];
  const lower = forms.map((form) => form.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()));
  return [...forms, ...lower];
}

function jsonForms(text: string): string[] {
  const escaped = JSON.stringify(text).slice(1, -1);
  const code = (c: string) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
  const ascii = escaped.replace(/[\x7f-\uffff]/g, code);
  // Go and others write these as escapes, so that JSON can stand in HTML.
  const forHtml = escaped.replace(/[<>&\u2028\u2029]/g, code);
  const quotesToo = ascii.replace(/[<>&'+]|\\"/g, (c) => code(c.slice(-1)));
  const forms = [escaped, ascii, escaped.replaceAll('/', '\\/'), forHtml, quotesToo];
  const upper = forms.map((form) =>
    form.replace(/\\u[0-9a-f]{4}/g, (found) => `\\u${found.slice(2).toUpperCase()}`),
  );
  return [...forms, ...upper];
}

function base64Forms(text: string): string[] {
  const bytes = Buffer.from(text);
  const forms: string[] = [];
  for (const shift of [0, 1, 2]) {
    const encoded = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replaceAll('=', '');
    // The characters at the edges that also carry bits of a neighbour are not the secret's alone.
    const inner = encoded.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + bytes.length) * 8) / 6));
    const pieces = [inner];
    for (const width of shift === 0 ? [64, 76] : []) {
      for (let at = 0; at < inner.length && inner.length > width; at += width)
        pieces.push(inner.slice(at, at + width));
    }
    for (const piece of pieces) {
      if (piece.length < ENCODED_MIN_LENGTH) continue;
      forms.push(piece, piece.replaceAll('+', '-').replaceAll('/', '_'));
    }
  }
  return forms;
}

/** Redacts a stream of text, also where a secret is cut by a chunk's edge. Memory: the longest form. */
export function createRedactor(values: Iterable<string>): Redactor {
  const patterns = [...new Set([...values].flatMap(secretForms))].map((text) => ({
    text,
    failure: failureOf(text),
  }));
  let held = '';
  // So many characters of `held` belong to a secret whose replacement is already written.
  let covered = 0;

  const take = (text: string, keep: number): string => {
    const end = text.length - keep;
    const spans = secretSpans(text, patterns, covered);
    let output = '';
    let at = covered;
    let stillCovered = 0;
    for (const [from, to] of spans) {
      // The span at 0 continues one whose replacement is already written.
      const continued = from === 0 && covered > 0;
      if (from >= end && !continued) break;
      if (from >= at) output += text.slice(at, from);
      if (!continued) output += REDACTED;
      at = Math.min(to, end);
      stillCovered = Math.max(0, to - end);
    }
    if (at < end) output += text.slice(at, end);
    held = text.slice(end);
    covered = stillCovered;
    return output;
  };

  return {
    push(text) {
      if (patterns.length === 0) return text;
      const whole = held + text;
      return take(whole, openSuffix(whole, patterns));
    },
    end() {
      return take(held, 0);
    },
  };
}

/** One text at once. */
export function redactText(text: string, values: Iterable<string>): string {
  const redactor = createRedactor(values);
  return redactor.push(text) + redactor.end();
}

interface Pattern {
  text: string;
  failure: Int32Array;
}

/** Where secrets stand, sorted and merged; the first `covered` characters count as one. */
function secretSpans(text: string, patterns: readonly Pattern[], covered: number): [number, number][] {
  const spans: [number, number][] = covered > 0 ? [[0, covered]] : [];
  for (const pattern of patterns) {
    for (let at = text.indexOf(pattern.text); at !== -1; at = text.indexOf(pattern.text, at + 1)) {
      const last = spans.at(-1);
      const end = at + pattern.text.length;
      // Matches of one pattern come in order; overlapping ones become one span at once.
      if (last !== undefined && last[0] <= at && at <= last[1]) last[1] = Math.max(last[1], end);
      else spans.push([at, end]);
    }
  }
  spans.sort((a, b) => a[0] - b[0]);
  const merged: [number, number][] = [];
  for (const span of spans) {
    const last = merged.at(-1);
    if (last !== undefined && span[0] < last[1]) last[1] = Math.max(last[1], span[1]);
    else merged.push(span);
  }
  return merged;
}

/** Length of the longest end of the text that may be the beginning of a secret. */
function openSuffix(text: string, patterns: readonly Pattern[]): number {
  let longest = 0;
  for (const { text: pattern, failure } of patterns) {
    let state = 0;
    for (let at = Math.max(0, text.length - pattern.length + 1); at < text.length; at += 1) {
      while (state > 0 && pattern[state] !== text[at]) state = failure[state - 1] ?? 0;
      if (pattern[state] === text[at]) state += 1;
    }
    longest = Math.max(longest, state);
  }
  return longest;
}

/** Knuth, Morris, Pratt: for each prefix the length of its longest border. */
function failureOf(pattern: string): Int32Array {
  const failure = new Int32Array(pattern.length);
  let state = 0;
  for (let at = 1; at < pattern.length; at += 1) {
    while (state > 0 && pattern[state] !== pattern[at]) state = failure[state - 1] ?? 0;
    if (pattern[state] === pattern[at]) state += 1;
    failure[at] = state;
  }
  return failure;
}
