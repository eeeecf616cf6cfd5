import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Order, Said } from '../processes/messages.ts';

/** A process of the campaign that dies and comes back. */
export interface Child {
  name: string;
  logFile: string;
  /** Undefined while it is dead. */
  pid(): number | undefined;
  isReady(): boolean;
  /** Starts it if it is dead; resolves when it says that it is ready, or false when it ended before. */
  start(): Promise<boolean>;
  /** Sends a signal and does not wait. */
  strike(signal: NodeJS.Signals): void;
  /** Resolves when it is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  order(order: Order): void;
  /** Orders and waits for the next answer that is not `ready`. */
  ask(order: Order): Promise<Said>;
  /** How often it ended without being killed by us, and the last such end. */
  deaths(): string[];
  close(): Promise<void>;
}

/** @param first the first message of each of its lives */
export function createChild(name: string, entry: string, logFile: string, first: () => object): Child {
  const script = fileURLToPath(new URL(`../processes/${entry}`, import.meta.url));
  // Piped and not given to it: a full disk must not take away its log.
  const log: WriteStream = createWriteStream(logFile, { flags: 'a' });
  const deaths: string[] = [];
  let child: ChildProcess | undefined;
  let ready = false;
  let clockMs = 0;

  const note = (text: string) => log.write(`--- ${new Date().toISOString()} ${name} ${text}\n`);

  function launch(): ChildProcess {
    const { PATH = '', HOME = '/', LANG = 'C.UTF-8', TMPDIR } = process.env;
    const made = spawn(process.execPath, [script], {
      env: { PATH, HOME, LANG, ...(TMPDIR ? { TMPDIR } : {}) },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    note(`starts as ${made.pid}`);
    made.stdout?.pipe(log, { end: false });
    made.stderr?.pipe(log, { end: false });
    made.on('message', (said: Said) => {
      if (said.ready) ready = true;
    });
    // It may be dead before it has read this.
    made.send({ ...first(), clockMs }, () => {});
    made.on('exit', (code, signal) => {
      note(`ended with ${signal ?? code}`);
      if (child === made) {
        child = undefined;
        ready = false;
      }
      if (signal !== 'SIGKILL' && signal !== 'SIGTERM' && code !== 0)
        deaths.push(`${name}: ${signal ?? code}`);
    });
    return made;
  }

  // The last resort, on Ctrl-C too: one that is stopped would not see that we are gone.
  const strike = () => void child?.kill('SIGKILL');
  process.on('exit', strike);

  return {
    name,
    logFile,
    pid: () => child?.pid,
    isReady: () => ready,
    deaths: () => deaths,
    async start() {
      const made = child ?? launch();
      child = made;
      if (ready) return true;
      const gone = once(made, 'exit').then(() => false);
      for (;;) {
        const said = await Promise.race([gone, once(made, 'message')]);
        if (said === false) return false;
        if (ready) return true;
      }
    },
    strike(signal) {
      child?.kill(signal);
    },
    async kill(signal = 'SIGKILL') {
      const dying = child;
      if (!dying || dying.exitCode !== null || dying.signalCode !== null) return;
      const gone = once(dying, 'exit');
      // From now on it is dead for everybody else.
      if (signal === 'SIGKILL') {
        child = undefined;
        ready = false;
      }
      note(`gets ${signal}`);
      dying.kill(signal);
      await gone;
    },
    order(order) {
      if (order.clockMs !== undefined) clockMs = order.clockMs;
      child?.send(order, () => {});
    },
    async ask(order) {
      if (!child) throw new Error(`${name} is dead`);
      child.send(order);
      for (;;) {
        const [said] = (await once(child, 'message')) as [Said];
        if (!said.ready) return said;
      }
    },
    async close() {
      await this.kill();
      process.off('exit', strike);
      await new Promise((resolve) => log.end(resolve));
    },
  };
}
