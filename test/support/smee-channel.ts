import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SmeeChannel {
  /** For WEBHOOK_PROXY_URL and for GitHub's webhook URL. */
  url: string;
  /** Streams that are open now. */
  clients: () => number;
  /** Resolves when a client is connected. */
  connected(): Promise<void>;
  /** Cuts every stream. */
  drop(): void;
  /** Answers this to the next attempts to connect, instead of a stream. */
  refuse(status: number, times: number): void;
  close(): Promise<void>;
}

/** How soon a client should come back, in ms; smee.io leaves it at the client's 3 s. */
const RETRY_MS = 20;

/**
 * One channel of smee.io on 127.0.0.1, in the format of its server (github.com/probot/smee.io, lib/server.js):
 * a GET is an event stream that begins with `ready`; a POST goes to every stream as one message that holds
 * the headers, the parsed body, the query and a timestamp.
 */
export async function startSmeeChannel(): Promise<SmeeChannel> {
  const streams = new Set<ServerResponse>();
  const waiting: (() => void)[] = [];
  const refusals: number[] = [];
  let messages = 0;

  const server = createServer((request, response) => {
    if (request.method === 'GET') {
      const status = refusals.shift();
      if (status !== undefined) return void response.writeHead(status).end();
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
      response.write(`retry: ${RETRY_MS}\nid: ${messages++}\nevent: ready\ndata: {}\n\n`);
      streams.add(response);
      response.on('close', () => streams.delete(response));
      for (const wake of waiting.splice(0)) wake();
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
      const data = JSON.stringify({ ...request.headers, body, query: {}, timestamp: Date.now() });
      for (const stream of streams) stream.write(`id: ${messages++}\ndata: ${data}\n\n`);
      response.writeHead(200).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}/channel`,
    clients: () => streams.size,
    connected: () => (streams.size > 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
    drop() {
      for (const stream of streams) stream.destroy();
      streams.clear();
    },
    refuse(status, times) {
      refusals.push(...Array.from({ length: times }, () => status));
    },
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
