import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, writeSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from '../job/job.ts';
import type { LogRecord, RunResult, Step } from '../job/run-result.ts';
import { type Channels, openChannels } from './fifos.ts';
import { type Environment, jobEnvironment } from './job-environment.ts';
import { readJobReport } from './job-report.ts';
import { type OutputLines, outputLines } from './output-lines.ts';
import { createRedactor, redactText, SECRET_MIN_LENGTH } from './redact.ts';
import { allowedWorkdir, type Roots } from './roots.ts';
import { type Mark, parseMark, shellDriver } from './shell-driver.ts';
import { endLeftovers, signalRun } from './tagged-processes.ts';

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

export interface ShellOptions {
  /** Becomes `GURUGURU_RUN` in every process of the job; letters, digits, dots, dashes, underscores. */
  runId: string;
  roots: Roots;
  repository: string | null;
  /** The runner's own environment: the named list and the secrets come from it. */
  environment: Environment;
  /** More names (or prefixes ending in `*`) to pass on. */
  passOn?: readonly string[];
  /** More values that must not appear in the log, such as the runner's own token. */
  hide?: readonly string[];
  /** Called in order, at once, with text that is already redacted. */
  onRecord: (record: LogRecord) => void;
  onStart?: (pid: number) => void;
  /** Aborting cancels the job; a string reason becomes the result's message. */
  signal?: AbortSignal;
  timing?: Partial<ShellTiming>;
}

/** A run's result but for `log_bytes`, which whoever keeps the log knows. */
export type ShellResult = Omit<RunResult, 'log_bytes'>;

/**
 * Executor `shell`: the job's script lines in one bash with errexit and pipefail (see shell-driver.ts), in a
 * process group of its own, stdin /dev/null. Never throws: what goes wrong is an outcome with a message.
 *
 * The run ends when the shell exits. What it leaves behind is ended (SIGTERM, 10 s, SIGKILL) and noted.
 */
export async function executeShell(job: Job, options: ShellOptions): Promise<ShellResult> {
  const startedAt = new Date();
  const started = performance.now();
  const seconds = () => Math.round(performance.now() - started) / 1000;
  const end = (part: Partial<ShellResult> & Pick<ShellResult, 'outcome'>): ShellResult => ({
    exit_code: null,
    signal: null,
    started_at: startedAt.toISOString(),
    finished_at: new Date().toISOString(),
    duration_seconds: seconds(),
    steps: [],
    message: null,
    report: null,
    ...part,
  });
  const note = (text: string) => options.onRecord({ s: 'note', t: seconds(), d: text });
  const refuse = (message: string) => {
    note(message);
    return end({ outcome: 'refused', message });
  };

  const workdir = await allowedWorkdir(options.roots, options.repository, job.workdir);
  if (!workdir.ok) return refuse(workdir.message);
  const texts = [...job.script, ...Object.values(job.env ?? {})];
  if (texts.some((text) => text.includes('\0'))) {
    return refuse('script, env: a NUL character cannot be given to a shell. Remove it from the job file.');
  }
  if (options.signal?.aborted === true) {
    return end({ outcome: 'cancelled', message: `${reasonOf(options.signal)} before the first line ran` });
  }

  let directory: string | null = null;
  try {
    directory = await mkdtemp(join(tmpdir(), 'guruguru-'));
    const reportFile = join(directory, 'report.json');
    const environment = jobEnvironment({ ...options, job, reportFile });
    if (!environment.ok) return refuse(environment.message);
    const short = environment.secrets.filter((value) => value.trim().length < SECRET_MIN_LENGTH).length;
    if (short > 0)
      note(`${short} secret(s) shorter than ${SECRET_MIN_LENGTH} characters are not hidden in this log`);
    const hide = [...environment.secrets, ...(options.hide ?? [])];
    await writeFile(join(directory, 'job'), shellDriver(job.script), { mode: 0o600 });

    const shell = await runBash({
      directory,
      workdir: workdir.path,
      env: environment.env,
      hide,
      seconds,
      timing: { timeoutMs: job.timeout_minutes * 60_000, ...SHELL_TIMING, ...options.timing },
      options,
    });
    const finish = end({ outcome: 'exited', ...shell.ended, steps: shell.steps });
    if (shell.stopped !== null) note(shell.stopped.message);
    else noteEarlyEnd(job, shell, note);
    if (shell.leftovers > 0 && shell.stopped === null) {
      note(`ended ${shell.leftovers} process(es) that the job had left running`);
    }
    const report = await readJobReport(reportFile, (text) => redactText(text, hide));
    if (report.note !== null) note(report.note);
    return { ...finish, ...shell.stopped, report: report.value };
  } catch (cause) {
    const message = `the runner could not run this job: ${cause instanceof Error ? cause.message : String(cause)}`;
    note(message);
    return end({ outcome: 'runner_error', message: message.slice(0, 2000) });
  } finally {
    if (directory !== null) await rm(directory, { recursive: true, force: true }).catch(() => undefined);
  }
}

interface BashEnd {
  ended: { exit_code: number | null; signal: string | null; duration_seconds: number; finished_at: string };
  steps: Step[];
  stopped: { outcome: 'timeout' | 'cancelled'; message: string } | null;
  leftovers: number;
}

async function runBash(plan: {
  directory: string;
  workdir: string;
  env: Record<string, string>;
  hide: readonly string[];
  seconds: () => number;
  timing: Required<ShellTiming>;
  options: ShellOptions;
}): Promise<BashEnd> {
  const { options, seconds, timing } = plan;
  const channels = await openChannels(plan.directory);
  const { child: ends } = channels;
  const child = spawn('bash', ['--noprofile', '--norc', join(plan.directory, 'job')], {
    cwd: plan.workdir,
    env: plan.env,
    detached: true,
    stdio: ['ignore', ends.out, ends.err, ends.mark, ends.answer],
  });
  for (const fd of Object.values(ends)) closeSync(fd);
  const exit = exitOf(child);
  if (child.pid !== undefined) options.onStart?.(child.pid);

  const lines = (stream: 'out' | 'err'): OutputLines =>
    outputLines({
      stream,
      redactor: createRedactor(plan.hide),
      partialMs: timing.partialMs,
      seconds,
      emit: options.onRecord,
    });
  const out = lines('out');
  const err = lines('err');
  const steps = stepTracker(seconds, options.onRecord, () => {
    out.flush();
    err.flush();
  });
  const streams = [
    readChannel(channels.out, (bytes) => out.push(bytes)),
    readChannel(channels.err, (bytes) => err.push(bytes)),
  ];
  const marks = readChannel(channels.mark, markReader(channels, steps.take));

  let stopped: BashEnd['stopped'] = null;
  let kill: NodeJS.Timeout | null = null;
  const stop = (outcome: 'timeout' | 'cancelled', message: string) => {
    if (stopped !== null) return;
    stopped = { outcome, message };
    const group = child.pid ?? null;
    const failed = (cause: unknown) =>
      options.onRecord({ s: 'note', t: seconds(), d: `could not signal: ${cause}` });
    signalRun(options.runId, group, 'SIGTERM').catch(failed);
    kill = setTimeout(() => signalRun(options.runId, group, 'SIGKILL').catch(failed), timing.graceMs);
  };
  const limit = timing.timeoutMs / 60_000;
  const timer = setTimeout(
    () =>
      stop(
        'timeout',
        `the job was ended after its timeout of ${Math.round(limit * 1000) / 1000} minutes (timeout_minutes)`,
      ),
    timing.timeoutMs,
  );
  const cancel = () =>
    stop('cancelled', options.signal === undefined ? 'cancelled' : reasonOf(options.signal));
  options.signal?.addEventListener('abort', cancel);
  if (options.signal?.aborted === true) cancel();

  try {
    const { code, signal } = await exit;
    const ended = {
      exit_code: code,
      signal,
      duration_seconds: seconds(),
      finished_at: new Date().toISOString(),
    };
    clearTimeout(timer);
    if (kill !== null) clearTimeout(kill);
    // A process substitution (`exec > >(tee log)`) outlives the shell by a moment: let it finish its output.
    const drained = Promise.all(streams.map((stream) => stream.ended));
    await within(timing.settleMs, drained);
    const leftovers = await endLeftovers(options.runId, child.pid ?? null, timing.graceMs);
    await within(timing.settleMs, Promise.all([drained, marks.ended]));
    for (const stream of [...streams, marks]) stream.close();
    out.end();
    err.end();
    steps.end(code ?? 128 + (signal === null ? 0 : constants.signals[signal]), ended.duration_seconds);
    return { ended, steps: steps.list, stopped, leftovers };
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', cancel);
    closeSync(channels.answer);
  }
}

function exitOf(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    // Not `close`: a daemon that keeps the output open must not keep the run open.
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}

interface Reader {
  ended: Promise<void>;
  close: () => void;
}

/** Reads a pipe without a stream's buffers: a 200 MB output is taken at the pace it is written to disk. */
function readChannel(fd: number, take: (bytes: Buffer) => void): Reader {
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

/**
 * Takes marks, and answers when a line is to start. One turn of the event loop lies
 * between: what the line printed was in the pipes before its mark, so it is read by then.
 */
function markReader(channels: Channels, take: (mark: Mark) => void): (bytes: Buffer) => void {
  let rest = '';
  return (bytes) => {
    const text = rest + bytes.toString('latin1');
    const end = text.lastIndexOf('\n') + 1;
    rest = text.slice(end);
    const marks = text
      .slice(0, end)
      .split('\n')
      .map(parseMark)
      .filter((mark) => mark !== null);
    setImmediate(() => {
      for (const mark of marks) {
        take(mark);
        if (mark.kind === 'started') answer(channels.answer);
      }
    });
  };
}

function answer(fd: number): void {
  try {
    writeSync(fd, '\n');
  } catch {
    // The shell is gone (EPIPE, EBADF): nobody waits for an answer.
  }
}

function stepTracker(seconds: () => number, emit: (record: LogRecord) => void, flush: () => void) {
  const list: Step[] = [];
  let open: { line: number; at: number } | null = null;
  const close = (exitCode: number, at: number) => {
    if (open === null) return;
    flush();
    const duration = Math.max(0, Math.round((at - open.at) * 1000) / 1000);
    list.push({ line: open.line, exit_code: exitCode, started_seconds: open.at, duration_seconds: duration });
    emit({ s: 'done', t: at, line: open.line, exit_code: exitCode });
    open = null;
  };
  return {
    list,
    take(mark: Mark) {
      const at = seconds();
      if (mark.kind === 'ended') {
        close(mark.exitCode, at);
      } else {
        open = { line: mark.line, at };
        emit({ s: 'step', t: at, line: mark.line });
      }
    },
    /** A line that ended the shell itself has no mark: its code is the shell's. */
    end: close,
  };
}

function noteEarlyEnd(job: Job, shell: BashEnd, note: (text: string) => void): void {
  const last = shell.steps.at(-1);
  const unrun = job.script.length - shell.steps.length;
  if (last === undefined || unrun <= 0) return;
  const how = shell.ended.signal === null ? `exit ${shell.ended.exit_code}` : shell.ended.signal;
  note(`the script ended in line ${last.line + 1} (${how}); ${unrun} further line(s) were not run`);
}

function reasonOf(signal: AbortSignal): string {
  return typeof signal.reason === 'string' ? signal.reason : 'cancelled';
}

async function within(ms: number, promise: Promise<unknown>): Promise<void> {
  const timeout = new AbortController();
  await Promise.race([promise, sleep(ms, undefined, { signal: timeout.signal }).catch(() => undefined)]);
  timeout.abort();
}
