import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import type { Log } from '../github/scope.ts';
import { type Delivery, type DeliveryAnswer, readDelivery } from './webhook.ts';

export const WEBHOOK_PATH = '/api/github/webhooks';

export interface HttpParts {
  /** Verifies a delivery and records what it makes due; resolved once that is on disk. null: none is accepted. */
  webhook: ((delivery: Delivery) => Promise<DeliveryAnswer>) | null;
  runnerApi: Hono;
  isReady: () => boolean;
  /** Called when a delivery comes. */
  onDelivery: () => void;
  log: Log;
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
  const { webhook } = parts;
  const server = createServer((request, response) => {
    if (webhook && request.url?.split('?')[0] === WEBHOOK_PATH && request.method === 'POST') {
      parts.onDelivery();
      void receive({ ...parts, webhook }, request, response);
    } else {
      void rest(request, response);
    }
  });
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
