import nock from 'nock';
import { describe, expect, it } from 'vitest';
import { commentMarker } from '../../src/github/comments.ts';
import { publishComment } from '../../src/github/publish.ts';
import { intend } from '../../src/store/published.ts';
import { tempStore } from '../support/store.ts';
import { API, commentJson, createClient, never, REPO, silentLog, useWire } from './wire.ts';

useWire();

const KEY = 'status:ask:99:c1';
const BODY = 'Planning';
const MARKED = `${BODY}\n\n${commentMarker(KEY)}`;
const COMMENTS = `${REPO}/issues/3/comments`;

async function setUp() {
  const clock = { now: 1_000_000 };
  const store = await tempStore({ now: () => clock.now });
  const scope = { store, client: createClient(), signal: never, log: silentLog };
  const publish = () => publishComment(scope, { issue: 3, key: KEY, body: BODY });
  return { clock, store, publish };
}

const found = (...comments: ReturnType<typeof commentJson>[]) =>
  nock(API).get(COMMENTS).query(true).reply(200, comments);
const unanswered = () => nock(API).post(COMMENTS).replyWithError('socket hang up');
const makes = () => nock(API).post(COMMENTS).reply(201, commentJson(11, MARKED));

describe('a write whose answer never came', () => {
  it('is not made again while GitHub may still be at work on it, and then once', async () => {
    const { clock, publish } = await setUp();
    unanswered();
    await expect(publish()).rejects.toMatchObject({ kind: 'unavailable' });
    clock.now += 9_999;
    found();
    await expect(publish()).rejects.toMatchObject({ kind: 'unavailable', retryAt: 1_010_000 });
    clock.now += 1;
    found();
    makes();
    await publish();
    await publish();
  });

  it('is found when it has landed', async () => {
    const { publish } = await setUp();
    unanswered();
    await expect(publish()).rejects.toThrow();
    found(commentJson(11, MARKED));
    await publish();
    await publish();
  });

  it('may land as late after every try', async () => {
    const { clock, publish } = await setUp();
    unanswered();
    await expect(publish()).rejects.toThrow();
    clock.now += 10_000;
    found();
    unanswered();
    await expect(publish()).rejects.toThrow();
    clock.now += 5_000;
    found();
    await expect(publish()).rejects.toMatchObject({ retryAt: 1_020_000 });
  });

  it('is waited for no longer because the clock was set back', async () => {
    const { clock, publish } = await setUp();
    unanswered();
    await expect(publish()).rejects.toThrow();
    clock.now -= 3_600_000;
    found();
    await expect(publish()).rejects.toMatchObject({ retryAt: clock.now + 10_000 });
    clock.now += 10_000;
    found();
    makes();
    await publish();
  });
});

it('a write that was refused is over: it is made again at once, after a look', async () => {
  const { publish } = await setUp();
  nock(API).post(COMMENTS).reply(502, {});
  await expect(publish()).rejects.toMatchObject({ kind: 'unavailable' });
  found();
  makes();
  await publish();
});

it('what a lost database may have written is looked for, and nobody is at work on it', async () => {
  const { store, publish } = await setUp();
  await store.write((tx) => intend(tx, KEY));
  found();
  makes();
  await publish();
});
