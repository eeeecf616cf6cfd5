import nock from 'nock';
import { describe, expect, it } from 'vitest';
import { commentMarker } from '../../src/github/comments.ts';
import { API, commentJson, createClient, never, REPO, userBot, useWire } from './wire.ts';

useWire();

const KEY = 'status:ask:99:c1';
const MARKED = `Planning\n\n${commentMarker(KEY)}`;
const thread = `${REPO}/issues/3/comments`;
const wanted = { issue: 3, key: KEY, body: 'Planning' };

function listing(...comments: ReturnType<typeof commentJson>[]): void {
  nock(API).get(thread).query({ per_page: 100, page: 1 }).reply(200, comments);
}

describe('ensureComment', () => {
  it('is one request the first time, with the hidden marker as its last line', async () => {
    const client = createClient();
    nock(API).post(thread, { body: MARKED }).reply(201, commentJson(11, MARKED));
    expect(await client.ensureComment({ ...wanted, search: false }, never)).toEqual({
      id: 11,
      created: true,
    });
  });

  it('a 502 whose write landed leaves one comment', async () => {
    const client = createClient();
    nock(API).post(thread).reply(502, {});
    await expect(client.ensureComment({ ...wanted, search: false }, never)).rejects.toMatchObject({
      kind: 'unavailable',
    });
    listing(commentJson(10, '/ask'), commentJson(11, MARKED));
    expect(await client.ensureComment({ ...wanted, search: true }, never)).toEqual({
      id: 11,
      created: false,
    });
  });

  it('edits what it finds when the text has changed since', async () => {
    const client = createClient();
    listing(commentJson(11, `Old\n\n${commentMarker(KEY)}`));
    nock(API).patch(`${REPO}/issues/comments/11`, { body: MARKED }).reply(200, commentJson(11, MARKED));
    expect(await client.ensureComment({ ...wanted, search: true }, never)).toMatchObject({ id: 11 });
  });

  it.each([
    ['somebody else’s comment', commentJson(12, MARKED, { login: 'mallory', type: 'User' })],
    ['another app’s comment', commentJson(12, MARKED, { login: 'guruguru-x[bot]', type: 'Bot' })],
    ['a marker quoted inside our text', commentJson(12, `${MARKED}\n\nmore`, userBot())],
    ['a marker of another key', commentJson(12, `x\n\n${commentMarker(`${KEY}0`)}`, userBot())],
  ])('does not trust %s', async (_name, comment) => {
    const client = createClient();
    listing(comment);
    nock(API).post(thread).reply(201, commentJson(13, MARKED));
    expect(await client.ensureComment({ ...wanted, search: true }, never)).toEqual({ id: 13, created: true });
  });

  it('edits a known comment without looking, and writes it anew when it was deleted', async () => {
    const client = createClient();
    nock(API).patch(`${REPO}/issues/comments/11`).reply(200, commentJson(11, MARKED));
    expect(await client.ensureComment({ ...wanted, knownId: 11, search: true }, never)).toEqual({
      id: 11,
      created: false,
    });
    nock(API).patch(`${REPO}/issues/comments/11`).reply(404, {});
    nock(API).post(thread).reply(201, commentJson(12, MARKED));
    expect(await client.ensureComment({ ...wanted, knownId: 11, search: false }, never)).toEqual({
      id: 12,
      created: true,
    });
  });

  it('tells a transferred issue from a renamed repository', async () => {
    const client = createClient();
    const to = (repoId: number) => ({ location: `${API}/repositories/${repoId}/issues/3/comments` });
    nock(API)
      .post(thread)
      .reply(301, {}, to(client.repoId + 1));
    await expect(client.ensureComment({ ...wanted, search: false }, never)).rejects.toMatchObject({
      kind: 'gone',
    });
    nock(API).post(thread).reply(301, {}, to(client.repoId));
    await expect(client.ensureComment({ ...wanted, search: false }, never)).rejects.toMatchObject({
      kind: 'moved',
    });
  });

  it('clips what GitHub would refuse and keeps the marker', async () => {
    const client = createClient();
    let sent = '';
    nock(API)
      .post(thread, (body: { body: string }) => {
        sent = body.body;
        return true;
      })
      .reply(201, commentJson(11, ''));
    await client.ensureComment({ ...wanted, body: '🌀'.repeat(40_000), search: false }, never);
    expect(sent.length).toBeLessThanOrEqual(65_535);
    expect(sent.endsWith(commentMarker(KEY))).toBe(true);
    expect(sent).toContain('… (cut');
    expect(sent.isWellFormed()).toBe(true);
  });

  it('refuses a key that could close the marker', () => {
    expect(() => commentMarker('a --> b')).toThrow(RangeError);
    expect(() => commentMarker('a--b')).toThrow(RangeError);
  });
});

describe('updateComment', () => {
  it('says when the comment is gone', async () => {
    const client = createClient();
    nock(API).patch(`${REPO}/issues/comments/11`).reply(404, {});
    expect(await client.updateComment(11, { key: KEY, body: 'x' }, never)).toBe('gone');
  });
});

describe('react', () => {
  it.each([
    ['c', `${REPO}/issues/comments/8/reactions`],
    ['r', `${REPO}/pulls/comments/8/reactions`],
    ['i', `${REPO}/issues/8/reactions`],
  ] as const)('%s', async (kind, path) => {
    const client = createClient();
    nock(API).post(path, { content: 'eyes' }).reply(200, { id: 1 });
    await client.react({ kind, id: 8 }, 'eyes', never);
  });
});

describe('commitComment', () => {
  it('is written once', async () => {
    const client = createClient();
    const path = `${REPO}/commits/abc/comments`;
    nock(API).get(path).query(true).reply(200, []);
    nock(API).post(path, { body: MARKED }).reply(201, { id: 4, body: MARKED });
    const options = { key: KEY, body: 'Planning' };
    expect(await client.commitComment('abc', options, never)).toEqual({ id: 4, created: true });
    nock(API)
      .get(path)
      .query(true)
      .reply(200, [{ id: 4, body: MARKED, user: userBot() }]);
    expect(await client.commitComment('abc', options, never)).toEqual({ id: 4, created: false });
  });
});

describe('comments', () => {
  it('gives the newest of a long thread by its last pages', async () => {
    const client = createClient();
    const page = (n: number, size: number) =>
      Array.from({ length: size }, (_, at) => commentJson(n * 1000 + at, `${n}/${at}`));
    const link = `<${API}${thread}?per_page=100&page=2>; rel="next", <${API}${thread}?per_page=100&page=9>; rel="last"`;
    nock(API).get(thread).query({ per_page: 100, page: 1 }).reply(200, page(1, 100), { link });
    nock(API).get(thread).query({ per_page: 100, page: 8 }).reply(200, page(8, 100));
    nock(API).get(thread).query({ per_page: 100, page: 9 }).reply(200, page(9, 5));
    const comments = await client.comments(3, { limit: 100 }, never);
    expect(comments).toHaveLength(100);
    expect(comments.at(0)?.body).toBe('8/5');
    expect(comments.at(-1)?.body).toBe('9/4');
    expect(comments.at(-1)).toMatchObject({ ours: true, thread: 3 });
  });
});
