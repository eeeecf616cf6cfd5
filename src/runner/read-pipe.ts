import { Socket } from 'node:net';

export interface PipeReader {
  ended: Promise<void>;
  /** Reads nothing for so many ms, or until `wake`: many small writes are then taken at once. */
  rest: (ms: number) => void;
  wake: () => void;
  close: () => void;
}

/** Reads a pipe without a stream's buffers: a 200 MB output is taken at the pace it is written to disk. */
export function readPipe(fd: number, take: (bytes: Buffer) => void): PipeReader {
  const buffer = Buffer.alloc(65_536);
  const socket = new Socket({
    fd,
    readable: true,
    writable: false,
    onread: {
      buffer,
      callback: (count) => {
        take(buffer.subarray(0, count));
        return true;
      },
    },
  });
  const ended = new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
    socket.once('error', () => resolve());
    socket.once('end', () => socket.destroy());
  });
  socket.resume();
  let timer: NodeJS.Timeout | undefined;
  const wake = () => {
    if (timer === undefined) return;
    clearTimeout(timer);
    timer = undefined;
    socket.resume();
  };
  const rest = (ms: number) => {
    if (timer !== undefined) return;
    socket.pause();
    timer = setTimeout(wake, ms);
  };
  const close = () => {
    clearTimeout(timer);
    socket.destroy();
  };
  return { ended, rest, wake, close };
}
