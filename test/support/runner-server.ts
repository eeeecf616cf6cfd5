import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { createRunnerApi } from '../../src/dispatch/runner-api.ts';
import { decodeLog } from '../../src/job/render-log.ts';
import { type LogRecord, type RunResult, runResult } from '../../src/job/run-result.ts';
import { insertJob } from '../../src/store/jobs.ts';
import { readLog } from '../../src/store/logs.ts';
import { putRepository } from '../../src/store/repositories.ts';
import { listRuns } from '../../src/store/runs.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import type { RunRow } from '../../src/store/tables.ts';
import { createToken } from '../../src/store/tokens.ts';
import { jobRow, repositoryRow } from './store.ts';

export interface Call {
  path: string;
  /** Of a sync. */
  phase: string | null;
  /** null: the answer was withheld. */
  status: number | null;
}

/** What happens to a call instead of, or around, its handling. `handle` hands it to the app. */
export type Meddle = (
  call: Omit<Call, 'status'>,
  handle: () => Promise<Response>,
) => Promise<Response | null>;

/** The app's side of the runner protocol, real but for GitHub: the API and a store on disk, on a port that stays. */
export interface RunnerServer {
  url: () => string;
  folder: string;
  store: () => Store;
  /** Calls that were answered, oldest first. */
  calls: Call[];
  /** null = the answer never arrives: the connection is cut. */
  meddle: Meddle | null;
  /** For a repository of this name; it exists. */
  token(repository?: 'acme/site' | 'acme/other'): Promise<string>;
  /** An approved job in the queue. Returns its id. */
  queue(job: { script: string[]; workdir?: string }): Promise<string>;
  runs(id: string): Promise<RunRow[]>;
  result(run: RunRow | undefined): RunResult;
  log(run: RunRow | undefined): Promise<LogRecord[]>;
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

export async function startRunnerServer(): Promise<RunnerServer> {
  const folder = mkdtempSync(join(tmpdir(), 'runner-server-'));
  let running: { server: Server; store: Store; shutdown: AbortController } | null = null;
  let port = 0;
  let number = 0;

  const current = () => {
    if (!running) throw new Error('the app is stopped');
    return running;
  };
  const server: RunnerServer = {
    url: () => `http://127.0.0.1:${port}`,
    folder,
    store: () => current().store,
    calls: [],
    meddle: null,
    async token(repository = 'acme/site') {
      const made = await server.store().write((tx) => createToken(tx, 'runner', [repository], Date.now()));
      return made.token;
    },
    async queue({ script, workdir = folder }) {
      number += 1;
      const id = `2025-11-22-${String(number).padStart(3, '0')}`;
      const file = JSON.stringify({
        id,
        kind: 'run_shell',
        workdir,
        script,
        dod: 'exit_code == 0',
        report_path: `reports/jobs/${id}.out`,
      });
      const digest = `sha256:${createHash('sha256').update(file).digest('hex')}`;
      await server.store().write((tx) => insertJob(tx, jobRow({ id, file, digest, queued_at: number })));
      return id;
    },
    runs: (id) => listRuns(server.store().db, 1, id),
    result: (run) => runResult.parse(JSON.parse(run?.result ?? 'null')),
    log: async (run) => decodeLog(await readLog(server.store().db, run?.id ?? '')),
    async start() {
      const store = await openStore({ dataDir: join(folder, 'data') });
      const shutdown = new AbortController();
      const api = createRunnerApi({
        store,
        signingKey: 'a key for tests',
        log: { error: () => undefined },
        isReady: () => !shutdown.signal.aborted,
        signal: shutdown.signal,
      });
      const app = new Hono<{ Bindings: { outgoing: { destroy(): void } } }>();
      app.all('*', async (c) => {
        const copy = c.req.raw.clone();
        const body = (await copy.json().catch(() => ({}))) as { phase?: string };
        const call = { path: c.req.path, phase: body.phase ?? null };
        const handle = async () => api.fetch(c.req.raw);
        const response = server.meddle ? await server.meddle(call, handle) : await handle();
        server.calls.push({ ...call, status: response?.status ?? null });
        if (response) return response;
        c.env.outgoing.destroy();
        return new Response(null);
      });
      const http = createServer(getRequestListener(app.fetch));
      await new Promise<void>((resolve) => http.listen(port, '127.0.0.1', resolve));
      port = (http.address() as AddressInfo).port;
      running = { server: http, store, shutdown };
    },
    async stop() {
      const { server: http, store, shutdown } = current();
      running = null;
      shutdown.abort();
      const closed = new Promise((resolve) => http.close(resolve));
      http.closeAllConnections();
      await closed;
      await store.close();
    },
    async close() {
      if (running) await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await server.start();
  await server.store().write(async (tx) => {
    await putRepository(tx, repositoryRow());
    await putRepository(tx, repositoryRow({ id: 2, name: 'Other' }));
  });
  return server;
}
