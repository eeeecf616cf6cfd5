import { readFileSync } from 'node:fs';

/**
 * What a job's container runs: a bash that runs the shell driver (see shell-driver.ts) and writes what it does to
 * its own stdout, the only thing a pod's log takes, as frames of one line each:
 *
 *     gg <number from 1> <milliseconds since the start> <kind> <payload>
 *
 * In a payload a backslash is `\\` and a newline `\n`, so nothing a job prints can be taken for a frame.
 *
 *     N text          the job was not started, and why      M mark    a mark of the driver
 *     O bytes         stdout                                T why     being ended: `timeout` or `term` (SIGTERM)
 *     E bytes         stderr                                X code    the script has ended
 *     F               what was printed last has no newline  R bytes   of the file GURUGURU_REPORT, r: why it is left out
 *                     and nothing follows for now           Z         the last frame
 *
 * A mark is answered once what was printed before it has been framed; so output stands under its line here too.
 * The numbers show what is missing and what came twice when the log is read again. The frames alone make the
 * run's log (see frame-records.ts), so that a runner that is started anew makes the same log again.
 *
 * `read -N -t` is bash 4 and newer; a container is Linux. 20 wakes a second while the job prints, then 4.
 * Only the job's process group is signalled: the container's end takes what is left.
 */
const WRAPPER = readFileSync(new URL('../../../deploy/pod-wrapper.sh', import.meta.url), 'utf8');

/** No single argument of a program may be longer than 128 KiB on Linux. */
const ARGUMENT_MAX_BYTES = 100_000;

/** The container's command; `driver` is the text of shellDriver. */
export function wrapperCommand(driver: string): string[] {
  const bytes = Buffer.from(driver);
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    let end = Math.min(at + ARGUMENT_MAX_BYTES, bytes.length);
    // Never inside a character.
    while (end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
    parts.push(bytes.toString('utf8', at, end));
    at = end;
  }
  return ['bash', '--noprofile', '--norc', '-c', WRAPPER, 'guruguru', ...parts];
}

export const FRAME_KINDS = ['N', 'O', 'E', 'F', 'M', 'T', 'X', 'R', 'r', 'Z'] as const;

export interface Frame {
  number: number;
  milliseconds: number;
  kind: (typeof FRAME_KINDS)[number];
  payload: Buffer;
}

const FRAME = /^gg (\d{1,12}) (\d{1,12}) ([NOEFMTXRrZ]) /;

/** One line of a pod's log, without its newline; null when it is none of ours. */
export function parseFrame(line: Buffer): Frame | null {
  const head = FRAME.exec(line.subarray(0, 40).toString('latin1'));
  const kind = FRAME_KINDS.find((one) => one === head?.[3]);
  if (head === null || kind === undefined) return null;
  return {
    number: Number(head[1]),
    milliseconds: Number(head[2]),
    kind,
    payload: unescaped(line.subarray(head[0].length)),
  };
}

const BACKSLASH = 92;
const LETTER_N = 110;

function unescaped(bytes: Buffer): Buffer {
  if (!bytes.includes(BACKSLASH)) return bytes;
  const plain = Buffer.alloc(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    let byte = bytes[at] ?? 0;
    if (byte === BACKSLASH) {
      at += 1;
      byte = bytes[at] === LETTER_N ? 10 : BACKSLASH;
    }
    plain[length] = byte;
    length += 1;
  }
  return plain.subarray(0, length);
}

/** Longer than any line of ours; a watch's line is a whole pod. */
const LINE_MAX_BYTES = 4 * 1024 * 1024;

/** Cuts a stream into lines; what has no newline yet waits. A line without end is dropped. */
export function lineCutter(take: (line: Buffer) => void): (bytes: Buffer) => void {
  let rest: Buffer[] = [];
  let size = 0;
  return (bytes) => {
    let at = 0;
    for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, at)) {
      const line = bytes.subarray(at, end);
      if (size <= LINE_MAX_BYTES) take(rest.length === 0 ? line : Buffer.concat([...rest, line]));
      rest = [];
      size = 0;
      at = end + 1;
    }
    size += bytes.length - at;
    if (size > LINE_MAX_BYTES) rest = [];
    else if (at < bytes.length) rest.push(Buffer.from(bytes.subarray(at)));
  };
}
