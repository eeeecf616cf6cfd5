/** A shorter value cannot be hidden: it would blot out half of any log. */
export const SECRET_MIN_LENGTH = 4;
const ENCODED_MIN_LENGTH = 6;
const HEX_MIN_LENGTH = 6;
const LINE_MIN_LENGTH = 8;

/**
 * The forms a secret is looked for in: as it is, trimmed, each longer line of it, URL-encoded,
 * JSON-escaped, as HTML, quoted by a shell (`set -x`, `printf %q`, `declare -p`), hex, and base64 and base64url
 * at the three alignments it can have in a longer text, also wrapped at 64 and 76 columns.
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
    for (const form of [...urlForms(text), ...jsonForms(text), ...shellForms(text), ...htmlForms(text)])
      forms.add(form);
  }
  for (const text of new Set([value, trimmed])) {
    for (const form of [...base64Forms(text), ...hexForms(text)]) forms.add(form);
  }
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

function shellForms(text: string): string[] {
  return [
    text.replaceAll("'", "'\\''"),
    // `printf %q`, and `"…"` of `declare -p`.
    text.replace(/[^A-Za-z0-9_./:=@%+,\x80-\uffff-]/g, '\\$&'),
    text.replace(/["$`\\]/g, '\\$&'),
    text.replace(/[\\']/g, '\\$&'),
  ];
}

function htmlForms(text: string): string[] {
  const html = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return [html, html.replaceAll('"', '&quot;'), html.replaceAll('"', '&#34;').replaceAll("'", '&#39;')];
}

function hexForms(text: string): string[] {
  const hex = Buffer.from(text).toString('hex');
  return text.length < HEX_MIN_LENGTH ? [] : [hex, hex.toUpperCase()];
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
