import {
  appendFileSync,
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import type { LogRecord } from '../job/run-result.ts';
import { tries } from './tries.ts';

/** What is uploaded of a long log: its beginning and its end. Together well below the protocol's 16 MiB. */
export const LOG_HEAD_BYTES = 8 * 1024 * 1024;
export const LOG_TAIL_BYTES = 512 * 1024;
/** What stays on the runner's disk. */
export const LOG_DISK_BYTES = 1024 * 1024 * 1024;

const FLUSH_BYTES = 65_536;
const FLUSH_MS = 50;

export interface LogSpoolPaths {
  /** What the app gets. */
  uploadPath: string;
  /** The whole log, written only when it is too long to upload. */
  fullPath: string;
}

export interface LogSpoolLimits {
  headBytes: number;
  tailBytes: number;
  diskBytes: number;
}

export interface LogSpool {
  write(record: LogRecord): void;
  /** Bytes that may be uploaded by now. */
  size(): number;
  /** Bytes of the upload from `offset`; empty at its end. */
  read(offset: number, length: number): Buffer;
  /** No more records: writes what is left, the note about what is missing, and the tail; fsync. */
  finish(): number;
  close(): void;
}

/**
 * The log of one run on disk, as newline-delimited JSON.
 *
 * The upload file is what the app gets, byte for byte, so an offset means the same on both sides. It grows
 * up to `headBytes`; then the whole log goes on in the full file (up to `diskBytes`), only the tail is kept
 * in memory, and at the end a note says what is missing and the tail follows. Records come redacted.
 * Writes are gathered for at most 50 ms or 64 KiB and are synchronous: the pipe to the job is the brake.
 * A disk that is full ends neither job nor runner: what it does not take is missing, and a note says so.
 */
export function openLogSpool(
  paths: LogSpoolPaths,
  limits: LogSpoolLimits = {
    headBytes: LOG_HEAD_BYTES,
    tailBytes: LOG_TAIL_BYTES,
    diskBytes: LOG_DISK_BYTES,
  },
  onGrowth: () => void = () => undefined,
): LogSpool {
  const { uploadPath, fullPath } = paths;
  const upload = openSync(uploadPath, 'a+', 0o600);
  let uploadBytes = statSync(uploadPath).size;
  /** No more of the head: it is long enough, or the disk is full. */
  let over = false;
  let full: number | null = null;
  let fullBytes = 0;
  /** Why the disk did not take something, or that the full file is long enough. */
  let missing: string | null = null;
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let timer: NodeJS.Timeout | null = null;
  let finished = false;
  const tail = createTail(limits.tailBytes);
  let tailTime = 0;

  /** All of it or nothing: half a record would be lost on both sides. */
  const append = (bytes: Buffer): boolean => {
    const why = tries(() => writeAll(upload, bytes));
    if (why === null) {
      uploadBytes += bytes.length;
      return true;
    }
    missing ??= why;
    tries(() => ftruncateSync(upload, uploadBytes));
    return false;
  };
  const writeFull = (bytes: Buffer) => {
    if (missing !== null) return;
    if (full === null) {
      copyFileSync(uploadPath, fullPath);
      full = openSync(fullPath, 'a', 0o600);
      fullBytes = uploadBytes;
    }
    if (fullBytes + bytes.length > limits.diskBytes) {
      missing = `at most ${limits.diskBytes} bytes of a log are kept`;
      return;
    }
    writeAll(full, bytes);
    fullBytes += bytes.length;
  };
  const flush = () => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (waitingBytes === 0) return;
    const lines = waiting;
    waiting = [];
    waitingBytes = 0;
    // Records, not bytes, are what fits or does not: a cut record would be lost on both sides.
    let fits = 0;
    let bytes = 0;
    while (
      !over &&
      fits < lines.length &&
      uploadBytes + bytes + (lines[fits]?.length ?? 0) <= limits.headBytes
    ) {
      bytes += lines[fits]?.length ?? 0;
      fits += 1;
    }
    if (fits > 0 && !append(Buffer.concat(lines.slice(0, fits)))) fits = 0;
    if (fits < lines.length) {
      over = true;
      const why = tries(() => writeFull(Buffer.concat(lines.slice(fits))));
      missing ??= why;
      for (const line of lines.slice(fits)) tail.push(line);
    }
    if (fits > 0) onGrowth();
  };

  return {
    write(record) {
      if (finished) return;
      const line = Buffer.from(`${JSON.stringify(record)}\n`);
      tailTime = record.t;
      waiting.push(line);
      waitingBytes += line.length;
      if (waitingBytes >= FLUSH_BYTES) flush();
      else timer ??= setTimeout(flush, FLUSH_MS);
    },
    size: () => uploadBytes,
    read(offset, length) {
      const buffer = Buffer.alloc(Math.max(0, Math.min(length, uploadBytes - offset)));
      const count = readSync(upload, buffer, 0, buffer.length, offset);
      return buffer.subarray(0, count);
    },
    finish() {
      if (finished) return uploadBytes;
      flush();
      finished = true;
      if (over) {
        const note =
          tail.dropped() > 0 ? droppedNote(tail.dropped(), fullPath, tailTime, missing) : Buffer.alloc(0);
        if (!append(Buffer.concat([note, tail.bytes()]))) append(note);
      }
      if (full !== null) closeSync(full);
      tries(() => fsyncSync(upload));
      onGrowth();
      return uploadBytes;
    },
    close() {
      if (!finished) flush();
      finished = true;
      closeSync(upload);
    },
  };
}

/**
 * Makes the spool of a run whose runner was killed fit to be delivered: whole records only, the tail of a
 * long log put in its place, and `note` at the end. Returns the bytes to upload.
 */
export function repairLogSpool(
  paths: LogSpoolPaths,
  note: string,
  limits: { tailBytes: number } = { tailBytes: LOG_TAIL_BYTES },
): number {
  const { uploadPath, fullPath } = paths;
  const uploadBytes = cutToRecords(uploadPath);
  const additions: Buffer[] = [];
  if (existsSync(fullPath)) {
    const fullBytes = cutToRecords(fullPath);
    const from = Math.max(uploadBytes, fullBytes - limits.tailBytes);
    const chunk = readRange(fullPath, from, fullBytes - from);
    // Where the tail does not start at the head's end it starts inside a record: go to the next one.
    const start = from === uploadBytes ? 0 : chunk.indexOf(10) + 1;
    const dropped = from + start - uploadBytes;
    if (dropped > 0) additions.push(droppedNote(dropped, fullPath, 0, null));
    additions.push(chunk.subarray(start));
  }
  additions.push(Buffer.from(`${JSON.stringify({ s: 'note', t: 0, d: note } satisfies LogRecord)}\n`));
  const bytes = Buffer.concat(additions);
  appendFileSync(uploadPath, bytes, { mode: 0o600 });
  const fd = openSync(uploadPath, 'r+');
  fsyncSync(fd);
  closeSync(fd);
  return uploadBytes + bytes.length;
}

/** Removes a half-written last record. Returns the size. */
export function cutToRecords(path: string): number {
  if (!existsSync(path)) return 0;
  const size = statSync(path).size;
  const window = Math.min(size, 1024 * 1024);
  const last = readRange(path, size - window, window).lastIndexOf(10);
  const end = last === -1 ? size - window : size - window + last + 1;
  if (end < size) truncateSync(path, end);
  return end;
}

function readRange(path: string, from: number, length: number): Buffer {
  const fd = openSync(path, 'r');
  const buffer = Buffer.alloc(length);
  const count = readSync(fd, buffer, 0, length, from);
  closeSync(fd);
  return buffer.subarray(0, count);
}

/** `missing`: why the file at `path` does not have the whole log either. */
function droppedNote(bytes: number, path: string, t: number, missing: string | null): Buffer {
  const rest =
    missing === null
      ? `the whole log is on the runner in ${path}`
      : `the runner has not all of it (${missing})`;
  const d = `${bytes} bytes of the log were left out here; ${rest}`;
  return Buffer.from(`${JSON.stringify({ s: 'note', t, d } satisfies LogRecord)}\n`);
}

function writeAll(fd: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

/** The last records that fit into `limit` bytes. */
function createTail(limit: number) {
  let lines: Buffer[] = [];
  let start = 0;
  let size = 0;
  let droppedBytes = 0;
  return {
    push(line: Buffer) {
      lines.push(line);
      size += line.length;
      while (size > limit) {
        const length = lines[start]?.length ?? 0;
        start += 1;
        size -= length;
        droppedBytes += length;
      }
      if (start > 4096) {
        lines = lines.slice(start);
        start = 0;
      }
    },
    bytes: () => Buffer.concat(lines.slice(start)),
    dropped: () => droppedBytes,
  };
}
