import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { createPeers, type Peer } from '../dispatch/peer.ts';
import type { Log } from '../github/scope.ts';
import { type Delivery, type DeliveryAnswer, readDelivery } from './webhook.ts';

export const WEBHOOK_PATH = '/api/github/webhooks';

/** How long a request may take from its first byte to the end of its headers, and of its body. */
interface Timeouts {
  headersMs: number;
  requestMs: number;
  /** How often Node looks for those that take longer. */
  lookMs: number;
}
/** A webhook may have 25 MB. */
const TIMEOUTS: Timeouts = { headersMs: 15_000, requestMs: 60_000, lookMs: 5_000 };

export interface HttpParts {
  /** Verifies a delivery and records what it makes due; resolved once that is on disk. null: none is accepted. */
  webhook: ((delivery: Delivery) => Promise<DeliveryAnswer>) | null;
  runnerApi: Hono;
  isReady: () => boolean;
  /** null: plain HTTP. */
  tls: { cert: string; key: string } | null;
  timeouts?: Timeouts;
  /** Called when a delivery comes. */
  onDelivery: () => void;
  log: Log;
}

/** Who made a call that came through this server. `proxies`: see createPeers. */
export function peerOf(proxies: readonly string[]): (c: Context) => Peer {
  const judge = createPeers(proxies);
  return (c) => {
    const { socket } = (c.env as HttpBindings).incoming;
    return judge({
      address: socket.remoteAddress,
      encrypted: 'encrypted' in socket,
      proto: c.req.header('x-forwarded-proto'),
      forwardedFor: c.req.header('x-forwarded-for'),
    });
  };
}

/** The app's HTTP server, not listening yet. */
export async function createHttp(parts: HttpParts): Promise<Server> {
  const app = new Hono();
  app.get('/healthz', (c) => c.text('ok\n'));
  app.get('/readyz', (c) =>
    parts.isReady()
      ? c.text('ready\n')
      : c.text('not ready: GitHub has not answered yet, or shutting down\n', 503),
  );
  app.get('/', (c) =>
    c.text('guruguru is running. Status: write /status on an issue. Health: /healthz, /readyz\n'),
  );
  app.route('/', parts.runnerApi);
  app.notFound((c) =>
    c.json({ error: 'not_found', message: `there is no ${c.req.method} ${c.req.path} here` }, 404),
  );
  const rest = getRequestListener(app.fetch);
  const { webhook, tls, timeouts = TIMEOUTS } = parts;
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    if (webhook && request.url?.split('?')[0] === WEBHOOK_PATH && request.method === 'POST') {
      parts.onDelivery();
      void receive({ ...parts, webhook }, request, response);
    } else {
      void rest(request, response);
    }
  };
  const server = tls
    ? createSecureServer({ ...tls, connectionsCheckingInterval: timeouts.lookMs }, handle)
    : createServer({ connectionsCheckingInterval: timeouts.lookMs }, handle);
  // A caller that sends slowly, or nothing, holds nothing for long. Answers may take as long as they do.
  server.headersTimeout = timeouts.headersMs;
  server.requestTimeout = timeouts.requestMs;
  // A runner's call waits up to 25 s; a proxy before us may keep its connections for a minute.
  server.keepAliveTimeout = 65_000;
  return server;
}

type Receiving = Pick<HttpParts, 'log'> & { webhook: NonNullable<HttpParts['webhook']> };

/** Answers one delivery: 2xx only when what it told is on disk. Every refusal is logged with what to do. */
async function receive(parts: Receiving, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const about = {
    delivery: request.headers['x-github-delivery'],
    event: request.headers['x-github-event'],
    from: request.socket.remoteAddress,
  };
  const read = await readDelivery(request);
  if (read.kind === 'cut_short') {
    parts.log.warn(about, 'a webhook was cut short and not read; if GitHub sent it, redeliver it there');
    request.destroy();
    return;
  }
  const answer = read.kind === 'refused' ? read.answer : await handle(parts, read.delivery, about);
  if (answer.status >= 400 && answer.status < 500) {
    parts.log.warn({ ...about, status: answer.status }, `a webhook was refused: ${answer.message}`);
  }
  response.writeHead(answer.status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(answer.status < 300 ? { ok: true } : { error: answer.message }));
}

/** Whatever goes wrong here is ours: 5xx, so that GitHub shows the delivery as failed and it can be sent again. */
async function handle(parts: Receiving, delivery: Delivery, about: object): Promise<DeliveryAnswer> {
  try {
    return await parts.webhook(delivery);
  } catch (err) {
    parts.log.error(
      { ...about, err },
      'a webhook could not be stored: look at the data directory and the space on its disk',
    );
    return { status: 500, message: 'the app could not store the event; its log says why. Redeliver it then' };
  }
}
