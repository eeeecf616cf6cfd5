import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type FixtureResponse, LLMock } from '@copilotkit/aimock';
import { strictProblems } from './strict-schema.ts';

/** One request as the model server saw it. */
export interface ModelRequest {
  body: Record<string, unknown>;
  instructions: string;
  /** All input texts, joined by newlines. */
  input: string;
  /** The ask's text where the input has one in the form of renderContext, else ''. */
  ask: string;
  headers: IncomingMessage['headers'];
}

export type ModelReply =
  /** The model's text; an object is sent as JSON. */
  | { text: string | object; usage?: { input: number; output: number } }
  | { refusal: string }
  /** Cut short at the token limit, after this much text. */
  | { cutShort: string }
  | { empty: true }
  | { status: number; message?: string; code?: string; headers?: Record<string, string> }
  /** Never answers, until it is closed. */
  | { hang: true }
  /** The head of a response and nothing after it. */
  | { hangInBody: true }
  | { delayMs: number; reply: ModelReply }
  /** Closes the connection without an answer. */
  | { disconnect: true }
  /** HTTP 200 with this body. */
  | { raw: string; contentType?: string };

type ModelAnswer = ModelReply | ((request: ModelRequest) => ModelReply);

export interface ModelMatch {
  /** A part or pattern of the ask's text, or of the whole input where there is no ask. */
  match: string | RegExp;
  reply: ModelAnswer;
}

export interface ModelServer {
  /** For OPENAI_BASE_URL; ends in /v1. */
  url: string;
  requests: ModelRequest[];
  /** Queues answers, one for each of the next requests, before matches and `otherwise`. */
  next(...answers: ModelAnswer[]): void;
  close(): Promise<void>;
}

export interface ModelServerOptions {
  /** The first that matches answers. */
  replies?: readonly ModelMatch[];
  /** For every other request; default is HTTP 404, so that a forgotten answer is seen. */
  otherwise?: ModelAnswer;
  /** Any other key is answered 401. Default: every key is good. */
  apiKey?: string;
  /** Default: any free port. */
  port?: number;
}

const USAGE = { input: 1200, output: 340 };
const NO_ANSWER: ModelReply = { status: 404, message: 'the model server has no answer for this request' };

/**
 * A server that speaks OpenAI's Responses API on 127.0.0.1. aimock builds the replies; this wrapper adds
 * what it has not: strict mode's refusals, refusals of the model, hangs without end, and broken bodies.
 */
export async function startModel(options: ModelServerOptions = {}): Promise<ModelServer> {
  const queue: ModelAnswer[] = [];
  const requests: ModelRequest[] = [];
  const waiting = new Map<string, FixtureResponse>();
  const mock = new LLMock({ port: 0, host: '127.0.0.1', journalMaxEntries: 10 });
  mock.addFixture({
    match: {},
    response: (request) =>
      waiting.get(String(request._context)) ?? { error: { message: 'lost' }, status: 500 },
  });
  await mock.start();

  const server = createServer((incoming, response) => {
    handle(incoming, response).catch((error: unknown) => {
      sendError(response, 500, `the model server failed: ${error}`);
    });
  });

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    if (incoming.method !== 'POST' || incoming.url !== '/v1/responses') {
      sendError(response, 404, `no such path: ${incoming.method} ${incoming.url}`);
      return;
    }
    const body: Record<string, unknown> = JSON.parse(await readBody(incoming));
    const key = incoming.headers.authorization?.replace(/^Bearer /, '') ?? '';
    if (key === '' || (options.apiKey !== undefined && key !== options.apiKey)) {
      sendError(response, 401, 'Incorrect API key provided.', 'invalid_api_key');
      return;
    }
    const request = readRequest(body, incoming);
    requests.push(request);
    const problems = requestProblems(body);
    if (problems.length > 0) {
      sendError(response, 400, problems.join('; '), 'invalid_json_schema');
      return;
    }
    const answer =
      queue.shift() ?? matching(options.replies ?? [], request) ?? options.otherwise ?? NO_ANSWER;
    await send(typeof answer === 'function' ? answer(request) : answer, body, response);
  }

  async function send(
    reply: ModelReply,
    body: Record<string, unknown>,
    response: ServerResponse,
  ): Promise<void> {
    if ('delayMs' in reply) {
      await new Promise((resolve) => setTimeout(resolve, reply.delayMs).unref());
      if (!response.destroyed) await send(reply.reply, body, response);
      return;
    }
    if ('hang' in reply) return;
    if ('hangInBody' in reply) {
      response.writeHead(200, { 'content-type': 'application/json' }).write('{"id":');
      return;
    }
    if ('disconnect' in reply) {
      response.destroy();
      return;
    }
    if ('raw' in reply) {
      response.writeHead(200, { 'content-type': reply.contentType ?? 'application/json' }).end(reply.raw);
      return;
    }
    if ('status' in reply) {
      sendError(response, reply.status, reply.message ?? 'an error', reply.code, reply.headers);
      return;
    }
    sendJson(response, 200, adjust(await built(reply, body), reply));
  }

  async function built(
    reply: Exclude<ModelReply, { status: number } | { raw: string }>,
    body: Record<string, unknown>,
  ): Promise<Record<string, unknown>> {
    const context = randomUUID();
    waiting.set(context, toFixture(reply));
    try {
      const answer = await fetch(`${mock.url}/v1/responses`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-aimock-context': context },
        body: JSON.stringify(body),
      });
      const json: Record<string, unknown> = JSON.parse(await answer.text());
      return json;
    } finally {
      waiting.delete(context);
    }
  }

  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    requests,
    next: (...answers) => queue.push(...answers),
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await mock.stop();
    },
  };
}

function toFixture(reply: ModelReply): FixtureResponse {
  if ('text' in reply) {
    const { input, output } = reply.usage ?? USAGE;
    const content = typeof reply.text === 'string' ? reply.text : JSON.stringify(reply.text);
    return { content, usage: { input_tokens: input, output_tokens: output } };
  }
  const usage = { input_tokens: USAGE.input, output_tokens: USAGE.output };
  if ('cutShort' in reply) return { content: reply.cutShort, finishReason: 'length', usage };
  return { content: 'refusal' in reply ? reply.refusal : '', usage };
}

/** What aimock leaves out of a reply. */
function adjust(response: Record<string, unknown>, reply: ModelReply): Record<string, unknown> {
  if ('cutShort' in reply) return { ...response, incomplete_details: { reason: 'max_output_tokens' } };
  const message = { type: 'message', id: 'msg_1', role: 'assistant', status: 'completed' };
  if ('refusal' in reply) {
    return { ...response, output: [{ ...message, content: [{ type: 'refusal', refusal: reply.refusal }] }] };
  }
  return 'empty' in reply ? { ...response, output: [] } : response;
}

function matching(replies: readonly ModelMatch[], request: ModelRequest): ModelAnswer | undefined {
  const text = request.ask || request.input;
  return replies.find(({ match }) => (typeof match === 'string' ? text.includes(match) : match.test(text)))
    ?.reply;
}

function readRequest(body: Record<string, unknown>, incoming: IncomingMessage): ModelRequest {
  const list = Array.isArray(body.input) ? body.input : [body.input];
  const input = list
    .map((item) => (typeof item === 'string' ? item : String(item?.content ?? '')))
    .join('\n');
  const ask = /^BEGIN (\S+) kind=ask [^\n]*\n([\s\S]*?)\nEND \1$/m.exec(input)?.[2] ?? '';
  return { body, instructions: String(body.instructions ?? ''), input, ask, headers: incoming.headers };
}

function requestProblems(body: Record<string, unknown>): string[] {
  if (typeof body.model !== 'string') return ['model: is missing'];
  const text = body.text as { format?: { type?: string; strict?: boolean; schema?: unknown } } | undefined;
  if (text?.format?.type !== 'json_schema' || text.format.strict !== true) return [];
  return strictProblems(text.format.schema);
}

async function readBody(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function sendJson(response: ServerResponse, status: number, body: unknown, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

function sendError(
  response: ServerResponse,
  status: number,
  message: string,
  code?: string,
  headers?: Record<string, string>,
): void {
  const type = status >= 500 ? 'server_error' : 'invalid_request_error';
  sendJson(response, status, { error: { message, type, param: null, code: code ?? null } }, headers);
}
