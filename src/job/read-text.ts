/** Text, or the one reason why these bytes are none. `line` is 1-based. */
export type ReadText = { text: string } | { rule: 'size' | 'encoding'; problem: string; line: number };

/**
 * UTF-8 without a byte order mark, at most `maxBytes`. A string is taken as text already decoded; it must
 * be one that UTF-8 can write. Never throws.
 */
export function readText(bytes: Uint8Array | string, maxBytes: number): ReadText {
  const buffer = typeof bytes === 'string' ? Buffer.from(bytes, 'utf8') : Buffer.from(bytes);
  if (buffer.length > maxBytes) {
    const problem = `the file has ${buffer.length} bytes: use at most ${maxBytes}; put long scripts into the repository and call them`;
    return { rule: 'size', problem, line: 1 };
  }
  const encoding = (problem: string, line = 1): ReadText => ({ rule: 'encoding', problem, line });
  const save = 'save it as UTF-8 without a byte order mark';
  if (startsWith(buffer, [0xff, 0xfe]) || startsWith(buffer, [0xfe, 0xff])) {
    return encoding(`the file is UTF-16: ${save}`);
  }
  if (startsWith(buffer, [0xef, 0xbb, 0xbf])) {
    return encoding(`the file starts with a byte order mark: ${save}`);
  }
  if (typeof bytes === 'string') {
    return bytes.isWellFormed() ? { text: bytes } : encoding(`the text has half a character: ${save}`);
  }
  const text = buffer.toString('utf8');
  // Decoding replaces what is not UTF-8, so encoding again differs from the first wrong byte on.
  const wrong = firstDifference(buffer, Buffer.from(text, 'utf8'));
  if (wrong === -1) return { text };
  const line = buffer.subarray(0, wrong).filter((byte) => byte === 0x0a).length + 1;
  return encoding(`the file is not UTF-8 (first wrong byte in line ${line}): ${save}`, line);
}

function startsWith(buffer: Buffer, bytes: readonly number[]): boolean {
  return bytes.every((byte, index) => buffer[index] === byte);
}

function firstDifference(a: Buffer, b: Buffer): number {
  if (a.equals(b)) return -1;
  return a.findIndex((byte, index) => byte !== b[index]);
}
