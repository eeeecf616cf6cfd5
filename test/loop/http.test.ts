import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type RequestOptions, request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createRunnerApi } from '../../src/dispatch/runner-api.ts';
import { createHttp, type HttpParts, peerOf } from '../../src/loop/http.ts';
import { readTransport } from '../../src/tls-config.ts';
import { selfSigned } from '../support/self-signed.ts';
import { tempDir, tempStore } from '../support/store.ts';

async function serve(parts: Partial<HttpParts> = {}) {
  const store = await tempStore();
  const server = await createHttp({
    webhook: async () => ({ status: 200, message: 'ok' }),
    runnerApi: createRunnerApi({
      store,
      signingKey: 'key',
      log: { error: () => {} },
      isReady: () => true,
      peerOf: peerOf([]),
    }),
    isReady: () => true,
    tls: null,
    onDelivery: () => {},
    log: { info: () => {}, warn: () => {}, error: () => {} },
    ...parts,
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port };
}

async function call(
  port: number,
  path: string,
  options: RequestOptions & { body?: string; secure?: boolean; ca?: string } = {},
): Promise<{ status: number; text: string }> {
  const { body = '', secure = false, ...rest } = options;
  const to = {
    agent: false as const,
    port,
    path,
    host: secure ? 'localhost' : '127.0.0.1',
    family: 4,
    ...rest,
  };
  const sent = (secure ? secureRequest : request)(to);
  sent.end(body);
  const [response] = await once(sent, 'response');
  return { status: response.statusCode, text: await text(response) };
}

describe('the runner API on the network', () => {
  it.each([
    ['a process on this machine', {}, 401],
    [
      'TLS at a proxy on this machine',
      { 'x-forwarded-proto': 'https', 'x-forwarded-for': '203.0.113.9' },
      401,
    ],
    [
      'clear text at a proxy on this machine',
      { 'x-forwarded-proto': 'http', 'x-forwarded-for': '203.0.113.9' },
      403,
    ],
  ])('answers %s', async (_name, headers, status) => {
    const { port } = await serve();
    const answer = await call(port, '/api/runner/acquire', { method: 'POST', headers, body: '{}' });
    expect(answer.status).toBe(status);
    if (status === 403) expect(answer.text).toContain('GURUGURU_TRUSTED_PROXIES');
  });

  it('is served by TLS from two PEM files, and then not without', async () => {
    const folder = tempDir();
    const { cert, key } = selfSigned();
    const env = { GURUGURU_TLS_CERT: join(folder, 'cert.pem'), GURUGURU_TLS_KEY: join(folder, 'key.pem') };
    writeFileSync(env.GURUGURU_TLS_CERT, cert);
    writeFileSync(env.GURUGURU_TLS_KEY, key);
    const { tls, problems } = readTransport(env);
    expect(problems).toEqual([]);
    const { port } = await serve({ tls });
    const answer = await call(port, '/api/runner/acquire', {
      method: 'POST',
      body: '{}',
      secure: true,
      ca: cert,
    });
    expect(answer.status).toBe(401);
    await expect(call(port, '/healthz')).rejects.toThrow();
    const other = readTransport({ ...env, GURUGURU_TLS_KEY: env.GURUGURU_TLS_CERT });
    expect(other.problems).toEqual([expect.stringMatching(/^GURUGURU_TLS_CERT: does not make a pair/)]);
  });
});

describe('a slow caller', () => {
  const timeouts = { headersMs: 100, requestMs: 200, lookMs: 20 };

  it.each([
    ['headers', 'POST /api/runner/acquire HTTP/1.1\r\nhost: x\r\n'],
    ['a body', 'POST /api/runner/acquire HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{'],
    [
      'a webhook',
      'POST /api/github/webhooks HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nx-github-event: push\r\nx-github-delivery: 1\r\nx-hub-signature-256: s\r\ncontent-length: 100\r\n\r\n{',
    ],
  ])('that never ends %s is sent away', async (_name, beginning) => {
    const { port } = await serve({ timeouts });
    const socket = connect(port, '127.0.0.1');
    socket.write(beginning);
    const answer = await text(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 (408|401)|^$/);
    expect(socket.readableEnded).toBe(true);
  });
});

describe('a body that is too long', () => {
  it('is refused with 413 and why, on every route that takes one', async () => {
    const { port } = await serve();
    const headers = {
      'content-type': 'application/json',
      'x-github-event': 'push',
      'x-github-delivery': '1',
      'x-hub-signature-256': 's',
    };
    const webhook = await call(port, '/api/github/webhooks', {
      method: 'POST',
      headers: { ...headers, 'content-length': 26 * 1024 * 1024 },
    }).catch((error: Error) => error);
    expect(webhook).toMatchObject({ status: 413, text: expect.stringContaining('25 MB') });
    const acquire = await call(port, '/api/runner/acquire', { method: 'POST', body: 'x'.repeat(300_000) });
    expect(acquire).toMatchObject({ status: 413, text: expect.stringContaining('262144') });
  });
});
