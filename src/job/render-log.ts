import type { LogRecord } from './run-result.ts';

/** A rendered log is at most this long; of a longer one the head and the tail are kept. */
export const RENDERED_LOG_MAX_BYTES = 1024 * 1024;
const HEAD_BYTES = 640 * 1024;
const OUTPUT_MAX_BYTES = 1024 * 1024;

// CSI and OSC sequences, then other two-character escapes; then what is left of C0 and C1 but tab and newline.
const ANSI =
  /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-~])/g;
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]/g;
const ANY_CONTROL = new RegExp(CONTROL.source);

/** Text fit for a report: no escape sequences, no control characters; a progress bar keeps its last state. */
export function plainText(text: string): string {
  // Most lines have none, and a long log has a million lines.
  if (!ANY_CONTROL.test(text)) return text;
  const stripped = text.replace(ANSI, '').replace(/\r+$/, '');
  const overwritten = stripped.includes('\r') ? stripped.slice(stripped.lastIndexOf('\r') + 1) : stripped;
  return overwritten.replace(CONTROL, '');
}

/**
 * The log as a person reads it, and as it is committed:
 *
 *     $ pytest tests        a step (the script line; further lines of a long one are indented)
 *       | text              its stdout
 *       ! text              its stderr
 *       # text              the runner speaking
 *       = exit 0 (1.2 s)    the step's end
 *
 * Over 1 MiB the middle is left out and a line says how many bytes. Without `script` a step is named by
 * its 1-based number.
 */
export function renderLog(records: Iterable<LogRecord>, script: readonly string[] = []): string {
  const clip = new Clip();
  for (const line of renderedLines(records, script)) clip.add(`${line}\n`);
  return clip.text();
}

function* renderedLines(records: Iterable<LogRecord>, script: readonly string[]): Generator<string> {
  const open: { out: string; err: string } = { out: '', err: '' };
  let stepStarted = 0;
  for (const record of records) {
    if (record.s === 'out' || record.s === 'err') {
      const mark = record.s === 'out' ? '|' : '!';
      const lines = `${open[record.s]}${record.d}`.split('\n');
      // A part is held until its line ends, so that a slow line is one line; unless it grows without end.
      const last = lines.at(-1) ?? '';
      const held = record.p === true && last.length < 16_384;
      open[record.s] = held ? last : '';
      for (const line of held ? lines.slice(0, -1) : lines) yield `  ${mark} ${plainText(line)}`.trimEnd();
      continue;
    }
    // Told in lines of its own.
    if (record.s === 'event') continue;
    yield* openLines(open);
    if (record.s === 'note') {
      for (const line of record.d.split('\n')) yield `  # ${plainText(line)}`.trimEnd();
    } else if (record.s === 'step') {
      stepStarted = record.t;
      yield* stepLines(script[record.line] ?? `(line ${record.line + 1})`);
    } else {
      yield `  = exit ${record.exit_code} (${Math.max(0, record.t - stepStarted).toFixed(1)} s)`;
    }
  }
  yield* openLines(open);
}

function* openLines(open: { out: string; err: string }): Generator<string> {
  if (open.out !== '') yield `  | ${plainText(open.out)}`.trimEnd();
  if (open.err !== '') yield `  ! ${plainText(open.err)}`.trimEnd();
  open.out = '';
  open.err = '';
}

function* stepLines(text: string): Generator<string> {
  const lines = text.replace(/\n+$/, '').split('\n');
  for (const [index, line] of lines.entries())
    yield `${index === 0 ? '$ ' : '    '}${plainText(line)}`.trimEnd();
}

/** Keeps the first lines and the last ones within the limit, in memory bounded by it. */
class Clip {
  private head: string[] = [];
  private headBytes = 0;
  private tail: { line: string; bytes: number }[] = [];
  private tailStart = 0;
  private tailBytes = 0;
  private leftOut = 0;

  add(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.tail.length === 0 && this.headBytes + bytes <= HEAD_BYTES) {
      this.head.push(line);
      this.headBytes += bytes;
      return;
    }
    this.tail.push({ line, bytes });
    this.tailBytes += bytes;
    // 100 bytes are kept for the line that says what is missing.
    while (this.headBytes + this.tailBytes > RENDERED_LOG_MAX_BYTES - 100) {
      const dropped = this.tail[this.tailStart++];
      if (dropped === undefined) break;
      this.tailBytes -= dropped.bytes;
      this.leftOut += dropped.bytes;
    }
    if (this.tailStart > 10_000) {
      this.tail = this.tail.slice(this.tailStart);
      this.tailStart = 0;
    }
  }

  text(): string {
    const tail = this.tail.slice(this.tailStart).map((entry) => entry.line);
    const gap = this.leftOut > 0 ? [`  # ... ${this.leftOut} bytes left out here ...\n`] : [];
    return [...this.head, ...gap, ...tail].join('');
  }
}

/** The records of a log's bytes. A line that is no record (cut short, damaged) is passed over. */
export function decodeLog(bytes: Uint8Array | string): LogRecord[] {
  const text = typeof bytes === 'string' ? bytes : new TextDecoder().decode(bytes);
  const records: LogRecord[] = [];
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const record = decodeLine(line);
    if (record !== null) records.push(record);
  }
  return records;
}

function decodeLine(line: string): LogRecord | null {
  try {
    const value: unknown = JSON.parse(line);
    return isLogRecord(value) ? value : null;
  } catch {
    return null;
  }
}

/**
 * What the schema `logRecord` says, by hand (a test holds them equal): through the schema, the 16 MiB of a
 * log of short lines kept the app from everything else for 1.4 s.
 */
function isLogRecord(value: unknown): value is LogRecord {
  if (typeof value !== 'object' || value === null) return false;
  const record = value as Record<string, unknown>;
  if (typeof record.t !== 'number' || !Number.isFinite(record.t)) return false;
  const fields = Object.keys(record).length;
  switch (record.s) {
    case 'out':
    case 'err':
    case 'event':
      return typeof record.d === 'string' && (fields === 3 || (fields === 4 && record.p === true));
    case 'note':
      return typeof record.d === 'string' && fields === 3;
    case 'step':
      return Number.isSafeInteger(record.line) && fields === 3;
    case 'done':
      return Number.isSafeInteger(record.line) && Number.isSafeInteger(record.exit_code) && fields === 4;
    default:
      return false;
  }
}

/** `stdout` and `stderr` as the job wrote them, for the DoD: the last 1 MiB of each. */
export function outputsOf(records: readonly LogRecord[]): { stdout: string; stderr: string } {
  return { stdout: outputOf(records, 'out'), stderr: outputOf(records, 'err') };
}

/** The events of an agent's run, one JSON object a line: the last 1 MiB, whole lines only. */
export function eventsOf(records: readonly LogRecord[]): string {
  const text = outputOf(records, 'event');
  const cut = Buffer.byteLength(text) >= OUTPUT_MAX_BYTES - 4;
  return cut ? text.slice(text.indexOf('\n') + 1) : text;
}

/** From the end, and no further than needed: most of a long log is not part of it. */
function outputOf(records: readonly LogRecord[], stream: 'out' | 'err' | 'event'): string {
  const parts: string[] = [];
  // A UTF-16 unit is a byte or more, so this many units are enough.
  let units = 0;
  for (let at = records.length - 1; at >= 0 && units <= OUTPUT_MAX_BYTES; at -= 1) {
    const record = records[at];
    if (record?.s !== stream) continue;
    const text = record.p === true ? record.d : `${record.d}\n`;
    parts.push(text);
    units += text.length;
  }
  return lastBytes(parts.reverse().join(''));
}

function lastBytes(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= OUTPUT_MAX_BYTES) return text;
  // Cut at a character's first byte: continuation bytes are 10xxxxxx.
  let start = bytes.length - OUTPUT_MAX_BYTES;
  while (start < bytes.length && ((bytes[start] ?? 0) & 0xc0) === 0x80) start += 1;
  return bytes.subarray(start).toString();
}
