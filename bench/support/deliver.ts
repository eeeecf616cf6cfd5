import { createHmac, randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';

export interface SignedDelivery {
  body: Buffer;
  headers: Record<string, string>;
}

/** Signed ahead, so that the client's own work while it measures is small. */
export function signDelivery(event: string, body: string, secret: string): SignedDelivery {
  const bytes = Buffer.from(body);
  return {
    body: bytes,
    headers: {
      'content-type': 'application/json',
      'content-length': String(bytes.length),
      'user-agent': 'GitHub-Hookshot/bench',
      'x-github-delivery': randomUUID(),
      'x-github-event': event,
      'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(bytes).digest('hex')}`,
    },
  };
}

/** Sends all of them, `concurrency` at a time on kept connections; returns each one's ms until its 200. */
export async function deliverAll(
  url: string,
  deliveries: readonly SignedDelivery[],
  concurrency: number,
): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const waiting = deliveries.values();
  const times: number[] = [];
  const send = async () => {
    for (const delivery of waiting) {
      const started = performance.now();
      await deliver(url, delivery, agent);
      times.push(performance.now() - started);
    }
  };
  try {
    await Promise.all(Array.from({ length: concurrency }, send));
  } finally {
    agent.destroy();
  }
  return times;
}

function deliver(url: string, { body, headers }: SignedDelivery, agent: Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: 'POST', agent, headers }, (incoming) => {
      incoming.resume();
      incoming.on('end', () => {
        if (incoming.statusCode === 200) resolve();
        else reject(new Error(`${url} answered ${incoming.statusCode} to a delivery`));
      });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
