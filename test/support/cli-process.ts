import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));
/** The app with options of `startApp` as its one argument, JSON. */
export const APP_MAIN = fileURLToPath(new URL('app-main.ts', import.meta.url));

export interface CliProcess {
  pid: number;
  /** Everything printed so far, both streams, line by line. */
  lines: string[];
  /** The first line, from the start, that matches; rejects when the process ends without one. */
  line(pattern: RegExp, timeoutMs?: number): Promise<RegExpMatchArray>;
  kill(signal: NodeJS.Signals): void;
  /** Code, or the signal's name. */
  exited: Promise<number | NodeJS.Signals>;
}

/** The product's command line as a process of its own, on the Node that runs this. */
export function startCli(
  args: string[],
  options: { env?: Record<string, string>; cwd?: string; nodeArgs?: string[]; script?: string } = {},
): CliProcess {
  const { PATH = '', HOME = '/', LANG = 'C.UTF-8', TMPDIR } = process.env;
  const base = { PATH, HOME, LANG, ...(TMPDIR ? { TMPDIR } : {}) };
  const child: ChildProcess = spawn(
    process.execPath,
    [...(options.nodeArgs ?? []), options.script ?? CLI, ...args],
    {
      env: { ...base, ...options.env },
      ...(options.cwd ? { cwd: options.cwd } : {}),
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const lines: string[] = [];
  const watchers = new Set<() => void>();
  let ended = false;
  const wake = () => {
    for (const watcher of watchers) watcher();
  };
  for (const stream of [child.stdout, child.stderr]) {
    if (!stream) continue;
    createInterface({ input: stream }).on('line', (text) => {
      lines.push(text);
      wake();
    });
  }
  const exited = new Promise<number | NodeJS.Signals>((resolve) => {
    child.on('close', (code, signal) => {
      ended = true;
      resolve(code ?? signal ?? 1);
      wake();
    });
  });
  return {
    pid: child.pid ?? 0,
    lines,
    kill: (signal) => void child.kill(signal),
    exited,
    line(pattern, timeoutMs = 20_000) {
      return new Promise((resolve, reject) => {
        const shown = () => `\n${lines.slice(-20).join('\n')}`;
        const finish = (act: () => void) => {
          watchers.delete(look);
          clearTimeout(timer);
          act();
        };
        const timer = setTimeout(
          () =>
            finish(() =>
              reject(new Error(`no line ${pattern} within ${timeoutMs} ms of ${args.join(' ')}:${shown()}`)),
            ),
          timeoutMs,
        );
        const look = () => {
          for (const text of lines) {
            const match = text.match(pattern);
            if (match) return finish(() => resolve(match));
          }
          if (ended)
            finish(() => reject(new Error(`${args.join(' ')} ended without a line ${pattern}:${shown()}`)));
        };
        watchers.add(look);
        look();
      });
    },
  };
}
