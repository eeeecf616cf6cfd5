import { execFile } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const READ_AT_ONCE = constants.O_RDONLY | constants.O_NONBLOCK;
const OUTPUTS = ['out0', 'err0', 'out1', 'err1'] as const;
const NAMES = [...OUTPUTS, 'mark', 'answer'];

/** One of the two pairs of output pipes; script lines may use them in turn. */
export type Pair = 0 | 1;

export interface Channels {
  /** Ours: read with `net.Socket`. */
  outputs: { stream: 'out' | 'err'; pair: Pair; fd: number }[];
  mark: number;
  /** Ours, written with `writeSync`. */
  answer: number;
  /** The child's descriptors from 1 up (see shell-driver.ts); to be closed here once it runs. */
  child: number[];
}

/** Makes the FIFOs; a process has to be spawned for it, so it is done before a run that is in a hurry. */
export async function makeChannels(directory: string): Promise<void> {
  await run('mkfifo', ['-m', '600', ...NAMES.map((name) => join(directory, name))]);
}

/**
 * Real pipes to a child, from the FIFOs of `makeChannels`. Node's own `stdio: 'pipe'` is a socket, and opening
 * a socket through /dev/stderr fails on Linux ("No such device or address"), which would break
 * `echo … > /dev/stderr` in a job. Reading and answering a mark is also cheaper on a bare descriptor than on
 * a stream.
 */
export function openChannels(directory: string): Channels {
  const open = (name: string, flags: number) => openSync(join(directory, name), flags);
  const [out0, err0, out1, err1, mark, firstReader] = NAMES.map((name) => open(name, READ_AT_ONCE)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  // A writer finds a reader from here on, so these do not block; and they do block later, as a job expects.
  const [childOut0, childErr0, childOut1, childErr1] = OUTPUTS.map((name) =>
    open(name, constants.O_WRONLY),
  ) as [number, number, number, number];
  const childMark = open('mark', constants.O_WRONLY);
  const answer = open('answer', constants.O_WRONLY | constants.O_NONBLOCK);
  const childAnswer = open('answer', constants.O_RDONLY);
  closeSync(firstReader);
  return {
    outputs: [
      { stream: 'out', pair: 0, fd: out0 },
      { stream: 'err', pair: 0, fd: err0 },
      { stream: 'out', pair: 1, fd: out1 },
      { stream: 'err', pair: 1, fd: err1 },
    ],
    mark,
    answer,
    child: [childOut0, childErr0, childMark, childAnswer, childOut1, childErr1],
  };
}
