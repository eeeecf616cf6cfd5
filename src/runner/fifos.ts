import { execFile } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const READ_AT_ONCE = constants.O_RDONLY | constants.O_NONBLOCK;

export interface Channels {
  /** Ours: read with `net.Socket`. */
  out: number;
  err: number;
  mark: number;
  /** Ours, written with `writeSync`. */
  answer: number;
  /** The child's stdout, stderr, 3 and 4; to be closed here once it runs. */
  child: { out: number; err: number; mark: number; answer: number };
}

/**
 * Real pipes to a child. Node's own `stdio: 'pipe'` is a socket, and opening a socket through /dev/stderr
 * fails on Linux ("No such device or address"), which would break `echo … > /dev/stderr` in a job.
 * Reading and answering a mark is also cheaper on a bare descriptor than on a stream.
 */
export async function openChannels(directory: string): Promise<Channels> {
  const path = (name: string) => join(directory, name);
  const names = ['out', 'err', 'mark', 'answer'];
  await run('mkfifo', ['-m', '600', ...names.map(path)]);
  const [out, err, mark, firstReader] = names.map((name) => openSync(path(name), READ_AT_ONCE));
  if (out === undefined || err === undefined || mark === undefined || firstReader === undefined) {
    throw new Error('unreachable: four names were opened');
  }
  // A writer finds a reader from here on, so these do not block; and they do block later, as a job expects.
  const child = {
    out: openSync(path('out'), constants.O_WRONLY),
    err: openSync(path('err'), constants.O_WRONLY),
    mark: openSync(path('mark'), constants.O_WRONLY),
  };
  const answer = openSync(path('answer'), constants.O_WRONLY | constants.O_NONBLOCK);
  const waiting = openSync(path('answer'), constants.O_RDONLY);
  closeSync(firstReader);
  return { out, err, mark, answer, child: { ...child, answer: waiting } };
}
