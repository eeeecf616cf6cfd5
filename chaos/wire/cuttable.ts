import { connect, createServer, type Socket } from 'node:net';
import { listenOnLoopback } from '../support/listen.ts';

/** A line between a runner and the app that can be cut. */
export interface Cuttable {
  url: string;
  /** `refused`: connections end. `silent`: they stay open and nothing passes. */
  cut(how: 'refused' | 'silent'): void;
  mend(): void;
  /** Somebody dies at the runner's next such call; undefined takes the trap away. */
  setTrap(trap: CallTrap | undefined): void;
  close(): Promise<void>;
}

/** The calls after which nothing is as before. */
export const CALLS = {
  acquire: 'POST /api/runner/acquire',
  starting: '"phase":"starting"',
  finished: '"phase":"finished"',
} as const;

/** `before`: the app has not heard it. `landed`: the app has answered, and the runner has not heard that. */
export interface CallTrap {
  call: keyof typeof CALLS;
  when: 'before' | 'landed';
  spring: () => void;
}

/** @param port where the app listens now; undefined: nowhere */
export async function startCuttable(port: () => number | undefined): Promise<Cuttable> {
  const sockets = new Set<Socket>();
  let state: 'whole' | 'refused' | 'silent' = 'whole';
  let trap: CallTrap | undefined;
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // Whatever goes wrong on one side ends the other.
    socket.on('error', () => socket.destroy());
  };
  const server = createServer((near) => {
    keep(near);
    const to = port();
    if (state === 'refused' || to === undefined) {
      near.destroy();
      return;
    }
    if (state === 'silent') return;
    const far = connect({ host: '127.0.0.1', port: to });
    keep(far);
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
    const spring = ({ spring: act }: CallTrap) => {
      trap = undefined;
      act();
      near.destroy();
      far.destroy();
    };
    near.on('data', (chunk: Buffer) => {
      const set = trap;
      if (!set || !chunk.includes(CALLS[set.call])) return;
      if (set.when === 'before') spring(set);
      else far.prependOnceListener('data', () => spring(set));
    });
    near.pipe(far);
    far.pipe(near);
  });
  const own = await listenOnLoopback(server);
  const endAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${own}`,
    cut(how) {
      state = how;
      if (how === 'refused') endAll();
      else for (const socket of sockets) socket.unpipe().pause();
    },
    mend() {
      // What was silent has lost its place in the stream.
      if (state === 'silent') endAll();
      state = 'whole';
    },
    setTrap(next) {
      trap = next;
    },
    close() {
      endAll();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
