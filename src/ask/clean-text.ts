export interface CleanText {
  text: string;
  /** True when the end was cut off; `text` then ends with a notice. */
  clipped: boolean;
}

/** Bytes (UTF-8) of one piece of text from outside that the planner gets to see. */
export const CLEAN_TEXT_MAX_BYTES = 16_384;

/**
 * Control, format and other characters that show nothing: zero-width, bidirectional, tags, variation
 * selectors, fillers, lone surrogates. Tab and newline stay.
 */
const INVISIBLE = /(?![\t\n])[\p{Cc}\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * Text from outside as the planner may see it: without HTML comments (our own markers are such), without
 * characters nobody sees, with LF line ends, at most `maxBytes`.
 */
export function cleanText(text: string, maxBytes = CLEAN_TEXT_MAX_BYTES): CleanText {
  const lines = text.replace(/\r\n?|[\u0085\u2028\u2029]/g, '\n');
  // Characters first: an invisible one inside `<!--` would keep the comment from being seen as one.
  const clean = withoutComments(lines.replace(INVISIBLE, '')).trim();
  return clip(clean, maxBytes);
}

/**
 * One pass, linear in the text's length. What is left of nested or broken comments is taken apart, so that
 * no comment ever comes out of it. A comment that is never closed hides the rest where it starts a line
 * (CommonMark 0.31, HTML block 2) and is ordinary text elsewhere.
 */
function withoutComments(text: string): string {
  let kept = '';
  let at = 0;
  while (at < text.length) {
    const start = text.indexOf('<!--', at);
    if (start < 0) break;
    const end = text.indexOf('-->', start + 2);
    if (end < 0) {
      const startsLine = /(^|\n) {0,3}$/.test(text.slice(Math.max(0, start - 4), start));
      if (startsLine) return separate(kept + text.slice(at, start));
      break;
    }
    kept += text.slice(at, start);
    at = end + 3;
  }
  return separate(kept + text.slice(at));
}

function separate(text: string): string {
  return text.replaceAll('<!--', '<! --');
}

function clip(text: string, maxBytes: number): CleanText {
  const bytes = Buffer.byteLength(text);
  if (bytes <= maxBytes) return { text, clipped: false };
  // A cut in the middle of a character decodes to U+FFFD.
  const head = Buffer.from(text)
    .subarray(0, maxBytes)
    .toString('utf8')
    .replace(/\uFFFD$/, '');
  return { text: `${head}\n[… ${bytes - maxBytes} of ${bytes} bytes left out]`, clipped: true };
}
