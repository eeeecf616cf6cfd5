import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LogRecord, Step } from '../job/run-result.ts';
import { createRedactor } from '../job/secrets/redact.ts';
import { openChannels } from './fifos.ts';
import { guardRun, type Stopped } from './guard-run.ts';
import { type OutputLines, outputLines } from './output-lines.ts';
import { readPipe } from './read-pipe.ts';
import type { Shell } from './sandbox/sandbox.ts';
import { endLeftovers } from './tagged-processes.ts';
import { answerOn, markReader, stepOrder, stepTracker } from './track-steps.ts';

/** All in milliseconds. */
export interface ShellTiming {
  /** Between SIGTERM and SIGKILL; 10,000. */
  graceMs: number;
  /** After which a line without its newline is passed on; 200. */
  partialMs: number;
  /** How long output may still come after the shell has ended (`exec > >(tee log)`); 250. */
  settleMs: number;
  /** Default: the job's `timeout_minutes`. */
  timeoutMs?: number;
}
export const SHELL_TIMING: ShellTiming = { graceMs: 10_000, partialMs: 200, settleMs: 250 };

/** Less than the lines of `/bin/true` take that may run ahead (measured: 0.7 ms each). */
const MARKS_REST_MS = 3;

export interface BashEnd {
  ended: { exit_code: number | null; signal: string | null; duration_seconds: number; finished_at: string };
  steps: Step[];
  stopped: Stopped | null;
  leftovers: number;
}

/** The driver in a bash of its own group, until it has exited and nothing of the run is left. */
export async function runBash(plan: {
  /** With the driver in `job`, and the FIFOs of `makeChannels`. */
  directory: string;
  pairs: number;
  workdir: string;
  /** bash with the driver, as it is or in a sandbox. */
  shell: Shell;
  hide: readonly string[];
  seconds: () => number;
  timing: Required<ShellTiming>;
  runId: string;
  signal: AbortSignal | undefined;
  onRecord: (record: LogRecord) => void;
  onStart: ((pid: number) => void) | undefined;
}): Promise<BashEnd> {
  const { seconds, timing } = plan;
  const channels = openChannels(plan.directory, plan.pairs);
  const child = spawn(plan.shell.command, plan.shell.args, {
    cwd: plan.workdir,
    env: plan.shell.env,
    detached: true,
    stdio: ['ignore', ...channels.child],
  });
  for (const fd of channels.child) closeSync(fd);
  const exit = exitOf(child);
  if (child.pid !== undefined) plan.onStart?.(child.pid);

  const lines = (stream: 'out' | 'err'): OutputLines =>
    outputLines({
      stream,
      redactor: createRedactor(plan.hide),
      partialMs: timing.partialMs,
      seconds,
      emit: plan.onRecord,
    });
  const output = { out: lines('out'), err: lines('err') };
  const steps = stepTracker(seconds, plan.onRecord, () => {
    output.out.flush();
    output.err.flush();
  });
  const order = stepOrder({
    pairs: plan.pairs,
    take: steps.take,
    answer: answerOn(channels.answer),
    rest: () => marks.rest(MARKS_REST_MS),
    wake: () => marks.wake(),
  });
  const streams = channels.outputs.map(({ fd, pair, stream }) =>
    readPipe(fd, (bytes) => order.output(pair, bytes, output[stream].push)),
  );
  const marks = readPipe(channels.mark, markReader(order.mark));

  const guard = guardRun({
    runId: plan.runId,
    pid: child.pid ?? null,
    timeoutMs: timing.timeoutMs,
    graceMs: timing.graceMs,
    signal: plan.signal,
    onFailure: (cause) => plan.onRecord({ s: 'note', t: seconds(), d: `could not signal: ${cause}` }),
  });

  try {
    const { code, signal } = await exit;
    marks.wake();
    const ended = {
      exit_code: code,
      signal,
      duration_seconds: seconds(),
      finished_at: new Date().toISOString(),
    };
    guard.ended();
    // A process substitution (`exec > >(tee log)`) outlives the shell by a moment: let it finish its output.
    const drained = Promise.all(streams.map((stream) => stream.ended));
    await within(timing.settleMs, drained);
    const leftovers = await endLeftovers(plan.runId, child.pid ?? null, timing.graceMs);
    await within(timing.settleMs, Promise.all([drained, marks.ended]));
    for (const stream of [...streams, marks]) stream.close();
    order.finish();
    output.out.end();
    output.err.end();
    steps.end(code ?? 128 + (signal === null ? 0 : constants.signals[signal]), ended.duration_seconds);
    return { ended, steps: steps.list, stopped: guard.stopped(), leftovers };
  } finally {
    guard.release();
    closeSync(channels.answer);
  }
}

export function exitOf(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    // Not `close`: a daemon that keeps the output open must not keep the run open.
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}

/** Waits for it, but not longer than `ms`. */
export async function within(ms: number, promise: Promise<unknown>): Promise<void> {
  const timeout = new AbortController();
  await Promise.race([promise, sleep(ms, undefined, { signal: timeout.signal }).catch(() => undefined)]);
  timeout.abort();
}
