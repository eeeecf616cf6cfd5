import { execFile } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const READ_AT_ONCE = constants.O_RDONLY | constants.O_NONBLOCK;

/**
 * Pairs of output pipes that script lines may use in turn: so far may the lines run ahead of the runner. More
 * gain nothing: each costs the runner two more descriptors to open and to watch.
 */
export const PAIRS = 8;
const outputsOf = (pair: number) => [
  { name: `out${pair}`, stream: 'out' as const, pair },
  { name: `err${pair}`, stream: 'err' as const, pair },
];
const OUTPUTS = Array.from({ length: PAIRS }, (_, pair) => outputsOf(pair)).flat();

export interface Channels {
  /** Ours: read with `net.Socket`. */
  outputs: { stream: 'out' | 'err'; pair: number; fd: number }[];
  mark: number;
  /** Ours, written with `writeSync`. */
  answer: number;
  /** The child's descriptors from 1 up (see shell-driver.ts); to be closed here once it runs. */
  child: number[];
}

/** Makes the FIFOs; a process has to be spawned for it, so it is done before a run that is in a hurry. */
export async function makeChannels(directory: string): Promise<void> {
  const names = [...OUTPUTS.map(({ name }) => name), 'mark', 'answer'];
  await run('mkfifo', ['-m', '600', ...names.map((name) => join(directory, name))]);
}

/**
 * Real pipes to a child, from the FIFOs of `makeChannels`. Node's own `stdio: 'pipe'` is a socket, and opening
 * a socket through /dev/stderr fails on Linux ("No such device or address"), which would break
 * `echo … > /dev/stderr` in a job. Reading and answering a mark is also cheaper on a bare descriptor than on
 * a stream. `pairs`: those the driver uses, from 1.
 */
export function openChannels(directory: string, pairs: number): Channels {
  const open = (name: string, flags: number) => openSync(join(directory, name), flags);
  const used = OUTPUTS.filter(({ pair }) => pair < pairs);
  const outputs = used.map(({ name, stream, pair }) => ({ stream, pair, fd: open(name, READ_AT_ONCE) }));
  const mark = open('mark', READ_AT_ONCE);
  const firstReader = open('answer', READ_AT_ONCE);
  // A writer finds a reader from here on, so these do not block; and they do block later, as a job expects.
  const [childOut = -1, childErr = -1, ...others] = used.map(({ name }) => open(name, constants.O_WRONLY));
  const childMark = open('mark', constants.O_WRONLY);
  const answer = open('answer', constants.O_WRONLY | constants.O_NONBLOCK);
  const childAnswer = open('answer', constants.O_RDONLY);
  closeSync(firstReader);
  return { outputs, mark, answer, child: [childOut, childErr, childMark, childAnswer, ...others] };
}
