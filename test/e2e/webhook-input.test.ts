import { createHmac, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';

const MB = 1024 * 1024;

let t: TestApp;
beforeAll(async () => {
  t = await startTestApp();
});
afterAll(() => t.close());
beforeEach(() => {
  t.log.length = 0;
});

const url = () => `${t.app().url}/api/github/webhooks`;
const sign = (body: string, secret = t.github.app.webhookSecret) =>
  `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;

function headersFor(body: string, changes: Record<string, string | undefined> = {}): Record<string, string> {
  const all = {
    'content-type': 'application/json',
    'x-github-event': 'issue_comment',
    'x-github-delivery': randomUUID(),
    'x-hub-signature-256': sign(body),
    ...changes,
  };
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

async function post(body: string, changes: Record<string, string | undefined> = {}) {
  const response = await fetch(url(), { method: 'POST', headers: headersFor(body, changes), body });
  const json = (await response.json()) as { ok?: boolean; error?: string };
  return { status: response.status, error: json.error ?? '' };
}

/** A comment of GitHub's, as it would be delivered. */
async function askPayload(text = '/ask list\n```sh\nls\n```'): Promise<{ body: string; issue: number }> {
  t.github.webhooks.drop((delivery) => delivery.event === 'issue_comment');
  const issue = await t.github.as('writer').openIssue({ title: 'Smoke' });
  const comment = await t.github.as('writer').comment(issue, text);
  t.github.webhooks.drop(undefined);
  const delivery = t.github.webhooks.log.find(
    ({ event, payload }) =>
      event === 'issue_comment' && (payload.comment as { id?: number } | undefined)?.id === comment.id,
  );
  return { body: delivery?.body ?? '', issue };
}

const rows = async () => {
  const { db } = t.app().store;
  const [asks, work, repositories] = await Promise.all([
    db.selectFrom('asks').select('key').execute(),
    db.selectFrom('work').select('key').execute(),
    db.selectFrom('repositories').selectAll().execute(),
  ]);
  return { asks, work, repositories };
};

describe('what is not GitHub’s', () => {
  it.each<[string, Record<string, string | undefined>, number, RegExp]>([
    ['a wrong signature', { 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` }, 401, /WEBHOOK_SECRET/],
    ['a signature of another form', { 'x-hub-signature-256': 'sha1=abc' }, 401, /WEBHOOK_SECRET/],
    ['no signature', { 'x-hub-signature-256': undefined }, 401, /not signed.*WEBHOOK_SECRET/],
    ['no event', { 'x-github-event': undefined }, 400, /x-github-event/],
    ['no delivery id', { 'x-github-delivery': undefined }, 400, /x-github-delivery/],
    [
      'a form',
      { 'content-type': 'application/x-www-form-urlencoded' },
      415,
      /application\/json.*App's settings page/,
    ],
  ])('%s is refused, with what to do in the answer and in the log', async (_, changes, status, remedy) => {
    const { body } = await askPayload();
    const before = await rows();
    const answer = await post(body, changes);
    expect(answer.status).toBe(status);
    expect(answer.error).toMatch(remedy);
    expect(t.log).toEqual([expect.stringMatching(remedy)]);
    expect(await rows()).toEqual(before);
  });

  it('a body signed with another secret is refused', async () => {
    const { body } = await askPayload();
    expect((await post(body, { 'x-hub-signature-256': sign(body, 'development') })).status).toBe(401);
  });

  it.each(['{"action": "created"', '[]', 'null', '"/ask"', '1', '{"a":1}}'])(
    'a signed body that is no JSON object is refused: %s',
    async (body) => {
      expect(await post(body)).toEqual({
        status: 400,
        error: expect.stringContaining('JSON object') as string,
      });
      expect(t.log).toEqual([expect.stringContaining('JSON object')]);
    },
  );

  it('an empty body is refused', async () => {
    expect((await post('')).status).toBe(401);
  });

  it('another method or path is answered 404', async () => {
    expect((await fetch(url())).status).toBe(404);
    expect((await fetch(`${t.app().url}/`, { method: 'POST', body: '{}' })).status).toBe(404);
  });
});

describe('what starts nothing', () => {
  it.each(['ping', 'star', 'no_such_event'])('%s is answered 200 and stores nothing', async (event) => {
    const { body } = await askPayload();
    const before = await rows();
    const payload = JSON.parse(body) as { repository: object };
    const repository = { ...payload.repository, id: 5, name: 'unknown' };
    const stranger = JSON.stringify({ ...payload, repository });
    expect((await post(stranger, { 'x-github-event': event })).status).toBe(200);
    expect(await rows()).toEqual(before);
    expect(t.log).toEqual([]);
  });

  it('a payload that lacks what its event should have is answered 5xx, and said', async () => {
    const answer = await post('{"action":"created"}');
    expect(answer.status).toBe(500);
    expect(t.log).toEqual([expect.stringContaining('a webhook could not be stored')]);
  });
});

describe('a body that is cut short', () => {
  it('stores nothing, is logged, and leaves the app well', async () => {
    const { body } = await askPayload();
    const before = await rows();
    const delivery = randomUUID();
    const request = open({
      ...headersFor(body, { 'x-github-delivery': delivery }),
      'content-length': String(Buffer.byteLength(body)),
    });
    request.on('error', () => {});
    await new Promise((resolve) => request.write(body.slice(0, 100), resolve));
    request.destroy();
    await expect.poll(() => t.log).toEqual([expect.stringMatching(/cut short.*redeliver/)]);
    expect(await rows()).toEqual(before);
    expect((await post(body)).status).toBe(200);
    await t.settle();
  });
});

function open(headers: Record<string, string>): ClientRequest {
  return httpRequest(url(), { method: 'POST', headers });
}

async function answerOf(request: ClientRequest): Promise<{ status: number; text: string }> {
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return { status: response.statusCode ?? 0, text };
}

describe('a body of 60 MB and more', () => {
  const chunk = Buffer.alloc(MB, 'x');
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;

  /** Sends; tells the most memory that was held, garbage not counted. */
  async function write(request: ClientRequest, megabytes: number): Promise<number> {
    let most = 0;
    for (let sent = 0; sent < megabytes; sent += 1) {
      await new Promise((resolve) => request.write(chunk, resolve));
      if (sent % 8 > 0) continue;
      collect();
      most = Math.max(most, process.memoryUsage().arrayBuffers);
    }
    return most;
  }

  it('is refused by its announced length, before it is sent', async () => {
    const request = open({ ...headersFor(''), 'content-length': String(60 * MB) });
    const answering = answerOf(request);
    request.flushHeaders();
    expect(await answering).toEqual({ status: 413, text: expect.stringContaining('25 MB') as string });
    request.on('error', () => {});
    request.destroy();
    expect(t.log).toEqual([expect.stringContaining('25 MB')]);
  });

  it('is refused when the limit is reached, and the rest is thrown away', async () => {
    const request = open({ ...headersFor(''), 'transfer-encoding': 'chunked' });
    const answering = answerOf(request);
    collect();
    const before = process.memoryUsage().arrayBuffers;
    const first = await write(request, 26);
    expect(await answering).toEqual({ status: 413, text: expect.stringContaining('25 MB') as string });
    const rest = await write(request, 100);
    request.on('error', () => {});
    request.end();
    // Freed memory is counted for a while: 25 MB may stand, the 126 MB that were sent may not.
    expect(Math.max(first, rest) - before).toBeLessThan(60 * MB);
  });

  it('a body just under the limit is judged by its signature', async () => {
    const body = JSON.stringify({ filler: 'x'.repeat(24 * MB) });
    expect((await post(body, { 'x-github-event': 'ping' })).status).toBe(200);
  });
});

describe('an event that cannot be stored', () => {
  it('is answered 5xx, said, and starts its ask when it is delivered again', async () => {
    const { body } = await askPayload();
    const pulls = (await t.github.read.pulls()).length;
    await t.app().store.close();
    const answer = await post(body);
    expect(answer.status).toBe(500);
    expect(answer.error).toMatch(/could not store.*Redeliver/);
    expect(t.log).toContainEqual(expect.stringMatching(/could not be stored: look at the data directory/));
    await t.restart();
    expect((await post(body)).status).toBe(200);
    await t.github.until('the job PR', async () => (await t.github.read.pulls()).length > pulls);
  });
});

describe('a delivery that comes twice', () => {
  it('starts one ask', async () => {
    const { body, issue } = await askPayload();
    const before = (await t.github.read.pulls()).length;
    const delivery = { 'x-github-delivery': randomUUID() };
    const answers = await Promise.all([post(body, delivery), post(body, delivery), post(body)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    await t.settle();
    expect((await post(body, delivery)).status).toBe(200);
    await t.settle();
    expect(await t.marked(issue, 'status')).toHaveLength(1);
    expect(await t.github.read.pulls()).toHaveLength(before + 1);
  });
});
