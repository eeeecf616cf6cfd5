/**
 * Where one of some three-character words may stand in a text, in its base64 at any alignment, or in its hex:
 * a table look-up a character, which is what makes looking for sixty shapes cheap. All take Latin-1 bytes.
 */
export interface Beginnings {
  /** Index of the next character, from `from` on, where a word may stand; -1: none. */
  next(bytes: Uint8Array, from: number): number;
  /** Which of the four alignments of this base64 may hold a word, as bits. */
  alignments(bytes: Uint8Array, from: number, to: number): number;
  /** Which of the two alignments of these hex digits may, as bits. */
  hexAlignments(bytes: Uint8Array, from: number, to: number): number;
}

const TABLE_BITS = 15;
const MASK = (1 << TABLE_BITS) - 1;

export function createBeginnings(words: Iterable<string>): Beginnings {
  const plain = new Uint8Array(1 << TABLE_BITS);
  // Three base64 characters that a word always has, whatever stands around it: its alignment as bit 0, 1 or 2.
  const base64 = new Uint8Array(1 << 18);
  for (const word of words) {
    const [a, b, c] = [word.charCodeAt(0), word.charCodeAt(1), word.charCodeAt(2)];
    plain[fold(a, b, c)] = 1;
    const bits = (a << 16) | (b << 8) | c;
    // At byte 0 of a group of three, its first three characters are the word's alone; at byte 1 the three
    // from the group's third on, without four bits before and two behind; at byte 2 from the fourth on.
    mark(base64, bits >> 6, 1);
    mark(base64, (bits >> 2) & 0x3ffff, 2);
    mark(base64, (bits >> 4) & 0x3ffff, 4);
  }
  return {
    next(bytes, from) {
      let a = bytes[from] ?? 0;
      let b = bytes[from + 1] ?? 0;
      for (let at = from + 2; at < bytes.length; at += 1) {
        const c = bytes[at] ?? 0;
        if (plain[((a << 10) ^ (b << 5) ^ c) & MASK] === 1) return at - 2;
        a = b;
        b = c;
      }
      return -1;
    },
    alignments(bytes, from, to) {
      let found = 0;
      let key = 0;
      for (let at = from; at < to && found < 15; at += 1) {
        key = ((key << 6) | (VALUES[(bytes[at] ?? 0) & 127] ?? 0)) & 0x3ffff;
        const seen = base64[key] ?? 0;
        if (seen === 0 || at < from + 2) continue;
        const index = at - from;
        if (seen & 1) found |= 1 << ((index - 2) & 3);
        if (seen & 2) found |= 1 << ((index - 4) & 3);
        if (seen & 4) found |= 1 << ((index - 5) & 3);
      }
      return found;
    },
    hexAlignments(bytes, from, to) {
      let found = 0;
      // The last six digits, as three bytes.
      let last = 0;
      for (let at = from; at < to && found < 3; at += 1) {
        last = ((last << 4) | (HEX[(bytes[at] ?? 0) & 127] ?? 0)) & 0xffffff;
        const key = ((last >> 6) & 0x3fc00) ^ ((last >> 3) & 0x1fe0) ^ (last & 0xff);
        if (plain[key & MASK] === 1 && at >= from + 5) found |= 1 << ((at - from - 5) & 1);
      }
      return found;
    },
  };
}

function fold(a: number, b: number, c: number): number {
  return ((a << 10) ^ (b << 5) ^ c) & MASK;
}

function mark(table: Uint8Array, key: number, bit: number): void {
  table[key] = (table[key] ?? 0) | bit;
}

const VALUES = new Uint8Array(128);
for (const [value, c] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].entries())
  VALUES[c.charCodeAt(0)] = value;
VALUES['-'.charCodeAt(0)] = 62;
VALUES['_'.charCodeAt(0)] = 63;

const HEX = new Uint8Array(128);
for (const [value, c] of [...'0123456789abcdef'].entries()) {
  HEX[c.charCodeAt(0)] = value;
  HEX[c.toUpperCase().charCodeAt(0)] = value;
}
