import { createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A load balancer as in front of several apps: one after another, and the next one when one is gone. */
export interface Balancer {
  url: string;
  /** How many requests each address has answered. */
  answered: Map<string, number>;
  close(): void;
}

export async function startBalancer(targets: readonly string[]): Promise<Balancer> {
  const answered = new Map<string, number>();
  let turn = 0;

  const server = createServer(async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    for (const _ of targets) {
      turn += 1;
      const target = targets[turn % targets.length] ?? '';
      const answer = await forward(incoming, response, Buffer.concat(chunks), target).catch(() => null);
      if (!answer) continue;
      answered.set(target, (answered.get(target) ?? 0) + 1);
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
      answer.on('error', () => response.destroy());
      return;
    }
    response.writeHead(502).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answered,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function forward(
  incoming: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
  target: string,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { method, headers } = incoming;
    const outgoing = send(new URL(incoming.url ?? '/', target), { method, headers }, resolve);
    outgoing.on('error', reject);
    // The caller has gone: so must the app's side of it.
    response.on('close', () => outgoing.destroy());
    outgoing.end(body);
  });
}
