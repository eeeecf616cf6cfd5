import { Socket } from 'node:net';

export interface PipeReader {
  ended: Promise<void>;
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
  return { ended, close: () => socket.destroy() };
}
