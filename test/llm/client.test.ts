import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createModel, type Model } from '../../src/llm/client.ts';
import { ModelError } from '../../src/llm/model-error.ts';
import { type ModelReply, type ModelServer, startModel } from '../support/model.ts';

const NOW = Date.UTC(2025, 10, 22);
const schema = z.strictObject({ word: z.string() });
const USAGE = { input: 1200, output: 340 };

let server: ModelServer;
beforeAll(async () => {
  server = await startModel({ apiKey: 'sk-right' });
});
afterAll(() => server.close());

function model(settings: { apiKey?: string; timeoutMs?: number } = {}): Model {
  return createModel({
    apiKey: 'sk-right',
    baseURL: server.url,
    model: 'gpt-5',
    now: () => NOW,
    ...settings,
  });
}

function ask(client = model(), signal = new AbortController().signal, wanted: z.ZodType = schema) {
  return client.structured({
    instructions: 'Say a word.',
    input: [
      { role: 'user', text: 'a word please' },
      { role: 'assistant', text: 'no' },
      { role: 'user', text: 'again' },
    ],
    schema: wanted,
    name: 'word',
    signal,
    maxOutputTokens: 500,
  });
}

async function failure(reply: ModelReply, client = model()): Promise<ModelError> {
  server.next(reply);
  const error = await ask(client).catch((thrown: unknown) => thrown);
  if (!(error instanceof ModelError)) throw new Error(`not a ModelError: ${error}`);
  return error;
}

describe('createModel', () => {
  it('sends one stateless request with a strict schema', async () => {
    server.next({ text: { word: 'hi' } });
    const before = server.requests.length;
    await ask();
    expect(server.requests.length).toBe(before + 1);
    expect(server.requests.at(-1)?.body).toMatchObject({
      model: 'gpt-5',
      instructions: 'Say a word.',
      store: false,
      max_output_tokens: 500,
      input: [
        { role: 'user', content: 'a word please' },
        { role: 'assistant', content: 'no' },
        { role: 'user', content: 'again' },
      ],
      text: { format: { type: 'json_schema', name: 'word', strict: true, schema: { type: 'object' } } },
    });
  });

  it.each<[string, ModelReply, unknown]>([
    [
      'JSON',
      { text: { word: 'hi' } },
      { kind: 'ok', value: { word: 'hi' }, text: '{"word":"hi"}', usage: USAGE },
    ],
    ['text that is not JSON', { text: 'hello' }, { kind: 'not_json', text: 'hello', usage: USAGE }],
    ['a refusal', { refusal: 'I will not' }, { kind: 'refusal', text: 'I will not', usage: USAGE }],
    ['a cut', { cutShort: '{"wor' }, { kind: 'cut_short', usage: USAGE }],
    ['nothing', { empty: true }, { kind: 'empty', usage: USAGE }],
    ['white space', { text: ' \n' }, { kind: 'empty', usage: USAGE }],
    ['no usage', { raw: '{"output":[]}' }, { kind: 'empty', usage: { input: 0, output: 0 } }],
  ])('reads %s', async (_, reply, expected) => {
    server.next(reply);
    expect(await ask()).toEqual(expected);
  });

  it.each<[string, ModelReply, ModelError['kind'], boolean]>([
    ['429', { status: 429 }, 'rate_limited', true],
    ['429 without quota', { status: 429, code: 'insufficient_quota' }, 'auth', false],
    ['500', { status: 500 }, 'unavailable', true],
    ['503', { status: 503 }, 'unavailable', true],
    ['409', { status: 409 }, 'unavailable', true],
    ['408', { status: 408 }, 'timeout', true],
    ['401', { status: 401 }, 'auth', false],
    ['403', { status: 403 }, 'auth', false],
    ['404', { status: 404 }, 'not_found', false],
    ['400', { status: 400, message: 'too long' }, 'bad_request', false],
    ['a broken connection', { disconnect: true }, 'unavailable', true],
    ['a body that is not JSON', { raw: '<html>' }, 'unavailable', true],
    ['a page', { raw: '<html>', contentType: 'text/html' }, 'unavailable', true],
    [
      'a failed response',
      { raw: '{"status":"failed","error":{"code":"server_error"}}' },
      'unavailable',
      true,
    ],
    [
      'a failed response by rate',
      { raw: '{"status":"failed","error":{"code":"rate_limit_exceeded"}}' },
      'rate_limited',
      true,
    ],
  ])('turns %s into a typed error after one request', async (_, reply, kind, passing) => {
    const before = server.requests.length;
    const error = await failure(reply);
    expect(error).toMatchObject({ kind, passing });
    expect(error.cause).toBeDefined();
    expect(server.requests.length).toBe(before + 1);
  });

  it('names the setting to change, and never repeats what a 401 says about the key', async () => {
    const error = await failure({ status: 401, message: 'Incorrect API key: sk-secret' });
    expect(error.message).toContain('OPENAI_API_KEY');
    expect(error.message).not.toContain('sk-secret');
    expect((await failure({ status: 404 })).message).toContain('GURUGURU_MODEL');
    expect((await failure({ status: 400, message: 'context too long' })).message).toContain(
      'context too long',
    );
  });

  it.each<[Record<string, string>, number | undefined]>([
    [{ 'retry-after': '7' }, NOW + 7000],
    [{ 'retry-after-ms': '1500', 'retry-after': '2' }, NOW + 1500],
    [{ 'retry-after': new Date(NOW + 60_000).toUTCString() }, NOW + 60_000],
    [{ 'retry-after': 'soon' }, undefined],
    [{}, undefined],
  ])('reads when to try again from %j', async (headers, retryAt) => {
    expect((await failure({ status: 429, headers })).retryAt).toBe(retryAt);
  });

  it.each<[string, ModelReply]>([
    ['no answer', { hang: true }],
    ['half an answer', { hangInBody: true }],
  ])('times out on %s', async (_, reply) => {
    const error = await failure(reply, model({ timeoutMs: 100 }));
    expect(error).toMatchObject({ kind: 'timeout', passing: true });
    expect(error.message).toContain('0.1 s');
  });

  it('stops at once when the signal says so, with the reason of the signal', async () => {
    const controller = new AbortController();
    const reason = new Error('shutting down');
    server.next(() => {
      controller.abort(reason);
      return { hang: true };
    });
    await expect(ask(model(), controller.signal)).rejects.toBe(reason);
    const before = server.requests.length;
    await expect(ask(model(), controller.signal)).rejects.toBe(reason);
    expect(server.requests.length).toBe(before);
  });

  it('is unavailable where nobody listens', async () => {
    const gone = await startModel();
    await gone.close();
    const client = createModel({ apiKey: 'k', baseURL: gone.url, model: 'm' });
    await expect(ask(client)).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('refuses a wrong key like the real endpoint', async () => {
    await expect(ask(model({ apiKey: 'sk-wrong' }))).rejects.toMatchObject({ kind: 'auth' });
  });
});
