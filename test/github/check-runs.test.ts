import nock from 'nock';
import { describe, expect, it } from 'vitest';
import type { CheckAnnotation, EnsureCheckRun } from '../../src/github/types.ts';
import { API, createClient, never, REPO, sha, useWire } from './wire.ts';

useWire();

const wanted: EnsureCheckRun = {
  name: 'guruguru / validate',
  headSha: sha('a'),
  externalId: 'validate:99:5',
  status: 'completed',
  conclusion: 'failure',
  title: 'Two findings',
  summary: 'See the lines.',
  search: false,
};

const annotations = (count: number): CheckAnnotation[] =>
  Array.from({ length: count }, (_, at) => ({
    path: 'jobs/queue/1.json',
    startLine: at + 1,
    endLine: at + 1,
    level: 'failure',
    message: `finding ${at}`,
  }));

interface Sent {
  output?: { annotations?: { message: string }[]; summary: string; text?: string };
}

function record(method: 'post' | 'patch', path: string, reply: object, times = 1): Sent[] {
  const sent: Sent[] = [];
  nock(API)
    [method](path)
    .times(times)
    .reply(200, async (request: Request) => {
      sent.push((await request.json()) as Sent);
      return reply;
    });
  return sent;
}

const run = (overrides: Record<string, unknown> = {}) => ({
  id: 31,
  name: wanted.name,
  head_sha: sha('a'),
  external_id: wanted.externalId,
  status: 'completed',
  conclusion: 'failure',
  app: { id: 1 },
  output: { annotations_count: 0 },
  ...overrides,
});

function listing(...runs: object[]): void {
  nock(API)
    .get(`${REPO}/commits/${sha('a')}/check-runs`)
    .query({ check_name: wanted.name, filter: 'all', per_page: 100, page: 1 })
    .reply(200, { total_count: runs.length, check_runs: runs });
}

const create = `${REPO}/check-runs`;
const update = `${REPO}/check-runs/31`;

describe('ensureCheckRun', () => {
  it('is one request the first time', async () => {
    const client = createClient();
    const sent = record('post', create, run());
    expect(await client.ensureCheckRun(wanted, never)).toEqual({ id: 31, created: true });
    expect(sent[0]).toMatchObject({
      name: 'guruguru / validate',
      head_sha: sha('a'),
      external_id: 'validate:99:5',
      status: 'completed',
      conclusion: 'failure',
    });
  });

  it('a 502 whose write landed leaves one check run', async () => {
    const client = createClient();
    nock(API).post(create).reply(502, {});
    await expect(client.ensureCheckRun(wanted, never)).rejects.toMatchObject({ kind: 'unavailable' });
    listing(run({ id: 30, app: { id: 2 } }), run({ id: 29, external_id: 'another' }), run());
    record('patch', update, run());
    expect(await client.ensureCheckRun({ ...wanted, search: true }, never)).toEqual({
      id: 31,
      created: false,
    });
  });

  it('sends annotations fifty at a time', async () => {
    const client = createClient();
    const first = record('post', create, run());
    const rest = record('patch', update, run(), 2);
    await client.ensureCheckRun({ ...wanted, annotations: annotations(120) }, never);
    const sizes = [...first, ...rest].map((sent) => sent.output?.annotations?.length);
    expect(sizes).toEqual([50, 50, 20]);
    expect(rest[1]?.output?.annotations?.[19]?.message).toBe('finding 119');
  });

  it('after a crash between them sends only what is missing', async () => {
    const client = createClient();
    listing(run({ output: { annotations_count: 50 } }));
    const sent = record('patch', update, run());
    await client.ensureCheckRun({ ...wanted, annotations: annotations(60), search: true }, never);
    expect(sent[0]?.output?.annotations?.map((it) => it.message)[0]).toBe('finding 50');
    expect(sent[0]?.output?.annotations).toHaveLength(10);
  });

  it('updates a known one, and makes another when it is gone', async () => {
    const client = createClient();
    record('patch', update, run());
    expect(await client.ensureCheckRun({ ...wanted, knownId: 31 }, never)).toEqual({
      id: 31,
      created: false,
    });
    nock(API).patch(update).reply(404, {});
    record('post', create, run({ id: 32 }));
    expect(await client.ensureCheckRun({ ...wanted, knownId: 31 }, never)).toEqual({ id: 32, created: true });
  });

  it('clips what GitHub would refuse', async () => {
    const client = createClient();
    const first = record('post', create, run());
    const rest = record('patch', update, run(), 3);
    const long = 'x'.repeat(70_000);
    await client.ensureCheckRun(
      { ...wanted, summary: long, text: long, annotations: annotations(230) },
      never,
    );
    const output = first[0]?.output;
    expect(output?.summary).toHaveLength(65_535);
    expect(output?.summary).toContain('… (cut');
    expect(output?.summary.endsWith('30 more findings are not shown.')).toBe(true);
    expect(output?.text).toHaveLength(65_535);
    expect(rest).toHaveLength(3);
  });

  it.each<[string, Partial<EnsureCheckRun>]>([
    ['four actions', { actions: Array(4).fill({ label: 'a', description: 'b', identifier: 'c' }) }],
    ['a long label', { actions: [{ label: 'x'.repeat(21), description: 'b', identifier: 'c' }] }],
    ['a conclusion too early', { status: 'queued' }],
  ])('refuses %s without asking GitHub', async (_name, wrong) => {
    const client = createClient();
    await expect(client.ensureCheckRun({ ...wanted, ...wrong }, never)).rejects.toThrow(RangeError);
    nock.cleanAll();
  });
});

describe('updateCheckRun', () => {
  it('goes on with the annotations where GitHub is', async () => {
    const client = createClient();
    nock(API)
      .get(update)
      .reply(200, run({ output: { annotations_count: 2 } }));
    const sent = record('patch', update, run());
    expect(await client.updateCheckRun(31, { ...wanted, annotations: annotations(3) }, never)).toBe(
      'updated',
    );
    expect(sent[0]?.output?.annotations).toHaveLength(1);
  });

  it('says when it is gone', async () => {
    const client = createClient();
    nock(API).patch(update).reply(404, {});
    expect(await client.updateCheckRun(31, wanted, never)).toBe('gone');
  });
});
