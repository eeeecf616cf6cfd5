import { describe, expect, it } from 'vitest';
import { createRunnerApi } from '../../src/dispatch/runner-api.ts';
import { listAudit } from '../../src/store/audit.ts';
import { createToken, listTokens, revokeToken } from '../../src/store/tokens.ts';
import { queueJobs, SIGNING_KEY, startDispatch } from '../support/dispatch.ts';

const body = async (response: Response) => (await response.json()) as { error: string; message: string };

describe('a token', () => {
  it.each([
    ['none', undefined, 'token create'],
    ['another scheme', 'Basic abc', 'Bearer'],
    ['one nobody made', `Bearer ggr_${'x'.repeat(43)}`, 'does not know the token'],
  ])('is asked for: %s', async (_name, authorization, message) => {
    const { api } = await startDispatch();
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    const response = await api.request('/api/runner/acquire', { method: 'POST', headers, body: '{}' });
    expect(response.status).toBe(401);
    expect(await body(response)).toMatchObject({
      error: 'unauthorized',
      message: expect.stringContaining(message),
    });
  });

  it('gets nothing any more once it is revoked, also a call that waits', async () => {
    const { store, runner, clock } = await startDispatch();
    await queueJobs(store, { id: 'a' });
    const working = runner({ name: 'working', process: 'process-w' });
    const offer = await working.take();
    await working.starting(offer);
    const waiting = runner({ name: 'waiting', process: 'process-2' }).acquire(0.2);
    const [token] = await listTokens(store.db);
    await store.write((tx) => revokeToken(tx, token?.id ?? '', clock.now));
    await queueJobs(store, { id: 'b' });
    const refused = await waiting;
    expect(refused.status).toBe(401);
    expect(await body(refused)).toMatchObject({ error: 'unauthorized' });
    expect((await working.sync(offer, {})).status).toBe(401);
    expect((await working.finish(offer)).status).toBe(401);
  });

  it('refuses the second look of a sync that waited', async () => {
    const { store, runner, clock } = await startDispatch();
    await queueJobs(store, { id: 'a' });
    const one = runner();
    const offer = await one.take();
    const waiting = one.sync(offer, { phase: 'running', wait: 0.2 });
    const [token] = await listTokens(store.db);
    await store.write((tx) => revokeToken(tx, token?.id ?? '', clock.now));
    expect((await waiting).status).toBe(401);
  });
});

describe('the limits', () => {
  const wrong = (api: Awaited<ReturnType<typeof startDispatch>>['api'], from: string) =>
    api.request('/api/runner/acquire', {
      method: 'POST',
      headers: { authorization: 'Bearer ggr_wrong', 'x-test-address': from },
      body: '{}',
    });

  async function startWithAddresses() {
    const dispatch = await startDispatch();
    const api = createRunnerApi({
      store: dispatch.store,
      signingKey: SIGNING_KEY,
      log: { error: () => {} },
      isReady: () => true,
      peerOf: (c) => ({ address: c.req.header('x-test-address') ?? 'local', secure: true }),
    });
    return { ...dispatch, api };
  }

  it('answer wrong tokens of one address with 429, and keep no other and no valid token waiting', async () => {
    const { api, clock, token } = await startWithAddresses();
    const statuses: number[] = [];
    for (let n = 0; n < 22; n += 1) statuses.push((await wrong(api, '203.0.113.9')).status);
    expect(statuses).toEqual([...Array(20).fill(401), 429, 429]);
    const late = await wrong(api, '203.0.113.9');
    expect(late.headers.get('retry-after')).toBe('5');
    expect(await body(late)).toMatchObject({
      error: 'too_many_requests',
      message: expect.stringContaining('203.0.113.9'),
    });
    expect((await wrong(api, '203.0.113.10')).status).toBe(401);
    const valid = await api.request('/api/runner/acquire', {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'x-test-address': '203.0.113.9' },
      body: JSON.stringify({
        name: 'd',
        process: 'process-1',
        labels: [],
        capabilities: [],
        version: '1',
        wait: 0,
      }),
    });
    expect(valid.status).toBe(204);
    clock.now += 5_000;
    expect((await wrong(api, '203.0.113.9')).status).toBe(401);
  });

  it('answer one token that calls without end with 429, and no other', async () => {
    const { api, store, token } = await startWithAddresses();
    const other = await store.write((tx) => createToken(tx, 'other', ['acme/site'], 1));
    const call = (bearer: string) =>
      api.request('/api/runner/acquire', {
        method: 'POST',
        headers: { authorization: `Bearer ${bearer}` },
        body: '{}',
      });
    let first = 0;
    let response = await call(token);
    for (first = 1; response.status === 400 && first < 5_000; first += 1) response = await call(token);
    expect(first).toBe(2_001);
    expect(response.status).toBe(429);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(await body(response)).toMatchObject({ message: expect.stringContaining('devbox') });
    expect((await call(other.token)).status).toBe(400);
  });

  it('refuse a body that is too long, and clear text from another machine, before anything is read', async () => {
    const { store, token } = await startDispatch();
    const api = createRunnerApi({
      store,
      signingKey: SIGNING_KEY,
      log: { error: () => {} },
      isReady: () => true,
      peerOf: (c) => ({ address: 'x', secure: c.req.header('x-test-secure') === 'yes' }),
    });
    const call = (headers: Record<string, string>, text: string) =>
      api.request('/api/runner/acquire', {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, ...headers },
        body: text,
      });
    const clear = await call({}, '{}');
    expect(clear.status).toBe(403);
    expect(await body(clear)).toMatchObject({
      error: 'tls_required',
      message: expect.stringMatching(/GURUGURU_TLS_CERT.*GURUGURU_TRUSTED_PROXIES/),
    });
    const long = await call({ 'x-test-secure': 'yes' }, JSON.stringify({ name: 'x'.repeat(2_200_000) }));
    expect(long.status).toBe(413);
    expect(await body(long)).toMatchObject({
      error: 'payload_too_large',
      message: expect.stringContaining('262144'),
    });
  });
});

describe('the audit', () => {
  it('tells of tokens and leases, in the transaction that grants them, and never the token', async () => {
    const { store, runner, token, clock } = await startDispatch();
    await queueJobs(store, { id: 'a' });
    clock.now += 1;
    const offer = await runner().take();
    clock.now += 1;
    const [row] = await listTokens(store.db);
    await store.write((tx) => revokeToken(tx, row?.id ?? '', clock.now));
    await store.write((tx) => revokeToken(tx, row?.id ?? '', clock.now));
    const audit = await listAudit(store.db, 10);
    expect(audit.map(({ what, who, subject }) => [what, who, subject])).toEqual([
      ['token_revoked', 'command line', 'devbox'],
      ['lease_granted', 'runner devbox', 'a'],
      ['token_created', 'command line', 'devbox'],
    ]);
    expect(JSON.parse(audit[1]?.detail ?? '')).toMatchObject({
      run: offer.run,
      fence: offer.fence,
      attempt: 1,
    });
    expect(JSON.stringify(audit)).not.toContain(token);
  });
});
