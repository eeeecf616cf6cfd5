import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type AcquireRequest,
  acquireRequest,
  type Offer,
  RUNNER_ERRORS,
  type RunnerErrorCode,
  type SyncRequest,
  syncRequest,
} from '../../src/dispatch/protocol.ts';
import { decodeLog } from '../../src/job/render-log.ts';
import type { LogRecord, RunResult } from '../../src/job/run-result.ts';

export interface FakeRun {
  offer: Offer;
  phases: SyncRequest['phase'][];
  syncs: SyncRequest[];
  log: Buffer;
  result: RunResult | null;
  cancel: boolean;
  drain: boolean;
  records(): LogRecord[];
}

/** What a call meets instead of its answer. `drop`: the connection is cut. `html`: a proxy's answer. */
export type Fault = RunnerErrorCode | 'drop' | 'drop_after' | 'html';

export interface FakeApp {
  url: string;
  token: string;
  acquires: AcquireRequest[];
  /** Requests that were not of the protocol: a test should find none. */
  mistakes: string[];
  runs: Map<string, FakeRun>;
  offer(job: object, change?: Partial<Offer>): FakeRun;
  cancel(run: string): void;
  drain(run: string): void;
  /** false: an acquire with nothing to do is answered at once, as by a proxy that holds no call. */
  holds: boolean;
  /** Decides about each call before it is handled. */
  fault: (call: 'acquire' | 'sync', body: { phase?: string; hasLog: boolean }) => Fault | null;
  /** Resolves when the condition holds; checked after every call. */
  until(condition: () => boolean, what?: string): Promise<void>;
  close(): Promise<void>;
}

/** The runner protocol's app side, in memory, with faults. */
export async function startFakeApp(): Promise<FakeApp> {
  const queue: FakeRun[] = [];
  let counter = 0;
  const news: (() => void)[] = [];
  const watchers: (() => void)[] = [];
  const changed = () => {
    for (const wake of news.splice(0)) wake();
  };
  const hold = (ms: number, request: IncomingMessage) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      const done = () => {
        clearTimeout(timer);
        request.socket.off('close', done);
        resolve();
      };
      news.push(done);
      request.socket.once('close', done);
    });

  const app: FakeApp = {
    url: '',
    token: 'grt_0123456789abcdef',
    acquires: [],
    mistakes: [],
    runs: new Map(),
    holds: true,
    fault: () => null,
    offer(job, change = {}) {
      counter += 1;
      const file = `${JSON.stringify(job, null, 2)}\n`;
      const offer: Offer = {
        run: `run-${counter}`,
        attempt: 1,
        repository: 'octo/loop',
        job_id: 'id' in job && typeof job.id === 'string' ? job.id : 'none',
        file,
        digest: `sha256:${createHash('sha256').update(file).digest('hex')}`,
        fence: counter,
        ttl_seconds: 60,
        token: `offer-${counter}`,
        ...change,
      };
      const run: FakeRun = {
        offer,
        phases: [],
        syncs: [],
        log: Buffer.alloc(0),
        result: null,
        cancel: false,
        drain: false,
        records: () => decodeLog(run.log),
      };
      app.runs.set(offer.run, run);
      queue.push(run);
      changed();
      return run;
    },
    cancel(id) {
      const run = app.runs.get(id);
      if (run) run.cancel = true;
      changed();
    },
    drain(id) {
      const run = app.runs.get(id);
      if (run) run.drain = true;
      changed();
    },
    async until(condition, what = condition.toString()) {
      const deadline = Date.now() + 20_000;
      while (!condition()) {
        if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, 50);
          watchers.push(() => {
            clearTimeout(timer);
            resolve();
          });
        });
      }
    },
    close: () =>
      new Promise((resolve) => {
        changed();
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };

  async function acquire(body: unknown, request: IncomingMessage): Promise<[number, unknown]> {
    const call = acquireRequest.parse(body);
    app.acquires.push(call);
    if (queue.length === 0 && call.wait > 0 && app.holds) await hold(call.wait * 1000, request);
    if (request.socket.destroyed) return [204, null];
    const run = queue.shift();
    return run === undefined ? [204, null] : [200, run.offer];
  }

  async function sync(id: string, body: unknown, request: IncomingMessage): Promise<[number, unknown]> {
    const call = syncRequest.parse(body);
    const run = app.runs.get(id);
    if (run === undefined) return refusal('unknown_run');
    if (call.fence !== run.offer.fence || call.token !== run.offer.token) return refusal('stale_fence');
    run.syncs.push(call);
    run.phases.push(call.phase);
    if (call.log !== undefined) {
      const data = Buffer.from(call.log.data, 'base64');
      if (call.log.offset > run.log.length) return refusal('wrong_offset', run.log.length);
      run.log = Buffer.concat([run.log, data.subarray(run.log.length - call.log.offset)]);
    }
    if (call.phase === 'finished') {
      if (call.result === undefined) return refusal('invalid_request');
      if (call.result.log_bytes > run.log.length) return refusal('log_incomplete', run.log.length);
      run.result = call.result;
    } else if (call.wait > 0 && !run.cancel && !run.drain) {
      await hold(call.wait * 1000, request);
    }
    return [200, { offset: run.log.length, cancel: run.cancel, drain: run.drain, ttl_seconds: 60 }];
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString());
    const path = request.url ?? '';
    const id = /^\/api\/runner\/runs\/([^/]+)\/sync$/.exec(path)?.[1];
    const fields = typeof body === 'object' && body !== null ? body : {};
    const phase = 'phase' in fields && typeof fields.phase === 'string' ? { phase: fields.phase } : {};
    const fault = app.fault(id === undefined ? 'acquire' : 'sync', { ...phase, hasLog: 'log' in fields });
    if (fault === 'drop') {
      request.socket.destroy();
      return;
    }
    let [status, text]: [number, unknown] =
      request.headers.authorization !== `Bearer ${app.token}`
        ? refusal('unauthorized')
        : fault !== null && fault !== 'drop_after' && fault !== 'html'
          ? refusal(fault)
          : id === undefined
            ? await acquire(body, request)
            : await sync(id, body, request);
    if (fault === 'drop_after') {
      request.socket.destroy();
      return;
    }
    if (fault === 'html') [status, text] = [404, '<html>no backend</html>'];
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(text === null ? undefined : typeof text === 'string' ? text : JSON.stringify(text));
  }

  const server = createServer((request, response) => {
    answer(request, response)
      .catch((error) => {
        app.mistakes.push(String(error));
        response.writeHead(400).end(JSON.stringify({ error: 'invalid_request', message: String(error) }));
      })
      .finally(() => {
        for (const wake of watchers.splice(0)) wake();
      });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address() as AddressInfo;
  app.url = `http://127.0.0.1:${address.port}`;
  return app;
}

function refusal(code: RunnerErrorCode, offset?: number): [number, unknown] {
  return [
    RUNNER_ERRORS[code],
    { error: code, message: `fake: ${code}`, ...(offset === undefined ? {} : { offset }) },
  ];
}
