import { createHmac, randomUUID } from 'node:crypto';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import type { Json } from './json.ts';

/** One delivery, kept in the log whether or not it arrived. */
export interface Delivery {
  id: number;
  /** X-GitHub-Delivery; a redelivery and a duplicate carry the same one. */
  guid: string;
  event: string;
  action: string | null;
  repositoryId: number | null;
  installationId: number;
  payload: Json;
  body: string;
  deliveredAt: string;
  redelivery: boolean;
  /** HTTP status of the receiver; 502 when it could not be reached, 504 after 10 s, null while unsent. */
  statusCode: number | null;
  status: string;
  durationMs: number;
  requestHeaders: Record<string, string>;
  responseHeaders: Record<string, string>;
  responseBody: string;
}

export interface Webhooks {
  /** Every delivery, oldest first. */
  readonly log: readonly Delivery[];
  setUrl(url: string | undefined): void;
  setSecret(secret: string): void;
  /** Queues deliveries from now on. */
  hold(): void;
  /** Sends what was held, in order or turned round, and stops holding. */
  release(order?: 'sent' | 'reversed'): void;
  /** True: every delivery is sent twice with one GUID. */
  duplicate(on: boolean): void;
  /** Deliveries it is true for never arrive and are logged as 502; undefined stops dropping. */
  drop(predicate: ((delivery: Delivery) => boolean) | undefined): void;
  redeliver(id: number): Delivery | undefined;
  /** Resolves when nothing is in flight. Held deliveries do not count. */
  idle(): Promise<void>;
  emit(event: string, payload: Json, ids: { repositoryId: number | null }): Delivery;
  close(): void;
}

/** GitHub gives a receiver ten seconds (docs: webhooks, best practices). */
const TIMEOUT_MS = 10_000;

/** Delivers webhooks concurrently, as GitHub does, and keeps the log GitHub's API shows. */
export function createWebhooks(options: {
  hookId: number;
  installationId: number;
  secret: string;
  url?: string;
}): Webhooks {
  const log: Delivery[] = [];
  const held: Delivery[] = [];
  const waiters: (() => void)[] = [];
  const agent = new HttpAgent({ keepAlive: true, maxSockets: 64 });
  let { url, secret } = options;
  let holding = false;
  let twice = false;
  let dropped: ((delivery: Delivery) => boolean) | undefined;
  let flying = 0;
  let nextId = 1;

  const settle = () => {
    flying -= 1;
    if (flying === 0) for (const waiter of waiters.splice(0)) waiter();
  };

  const send = (delivery: Delivery) => {
    if (url === undefined) {
      delivery.status = 'no webhook URL';
      return;
    }
    if (dropped?.(delivery)) {
      delivery.statusCode = 502;
      delivery.status = 'failed to connect to host';
      return;
    }
    flying += 1;
    const started = performance.now();
    delivery.deliveredAt = new Date().toISOString();
    delivery.requestHeaders = {
      'content-type': 'application/json',
      'user-agent': 'GitHub-Hookshot/emulated',
      'x-github-delivery': delivery.guid,
      'x-github-event': delivery.event,
      'x-github-hook-id': String(options.hookId),
      'x-github-hook-installation-target-id': String(options.hookId),
      'x-github-hook-installation-target-type': 'integration',
      'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(delivery.body).digest('hex')}`,
    };
    const finish = (code: number, status: string) => {
      if (delivery.statusCode !== null) return;
      delivery.durationMs = performance.now() - started;
      delivery.statusCode = code;
      delivery.status = status;
      settle();
    };
    const outgoing = httpRequest(
      url,
      {
        method: 'POST',
        agent,
        timeout: TIMEOUT_MS,
        headers: { ...delivery.requestHeaders, 'content-length': Buffer.byteLength(delivery.body) },
      },
      (incoming) => {
        let body = '';
        incoming.setEncoding('utf8');
        incoming.on('data', (chunk: string) => {
          if (body.length < 10_000) body += chunk;
        });
        incoming.on('close', () => {
          delivery.responseBody = body;
          delivery.responseHeaders = Object.fromEntries(
            Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]),
          );
          const code = incoming.statusCode ?? 0;
          finish(code, code >= 200 && code < 300 ? 'OK' : `Invalid HTTP Response: ${code}`);
        });
      },
    );
    let timedOut = false;
    outgoing.on('timeout', () => {
      timedOut = true;
      outgoing.destroy();
    });
    outgoing.on('error', () => {
      finish(timedOut ? 504 : 502, timedOut ? 'timed out' : 'failed to connect to host');
    });
    outgoing.end(delivery.body);
  };

  const dispatch = (delivery: Delivery) => {
    if (holding) held.push(delivery);
    else send(delivery);
  };

  const again = (delivery: Delivery): Delivery => {
    const copy: Delivery = {
      ...delivery,
      id: nextId++,
      redelivery: true,
      statusCode: null,
      status: 'pending',
      deliveredAt: new Date().toISOString(),
    };
    log.push(copy);
    return copy;
  };

  return {
    log,
    setUrl: (next) => {
      url = next;
    },
    setSecret: (next) => {
      secret = next;
    },
    hold: () => {
      holding = true;
    },
    release: (order = 'sent') => {
      holding = false;
      const queued = held.splice(0);
      for (const delivery of order === 'sent' ? queued : queued.reverse()) send(delivery);
    },
    duplicate: (on) => {
      twice = on;
    },
    drop: (predicate) => {
      dropped = predicate;
    },
    redeliver: (id) => {
      const found = log.find((delivery) => delivery.id === id);
      if (!found) return undefined;
      const copy = again(found);
      dispatch(copy);
      return copy;
    },
    idle: () => (flying === 0 ? Promise.resolve() : new Promise((resolve) => waiters.push(() => resolve()))),
    emit: (event, payload, ids) => {
      const delivery: Delivery = {
        id: nextId++,
        guid: randomUUID(),
        event,
        action: typeof payload.action === 'string' ? payload.action : null,
        repositoryId: ids.repositoryId,
        installationId: options.installationId,
        payload,
        body: JSON.stringify(payload),
        deliveredAt: new Date().toISOString(),
        redelivery: false,
        statusCode: null,
        status: 'pending',
        durationMs: 0,
        requestHeaders: {},
        responseHeaders: {},
        responseBody: '',
      };
      log.push(delivery);
      dispatch(delivery);
      if (twice) dispatch(again(delivery));
      return delivery;
    },
    close: () => agent.destroy(),
  };
}
