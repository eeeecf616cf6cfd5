import { randomUUID } from 'node:crypto';
import type { Offer, RunResult, SyncRequest, SyncResponse } from '../../src/dispatch/protocol.ts';

/** How a scripted run ends. Default: every line exits 0 and prints `ok`. */
export interface ScriptedEnd extends Partial<RunResult> {
  /** One `out` record a line. */
  output?: string[];
}

/** A runner that speaks the wire protocol and runs nothing: the test says what happened. */
export interface ScriptedRunner {
  name: string;
  /** One acquire; null for 204. `wait` in seconds. */
  acquire(wait?: number): Promise<Offer | null>;
  /** The point of no return. */
  start(offer: Offer): Promise<SyncResponse>;
  /** Asks for news while running; `wait` in seconds. */
  wait(offer: Offer, wait: number): Promise<SyncResponse>;
  finish(offer: Offer, end?: ScriptedEnd): Promise<SyncResponse>;
  /** Takes the next job within 5 s and goes through all phases. Resolves to its offer. */
  run(end?: ScriptedEnd): Promise<Offer>;
  /** Runs what is before this job in the queue, successfully, and then the job. */
  runJob(id: string, end?: ScriptedEnd): Promise<Offer>;
  /** One sync as it is: HTTP status and body. */
  sync(offer: Offer, request: Partial<SyncRequest>): Promise<{ status: number; body: unknown }>;
}

export function createScriptedRunner(options: {
  /** A function where the app may be started again on another port. */
  url: string | (() => string);
  token: string;
  name?: string;
  labels?: string[];
  capabilities?: string[];
}): ScriptedRunner {
  const { name = 'devbox', labels = ['devbox'], capabilities = ['bash', 'codex'] } = options;
  const process = `p-${randomUUID()}`;

  async function call(path: string, request: object): Promise<{ status: number; body: unknown }> {
    const url = typeof options.url === 'string' ? options.url : options.url();
    const response = await fetch(`${url}/api/runner/${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${options.token}`, 'content-type': 'application/json' },
      body: JSON.stringify(request),
    });
    const text = await response.text();
    return { status: response.status, body: text ? JSON.parse(text) : null };
  }

  const sync: ScriptedRunner['sync'] = (offer, request) =>
    call(`runs/${offer.run}/sync`, {
      fence: offer.fence,
      process,
      token: offer.token,
      phase: 'running',
      ...request,
    });

  async function accepted(offer: Offer, request: Partial<SyncRequest>): Promise<SyncResponse> {
    const { status, body } = await sync(offer, request);
    if (status !== 200) throw new Error(`sync was answered ${status}: ${JSON.stringify(body)}`);
    return body as SyncResponse;
  }

  const runner: ScriptedRunner = {
    name,
    sync,
    async acquire(wait = 0) {
      const request = { name, process, labels, capabilities, version: '0', wait };
      const { status, body } = await call('acquire', request);
      if (status === 204) return null;
      if (status !== 200) throw new Error(`acquire was answered ${status}: ${JSON.stringify(body)}`);
      return body as Offer;
    },
    start: (offer) => accepted(offer, { phase: 'starting' }),
    wait: (offer, wait) => accepted(offer, { wait }),
    async finish(offer, { output = ['ok'], ...end } = {}) {
      const { script = [] } = JSON.parse(offer.file) as { script?: string[] };
      const exitCode = end.exit_code ?? 0;
      const log = Buffer.from(
        [
          { s: 'step', t: 0, line: 0 },
          ...output.map((d) => ({ s: 'out', t: 0.1, d })),
          { s: 'done', t: 0.2, line: 0, exit_code: exitCode },
        ]
          .map((record) => `${JSON.stringify(record)}\n`)
          .join(''),
      );
      await accepted(offer, { log: { offset: 0, data: log.toString('base64') } });
      const now = new Date().toISOString();
      const result: RunResult = {
        outcome: 'exited',
        exit_code: exitCode,
        signal: null,
        started_at: now,
        finished_at: now,
        duration_seconds: 0.3,
        steps: script.map((_, line) => ({
          line,
          exit_code: exitCode,
          started_seconds: 0,
          duration_seconds: 0.1,
        })),
        message: null,
        report: null,
        log_bytes: log.length,
        ...end,
      };
      return accepted(offer, { phase: 'finished', result });
    },
    async run(end) {
      const offer = await runner.acquire(5);
      if (!offer) throw new Error('no job was offered within 5 s');
      await runner.start(offer);
      await runner.finish(offer, end);
      return offer;
    },
    async runJob(id, end) {
      for (;;) {
        const offer = await runner.acquire(5);
        if (!offer) throw new Error(`job ${id} was not offered within 5 s`);
        await runner.start(offer);
        await runner.finish(offer, offer.job_id === id ? end : undefined);
        if (offer.job_id === id) return offer;
      }
    },
  };
  return runner;
}
