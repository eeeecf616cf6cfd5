import { Worker } from 'node:worker_threads';
import { checkDod, dodNames } from './check-dod.ts';
import type { DodReply, DodRequest } from './dod-worker.ts';
import type { Evaluated, Seen } from './evaluate-dod.ts';

export { checkDod };

/** One script line as the runner saw it; `line` is 0-based. */
export interface DodStep {
  line: number;
  exit_code: number;
  duration_seconds: number;
}

/** What a definition of done may look at. */
export interface DodFacts {
  /** null (no process ended by itself: killed, timed out, refused) is -1 to the DoD. */
  exit_code: number | null;
  stdout: string;
  stderr: string;
  duration_seconds: number;
  steps: readonly DodStep[];
  /** JSON the job wrote; null when it wrote none. */
  report: unknown;
}

/** `saw`: the values behind a false, by their source text, each clipped to 200 characters, 20 at most. */
export type Verdict =
  | { kind: 'met' }
  | { kind: 'unmet'; saw: { name: string; value: string }[] }
  | { kind: 'error'; message: string };

export interface JudgeOptions {
  /** Evaluation time in milliseconds; default 1000. */
  timeoutMs?: number;
  /** Bytes of all facts the DoD uses; default 32 MiB. More is an error, never judged in part. */
  maxBytes?: number;
}

const MiB = 1024 * 1024;
/** A worker that has not begun by then is not coming. */
const BOOT_MS = 30_000;
/** The worker's heap: several times the largest input, since patterns work on a copy. */
const HEAP_MB = 512;

/** One warm worker for the process: starting one takes about 0.2 s. Judgements wait for one another. */
let warm: Worker | null = null;
let queue: Promise<unknown> = Promise.resolve();
let lastId = 0;

/**
 * Judges a definition of done in a worker thread with a time and a heap limit, so that no expression can
 * stop the process. What is wrong with the expression or the facts is an `error` verdict; it rejects only
 * when no worker can be started, which is worth another try later.
 */
export async function judgeDod(
  source: string,
  facts: DodFacts,
  options: JudgeOptions = {},
): Promise<Verdict> {
  const { timeoutMs = 1000, maxBytes = 32 * MiB } = options;
  const problem = checkDod(source);
  if (problem !== null) return { kind: 'error', message: problem };
  const used = usedFacts(source, facts);
  if (used === null) return { kind: 'error', message: 'the report nests too deeply: write a flatter one' };
  if (used.bytes > maxBytes) {
    const message = `it reads ${size(used.bytes)} of output, more than ${size(maxBytes)}: print less, or write the outcome to the file named by GURUGURU_REPORT`;
    return { kind: 'error', message };
  }
  lastId += 1;
  const request: DodRequest = { id: lastId, source, facts: used.facts, report: used.report };
  const verdict = queue.then(() => judge(request, timeoutMs));
  queue = verdict.catch(() => undefined);
  return withReportHint(await verdict, source, facts);
}

/** Ends the worker, after the judgements under way. A later judgement starts a new one. */
export async function closeDod(): Promise<void> {
  await queue;
  const worker = warm;
  warm = null;
  await worker?.terminate();
}

function judge(request: DodRequest, timeoutMs: number): Promise<Verdict> {
  warm ??= startWorker();
  const worker = warm;
  return new Promise((resolve, reject) => {
    let result: Evaluated | null = null;
    let started = false;
    const saw: Seen[] = [];
    let timer = setTimeout(() => fail('it did not start'), BOOT_MS);

    const settle = () => {
      clearTimeout(timer);
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      worker.unref();
    };
    // Whatever is known counts, also when the worker breaks while it collects what the DoD saw.
    const fail = (message: string, cause?: unknown) => {
      settle();
      warm = null;
      // It is broken or stuck: an error of its last moments must not become ours.
      worker.on('error', () => undefined);
      void worker.terminate();
      if (result !== null) resolve(verdictOf(result, saw));
      else if (started) resolve({ kind: 'error', message });
      else reject(new Error(`the DoD worker cannot run: ${message}`, { cause }));
    };
    const onMessage = (reply: DodReply) => {
      if (reply.id !== request.id) return;
      if (reply.event === 'started') {
        started = true;
        clearTimeout(timer);
        timer = setTimeout(
          () => fail(`it took longer than ${timeoutMs} ms: use a simpler expression`),
          timeoutMs,
        );
      } else if (reply.event === 'evaluated') {
        result = reply.result;
      } else if (reply.event === 'seen') {
        saw.push(reply.seen);
      } else {
        settle();
        resolve(verdictOf(result ?? { kind: 'error', message: 'the worker gave no answer' }, saw));
      }
    };
    const onError = (error: Error & { code?: string }) => {
      const memory = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
      fail(
        memory ? `it needs more than ${HEAP_MB} MB of memory: use a simpler expression` : error.message,
        error,
      );
    };
    const onExit = (code: number) => fail(`the worker ended with code ${code}`);

    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    worker.ref();
    worker.postMessage(request);
  });
}

/** From TypeScript in development, from JavaScript in the published package. It needs no environment. */
function startWorker(): Worker {
  const file = import.meta.url.endsWith('.ts') ? './dod-worker.ts' : './dod-worker.js';
  const worker = new Worker(new URL(file, import.meta.url), {
    name: 'dod',
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB, maxYoungGenerationSizeMb: 32 },
  });
  worker.unref();
  return worker;
}

/** Only what the DoD refers to: `exit_code == 0` after much output copies no output. null: cannot be copied. */
function usedFacts(source: string, facts: DodFacts) {
  const names = dodNames(source);
  const values: Record<string, unknown> = {
    exit_code: facts.exit_code ?? -1,
    stdout: facts.stdout,
    stderr: facts.stderr,
    duration_seconds: facts.duration_seconds,
    steps: facts.steps.map(({ line, exit_code, duration_seconds }) => ({
      line,
      exit_code,
      duration_seconds,
    })),
  };
  const used = Object.entries(values).filter(([name]) => names.some((other) => other === name));
  const report = names.includes('report') ? jsonOf(facts.report ?? null) : null;
  if (report instanceof RangeError) return null;
  const texts = [...used.map(([, value]) => value), report].filter((value) => typeof value === 'string');
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  return { facts: Object.fromEntries(used), report, bytes };
}

function jsonOf(value: unknown): string | RangeError {
  try {
    return JSON.stringify(value) ?? 'null';
  } catch (error) {
    if (error instanceof RangeError) return error;
    throw error;
  }
}

function verdictOf(result: Evaluated, saw: Seen[]): Verdict {
  return result.kind === 'unmet' ? { kind: 'unmet', saw } : result;
}

function withReportHint(verdict: Verdict, source: string, facts: DodFacts): Verdict {
  const missing = verdict.kind === 'error' && facts.report === null && dodNames(source).includes('report');
  if (!missing) return verdict;
  return {
    kind: 'error',
    message: `${verdict.message}; the job wrote no JSON to the file named by GURUGURU_REPORT`,
  };
}

function size(bytes: number): string {
  return bytes < MiB ? `${bytes} bytes` : `${Math.ceil(bytes / MiB)} MiB`;
}
