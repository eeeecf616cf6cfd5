import type { IncomingMessage } from 'node:http';

export interface Answer {
  status: number;
  text: string;
  retryAfter: string | undefined;
}

/**
 * POST over node:http or node:https, connections kept alive, redirects not followed. Not fetch, and not
 * `import`: fetch costs a runner that waits 18 MB of memory, importing node:http by name as much (it pulls in
 * the WebSocket client), this 5 MB.
 */
export function postJson(
  url: URL,
  options: { authorization: string; body: string; signal: AbortSignal },
): Promise<Answer> {
  const { request } = process.getBuiltinModule(url.protocol === 'https:' ? 'node:https' : 'node:http');
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      {
        method: 'POST',
        signal: options.signal,
        headers: {
          authorization: options.authorization,
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(options.body),
        },
      },
      (response) => readAnswer(response).then(resolve, reject),
    );
    sent.on('error', reject);
    sent.end(options.body);
  });
}

export async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return {
    status: response.statusCode ?? 0,
    text: Buffer.concat(chunks).toString('utf8'),
    retryAfter: response.headers['retry-after'],
  };
}
