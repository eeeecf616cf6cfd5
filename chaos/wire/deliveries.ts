import { createServer, type IncomingMessage, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { listenOnLoopback } from '../support/listen.ts';
import type { Random } from '../support/random.ts';

/** What becomes of webhooks on their way from GitHub to the app; shares of all, 0 to 1. */
export interface DeliveryFaults {
  duplicated: number;
  reordered: number;
  /** Half of them fail at GitHub, which shows them; the others vanish on the way with a 200. */
  dropped: number;
}

export interface DeliveryWire {
  url: string;
  /** Each fault's number so far. */
  counts: Record<keyof DeliveryFaults | 'all' | 'failed', number>;
  /** From now on every delivery goes straight through, once. */
  heal(): void;
  close(): Promise<void>;
}

const LATE_MS = 2_000;

/** @param port where the app listens now; undefined: nowhere */
export async function startDeliveryWire(
  port: () => number | undefined,
  faults: DeliveryFaults,
  random: Random,
): Promise<DeliveryWire> {
  const counts: DeliveryWire['counts'] = { all: 0, duplicated: 0, reordered: 0, dropped: 0, failed: 0 };
  const closing = new AbortController();
  let now = faults;

  async function deliver(incoming: IncomingMessage, body: Buffer): Promise<number> {
    counts.all += 1;
    // Drawn for every delivery, so that each stands at the same place of the stream.
    const [drop, half, twice, late, wait] = Array.from({ length: 5 }, () => random.next());
    if ((drop ?? 1) < now.dropped) {
      counts.dropped += 1;
      return (half ?? 0) < 0.5 ? 502 : 200;
    }
    const again = (twice ?? 1) < now.duplicated;
    if ((late ?? 1) < now.reordered) {
      counts.reordered += 1;
      await delay((wait ?? 0) * LATE_MS, undefined, { signal: closing.signal });
    }
    const status = await forward(incoming, body, port());
    if (again) {
      counts.duplicated += 1;
      await delay((wait ?? 0) * LATE_MS, undefined, { signal: closing.signal });
      await forward(incoming, body, port());
    }
    if (status >= 300) counts.failed += 1;
    return status;
  }

  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      deliver(incoming, Buffer.concat(chunks)).then(
        (status) => outgoing.writeHead(status).end(),
        () => outgoing.destroy(),
      );
    });
    incoming.on('error', () => outgoing.destroy());
  });
  const own = await listenOnLoopback(server);
  return {
    url: `http://127.0.0.1:${own}`,
    counts,
    heal() {
      now = { duplicated: 0, reordered: 0, dropped: 0 };
    },
    close() {
      closing.abort();
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** The app's status; 502 when it could not be reached or went away before it answered. */
function forward(incoming: IncomingMessage, body: Buffer, port: number | undefined): Promise<number> {
  if (port === undefined) return Promise.resolve(502);
  return new Promise((resolve) => {
    const { host: _, connection: __, ...headers } = incoming.headers;
    const outgoing = request(
      { host: '127.0.0.1', port, method: 'POST', path: incoming.url, headers, timeout: 10_000 },
      (answer) => {
        answer.resume();
        answer.on('end', () => resolve(answer.statusCode ?? 502));
        answer.on('error', () => resolve(502));
      },
    );
    outgoing.on('timeout', () => outgoing.destroy());
    outgoing.on('error', () => resolve(502));
    outgoing.end(body);
  });
}
