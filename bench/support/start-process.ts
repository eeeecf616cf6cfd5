import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Cleanup } from './cleanup.ts';

export interface BenchProcess {
  pid: number;
  /** The next line of stdout that contains `part`; rejects with what stderr said when the process ends. */
  line(part: string): Promise<string>;
  /** Resolves when it is gone. */
  end(signal: NodeJS.Signals): Promise<void>;
}

export interface ProcessOptions {
  /** Added to PATH and HOME, the only ones it gets from us: a key in our environment must not reach it. */
  env?: Record<string, string>;
  cwd: string;
}

/** Starts a process of its own, so that what is measured shares no event loop with who measures. */
export function startProcess(
  cleanup: Cleanup,
  command: string,
  args: readonly string[],
  options: ProcessOptions,
): BenchProcess {
  const { PATH = '', HOME = options.cwd } = process.env;
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { PATH, HOME, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const gone = once(child, 'close');
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-4_000);
  });
  const lines = createInterface({ input: child.stdout });
  // Without a listener the pipe fills and the process stops.
  lines.on('line', (text) => {
    if (text.startsWith('{"level":50')) errors = `${errors}${text}\n`.slice(-4_000);
  });
  const failed = gone.then(() => {
    throw new Error(
      `${[command, ...args].join(' ')} ended with ${child.exitCode ?? child.signalCode}:\n${errors}`,
    );
  });
  failed.catch(() => {});
  const end = async (signal: NodeJS.Signals) => {
    if (isAlive(child)) child.kill(signal);
    await gone;
  };
  cleanup.defer(() => end('SIGKILL'));
  return {
    get pid() {
      if (child.pid === undefined) throw new Error(`${command} could not be started`);
      return child.pid;
    },
    line: (part) => Promise.race([lineWith(lines, part), failed]),
    end,
  };
}

function isAlive(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

function lineWith(lines: ReturnType<typeof createInterface>, part: string): Promise<string> {
  return new Promise((resolve) => {
    const look = (text: string) => {
      if (!text.includes(part)) return;
      lines.off('line', look);
      resolve(text);
    };
    lines.on('line', look);
  });
}
