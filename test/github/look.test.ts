import nock from 'nock';
import { describe, expect, it } from 'vitest';
import { listDeliveries, readDelivery } from '../../src/github/app-reads.ts';
import { createChanges } from '../../src/github/changes.ts';
import { createOctokits } from '../../src/github/octokit.ts';
import { createUsage } from '../../src/github/usage.ts';
import { API, createContext, expectToken, never, privateKey, REPO, silentLog, useWire } from './wire.ts';

useWire();

const SINCE = '2026-11-22T09:00:00Z';
const issue = (number: number) => ({
  number,
  node_id: `I_${number}`,
  title: 't',
  body: 'b',
  user: { login: 'writer', type: 'User' },
  state: 'open',
  created_at: SINCE,
  updated_at: SINCE,
});

function expectIssues(page: number, etag: string | undefined) {
  return nock(API, etag ? { reqheaders: { 'if-none-match': etag } } : { badheaders: ['if-none-match'] })
    .get(`${REPO}/issues`)
    .query({ since: SINCE, state: 'all', sort: 'updated', direction: 'asc', per_page: 100, page });
}

function start() {
  let requests = 0;
  const usage = createUsage(() => 0);
  const context = createContext({ usage });
  const memory = {
    etags: new Map(),
    onRequest: () => {
      requests += 1;
    },
  };
  return { changes: createChanges(context, memory), usage, requests: () => requests };
}

describe('a look at a list', () => {
  it('is conditional once what it showed was recorded, and then costs no request of the hour', async () => {
    expectToken();
    const { changes, usage, requests } = start();
    const headers = { etag: '"one"', 'x-ratelimit-limit': '5000' };
    expectIssues(1, undefined).reply(200, [issue(1)], headers);
    await changes.issues(SINCE, never);
    // It was not recorded: asked in full again.
    expectIssues(1, undefined).reply(200, [issue(1)], headers);
    const seen = await changes.issues(SINCE, never);
    expect(seen).toMatchObject({ same: false, truncated: false, items: [{ number: 1, isPull: false }] });
    seen.keep();
    expectIssues(1, '"one"').reply(304, undefined, headers);
    expect(await changes.issues(SINCE, never)).toMatchObject({ same: true, items: [] });
    expect(requests()).toBe(3);
    expect(usage.take()).toEqual([
      // With the token's, which is none of the limit's and tells none.
      { installation: 7, requests: 4, unchanged: 1, limit: 5000, points: 8, busiestMinute: 8 },
    ]);
    expect(usage.take()).toEqual([]);
  });

  it('of several pages is never conditional: the first page tells nothing of the others', async () => {
    expectToken();
    const { changes } = start();
    const many = Array.from({ length: 100 }, (_, index) => issue(index + 1));
    for (let round = 0; round < 2; round += 1) {
      expectIssues(1, undefined).reply(200, many, { etag: '"one"' });
      expectIssues(2, undefined).reply(200, [issue(101)], { etag: '"two"' });
      const seen = await changes.issues(SINCE, never);
      expect(seen.items).toHaveLength(101);
      seen.keep();
    }
  });

  it('ends at a thousand items and says so', async () => {
    expectToken();
    const { changes } = start();
    const many = Array.from({ length: 100 }, (_, index) => issue(index + 1));
    for (let page = 1; page <= 10; page += 1) expectIssues(page, undefined).reply(200, many);
    expect(await changes.issues(SINCE, never)).toMatchObject({ truncated: true });
  });
});

describe('deliveries', () => {
  const octokits = createOctokits({ appId: 1, privateKey, log: silentLog, version: '0' });
  const memory = { etags: new Map(), onRequest() {} };
  // Above what a number holds: GitHub's ids are.
  const ID = '3804004623172239366';
  const list = `[{"id":${ID},"guid":"g","delivered_at":"${SINCE}","redelivery":false,"duration":1,"status":"x","status_code":502,"event":"push","action":null,"installation_id":1,"repository_id":2}]`;
  const json = { 'content-type': 'application/json; charset=utf-8' };

  it('keep their ids to the last digit', async () => {
    nock(API).get('/app/hook/deliveries').query({ per_page: 100 }).reply(200, list, json);
    const found = await listDeliveries(octokits, memory, 0, never);
    expect(found).toEqual([
      { id: ID, guid: 'g', at: Date.parse(SINCE), event: 'push', action: null, arrived: false },
    ]);
    const body = `{"id":${ID},"request":{"headers":{},"payload":{"ref":"refs/heads/main"}}}`;
    nock(API).get(`/app/hook/deliveries/${ID}`).reply(200, body, json);
    expect(await readDelivery(octokits, memory, ID, never)).toEqual({ ref: 'refs/heads/main' });
    nock(API).get(`/app/hook/deliveries/${ID}`).reply(404, { message: 'Not Found' });
    expect(await readDelivery(octokits, memory, ID, never)).toBeNull();
  });

  it('are read no further back than asked for', async () => {
    nock(API)
      .get('/app/hook/deliveries')
      .query({ per_page: 100 })
      .reply(200, list, {
        ...json,
        link: `<${API}/app/hook/deliveries?cursor=v1_5>; rel="next"`,
      });
    nock(API).get('/app/hook/deliveries').query({ per_page: 100, cursor: 'v1_5' }).reply(200, list, json);
    expect(await listDeliveries(octokits, memory, Date.parse(SINCE), never)).toHaveLength(2);
    nock(API).get('/app/hook/deliveries').query({ per_page: 100 }).reply(200, list, json);
    expect(await listDeliveries(octokits, memory, Date.parse(SINCE) + 1, never)).toEqual([]);
  });
});
