import type { IncomingMessage } from 'node:http';

/** One webhook as it came, not verified. */
export interface Delivery {
  /** `X-GitHub-Delivery`, the same for a redelivery. */
  id: string;
  event: string;
  /** `X-Hub-Signature-256`. */
  signature: string;
  body: string;
}

/** `message`: what is wrong and what to do; for people who read GitHub's list of deliveries. */
export interface DeliveryAnswer {
  status: number;
  message: string;
}

/**
 * GitHub's own cap on a payload: "payloads are capped at 25 MB".
 * https://docs.github.com/webhooks/webhook-events-and-payloads#payload-cap
 */
const MAX_BYTES = 25 * 1024 * 1024;

const TOO_LARGE: DeliveryAnswer = { status: 413, message: 'the body is over 25 MB, the most GitHub sends' };

/** Refusals carry a status of 4xx. `cut_short`: the sender went away, there is nobody to answer. */
type Read =
  | { kind: 'read'; delivery: Delivery }
  | { kind: 'refused'; answer: DeliveryAnswer }
  | { kind: 'cut_short' };

/** Reads a delivery; what is no webhook of GitHub's is refused by its headers, before its body is read. */
export async function readDelivery(request: IncomingMessage): Promise<Read> {
  const answer = headerRefusal(request);
  if (answer) {
    discard(request);
    return { kind: 'refused', answer };
  }
  const body = await readBody(request);
  if (body.kind === 'cut_short') return body;
  if (body.kind === 'too_large') return { kind: 'refused', answer: TOO_LARGE };
  return {
    kind: 'read',
    delivery: {
      id: header(request, 'x-github-delivery'),
      event: header(request, 'x-github-event'),
      signature: header(request, 'x-hub-signature-256'),
      body: body.text,
    },
  };
}

function headerRefusal(request: IncomingMessage): DeliveryAnswer | null {
  if (Number(header(request, 'content-length')) > MAX_BYTES) return TOO_LARGE;
  if (!/^application\/json\s*(;|$)/i.test(header(request, 'content-type'))) {
    return {
      status: 415,
      message:
        "the content type is not application/json; choose it for the webhook on the App's settings page",
    };
  }
  const missing = ['x-github-event', 'x-github-delivery'].filter((name) => header(request, name) === '');
  if (missing.length > 0)
    return { status: 400, message: `headers are missing: ${missing.join(', ')}; GitHub sends them` };
  if (header(request, 'x-hub-signature-256') === '') {
    return {
      status: 401,
      message:
        "the event is not signed (x-hub-signature-256); set the webhook secret on the App's settings page, the same as WEBHOOK_SECRET",
    };
  }
  return null;
}

/** What is refused is still read and thrown away: closing the connection under a sender loses the answer. */
function discard(request: IncomingMessage): void {
  request.on('error', () => {});
  request.resume();
}

type Body = { kind: 'read'; text: string } | { kind: 'too_large' } | { kind: 'cut_short' };

function readBody(request: IncomingMessage): Promise<Body> {
  return new Promise((resolve) => {
    let chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_BYTES) {
        chunks.push(chunk);
        return;
      }
      chunks = [];
      resolve({ kind: 'too_large' });
    });
    request.on('end', () => resolve({ kind: 'read', text: Buffer.concat(chunks).toString('utf8') }));
    request.on('error', () => resolve({ kind: 'cut_short' }));
    request.on('close', () => resolve({ kind: 'cut_short' }));
  });
}

function header(request: IncomingMessage, name: string): string {
  return String(request.headers[name] ?? '');
}
