/** CSI, OSC (to its end or the line's), other escape sequences; each alternative consumes what it scanned. */
const ANSI = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[ -/]*[0-~])/g;
const CONTROL = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/g;
/** Characters that show nothing or reorder what is shown: a person must not approve what they cannot see. */
const INVISIBLE =
  /[\u00ad\u061c\u115f\u1160\u17b4\u17b5\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]|\u034f|[\u180b-\u180e]|[\u{e0000}-\u{e0fff}]/gu;

/** Text without ANSI escapes, control, invisible and bidirectional characters; LF line ends. Idempotent. */
export function plainText(text: string): string {
  return text
    .toWellFormed()
    .replace(ANSI, '')
    .replace(/\r\n?|\u2028|\u2029/g, '\n')
    .replace(CONTROL, '')
    .replace(INVISIBLE, '');
}

/** The same text with such characters spelled out (`⟦U+202E⟧`), for things a person decides about. */
export function visibleText(text: string): string {
  const name = (character: string) =>
    `⟦U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟧`;
  return text
    .toWellFormed()
    .replace(/\r\n/g, '\n')
    .replace(/[\r\u2028\u2029]/g, name)
    .replace(CONTROL, name)
    .replace(INVISIBLE, name);
}

/** At most `max` UTF-16 units, ending with `…` when cut; never half a character. */
export function clip(text: string, max: number): string {
  if (text.length <= max) return text;
  if (max <= 0) return '';
  return `${text
    .slice(0, max - 1)
    .toWellFormed()
    .replace(/\ufffd$/, '')}…`;
}

/**
 * The last lines of a log: at most `lines` lines and `chars` UTF-16 units, ANSI stripped, of a line that was
 * overwritten by `\r` (a progress bar) only what stood there last, trailing blank lines left out. A start
 * that was left out shows as `…`.
 */
export function tail(text: string, lines: number, chars = 4000): string {
  const all = text
    .replace(/\r+\n/g, '\n')
    .split('\n')
    .map((line) => plainText(line.slice(line.lastIndexOf('\r', line.length - 2) + 1)))
    .join('\n')
    .trimEnd()
    .split('\n');
  const last = all.slice(-lines).join('\n');
  if (last.length <= chars) return last;
  const cut = last.slice(last.length - chars + 1).toWellFormed();
  return `…${cut.replace(/^\ufffd/, '')}`;
}
