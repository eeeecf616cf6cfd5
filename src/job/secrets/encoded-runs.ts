import type { Beginnings } from './beginnings.ts';

/** A stretch of base64 or hex, read. */
export interface EncodedRun {
  bytes: Buffer;
  /** Index in the original of what encodes the byte at `index`; `end`: behind what encodes the byte before it. */
  rawAt(index: number, edge: 'start' | 'end'): number;
  /** It reaches the end of the original: what comes next may belong to it. */
  last: boolean;
}

/** Shorter runs hold no whole secret. */
const MIN = 24;
/** A run that ends its line goes on in the next one, if its line is as wide as wrapped base64 is. */
const WRAP_MIN = 60;
const HEX_MIN = 40;

const IN_ALPHABET = new Uint8Array(256);
for (const c of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-')
  IN_ALPHABET[c.charCodeAt(0)] = 1;

function isIn(bytes: Buffer, at: number): boolean {
  return IN_ALPHABET[bytes[at] ?? 0] === 1;
}

/** Every run of the base64 alphabets that may hold one of the beginnings, at the alignments where it may; and hex. */
export function* encodedRuns(bytes: Buffer, beginnings: Beginnings): Generator<EncodedRun> {
  for (const pieces of runsOf(bytes)) {
    const [first] = pieces;
    const final = pieces.at(-1);
    if (first === undefined || final === undefined) continue;
    const single = pieces.length === 1;
    const encoded = single ? bytes : Buffer.concat(pieces.map(([from, to]) => bytes.subarray(from, to)));
    const [from, to] = single ? first : [0, encoded.length];
    const rawAt = (index: number) => (single ? index : originalIndex(pieces, index));
    // Behind the last piece there may be the end of a line that goes on.
    const last = final[1] === bytes.length || (isWide(final) && lineEnd(bytes, final[1]) === bytes.length);
    const bits = beginnings.alignments(encoded, from, to);
    for (let skip = 0; bits >> skip > 0; skip += 1) {
      if (bits & (1 << skip)) yield base64Run(encoded, from + skip, to, rawAt, last);
    }
    if (to - from >= HEX_MIN || last) yield* hexRuns(encoded, [from, to], beginnings, rawAt, last);
  }
}

function base64Run(
  bytes: Buffer,
  from: number,
  to: number,
  rawAt: (index: number) => number,
  last: boolean,
): EncodedRun {
  return {
    bytes: Buffer.from(bytes.toString('latin1', from, to), 'base64'),
    rawAt: (index, edge) =>
      edge === 'start'
        ? rawAt(from + Math.floor((index * 8) / 6))
        : rawAt(Math.min(to, from + Math.ceil((index * 8) / 6)) - 1) + 1,
    last,
  };
}

function* hexRuns(
  bytes: Buffer,
  [from, to]: Piece,
  beginnings: Beginnings,
  rawAt: (index: number) => number,
  last: boolean,
): Generator<EncodedRun> {
  for (let start = from; start < to; ) {
    const [at, end] = nextHex(bytes, start, to);
    if (end - at >= HEX_MIN || (last && end === to)) {
      const bits = beginnings.hexAlignments(bytes, at, end);
      for (const skip of [0, 1])
        if (bits & (1 << skip)) yield hexRun(bytes, at + skip, end, rawAt, last && end === to);
    }
    start = end + 1;
  }
}

/** The next hex digits, HEX_MIN of them or those that end the run. Like nextRun. */
function nextHex(bytes: Buffer, start: number, to: number): Piece {
  let from = start;
  while (from + HEX_MIN <= to) {
    let at = from + HEX_MIN - 1;
    while (at >= from && isHex(bytes[at] ?? 0)) at -= 1;
    if (at < from) {
      let end = from + HEX_MIN;
      while (end < to && isHex(bytes[end] ?? 0)) end += 1;
      return [from, end];
    }
    from = at + 1;
  }
  let at = to;
  while (at > from && isHex(bytes[at - 1] ?? 0)) at -= 1;
  return [at, to];
}

function hexRun(
  bytes: Buffer,
  from: number,
  to: number,
  rawAt: (index: number) => number,
  last: boolean,
): EncodedRun {
  return {
    bytes: Buffer.from(bytes.toString('latin1', from, to), 'hex'),
    rawAt: (index, edge) =>
      edge === 'start' ? rawAt(from + index * 2) : rawAt(Math.min(to, from + index * 2) - 1) + 1,
    last,
  };
}

function isHex(code: number): boolean {
  return (code >= 48 && code <= 57) || (code >= 97 && code <= 102) || (code >= 65 && code <= 70);
}

type Piece = [from: number, to: number];

/** Runs as the pieces of lines they consist of. Looks at every MINth character only where there is none. */
function* runsOf(bytes: Buffer): Generator<Piece[]> {
  let pieces: Piece[] = [];
  for (let from = 0; from < bytes.length; ) {
    const wrapped = pieces.length > 0;
    const run: Piece | null = wrapped ? [from, endOfRun(bytes, from)] : nextRun(bytes, from);
    if (run === null) return;
    pieces.push(run);
    const next = lineEnd(bytes, run[1]);
    if (next !== null && isWide(run) && isIn(bytes, next)) {
      from = next;
    } else {
      yield pieces;
      pieces = [];
      from = run[1] + 1;
    }
  }
}

/** The next run of at least MIN characters, or the shorter one at the end of the text. */
function nextRun(bytes: Buffer, start: number): Piece | null {
  let from = start;
  while (from + MIN <= bytes.length) {
    let at = from + MIN - 1;
    while (at >= from && isIn(bytes, at)) at -= 1;
    if (at < from) return [from, endOfRun(bytes, from + MIN)];
    from = at + 1;
  }
  let at = bytes.length;
  while (at > from && isIn(bytes, at - 1)) at -= 1;
  return at < bytes.length ? [at, bytes.length] : null;
}

function endOfRun(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && isIn(bytes, at)) at += 1;
  return at;
}

function isWide([from, to]: Piece): boolean {
  return to - from >= WRAP_MIN;
}

function lineEnd(bytes: Buffer, at: number): number | null {
  if (bytes[at] === 10) return at + 1;
  return bytes[at] === 13 && bytes[at + 1] === 10 ? at + 2 : null;
}

function originalIndex(pieces: readonly Piece[], index: number): number {
  let left = index;
  for (const [from, to] of pieces) {
    if (left < to - from) return from + left;
    left -= to - from;
  }
  return pieces.at(-1)?.[1] ?? 0;
}
