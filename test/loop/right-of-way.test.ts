import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createRightOfWay } from '../../src/loop/right-of-way.ts';

/** Calls that went out, in order. */
let sent: string[];

beforeEach(() => {
  sent = [];
  vi.useFakeTimers();
  vi.stubGlobal('fetch', async (url: string) => {
    sent.push(url);
    return new Response();
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function call(way: ReturnType<typeof createRightOfWay>, ...names: string[]): Promise<void> {
  for (const name of names) void way.fetch(name);
  await vi.advanceTimersByTimeAsync(0);
}

describe('createRightOfWay', () => {
  it('holds nothing while deliveries are few', async () => {
    const way = createRightOfWay();
    for (let n = 0; n < 24; n += 1) way.noteDelivery();
    await call(way, 'a', 'b');
    expect(way.busy()).toBe(false);
    expect(sent).toEqual(['a', 'b']);
  });

  it('lets held calls out one by one during a burst, in order', async () => {
    const way = createRightOfWay();
    const flood = setInterval(() => way.noteDelivery(), 1);
    await vi.advanceTimersByTimeAsync(50);
    expect(way.busy()).toBe(true);
    await call(way, 'a', 'b', 'c');
    expect(sent).toEqual([]);
    await vi.advanceTimersByTimeAsync(45);
    expect(sent).toEqual(['a']);
    await vi.advanceTimersByTimeAsync(40);
    expect(sent).toEqual(['a', 'b']);
    clearInterval(flood);
  });

  it('lets everything out once the burst is over', async () => {
    const way = createRightOfWay();
    for (let n = 0; n < 25; n += 1) way.noteDelivery();
    const names = Array.from({ length: 20 }, (_, n) => `call ${n}`);
    await call(way, ...names);
    expect(sent).toEqual([]);
    await vi.advanceTimersByTimeAsync(600);
    expect(sent).toEqual(names);
    await call(way, 'later');
    expect(sent.at(-1)).toBe('later');
  });
});
