import { describe, expect, it } from 'vitest';
import {
  backoffMs,
  checkUrl,
  delayAfter,
  isTransient,
  RunnerCallError,
  RunnerNetworkError,
  withRetry,
} from '../../src/runner/client.ts';

describe('checkUrl', () => {
  it.each([
    ['https://app.example.com/', 'https://app.example.com'],
    ['http://127.0.0.1:3000', 'http://127.0.0.1:3000'],
    ['http://localhost:3000/base/', 'http://localhost:3000/base'],
    ['http://[::1]:3000', 'http://[::1]:3000'],
  ])('takes %s', (text, url) => {
    expect(checkUrl(text)).toEqual({ ok: true, url });
  });
  it.each(['app.example.com', 'ftp://example.com', '', 'http://app.example.com', 'http://127.example.com'])(
    'refuses %s and names the setting',
    (text) => {
      expect(checkUrl(text)).toMatchObject({ ok: false, message: expect.stringContaining('GURUGURU_URL') });
    },
  );
});

describe('retry', () => {
  it('knows what may work later', () => {
    expect(isTransient(new RunnerNetworkError('cut'))).toBe(true);
    expect(isTransient(new RunnerCallError(503, 'unavailable', 'x'))).toBe(true);
    expect(isTransient(new RunnerCallError(429, null, 'x'))).toBe(true);
    expect(isTransient(new RunnerCallError(404, null, 'a proxy'))).toBe(true);
    expect(isTransient(new RunnerCallError(404, 'unknown_run', 'x'))).toBe(false);
    expect(isTransient(new RunnerCallError(409, 'stale_fence', 'x'))).toBe(false);
  });
  it('waits as long as the app asks (Retry-After), and no shorter than it would by itself', () => {
    const busy = new RunnerCallError(429, 'too_many_requests', 'x', { retryAfter: 30 });
    expect(delayAfter(busy, 1)).toBe(30_000);
    expect(
      delayAfter(new RunnerCallError(429, 'too_many_requests', 'x', { retryAfter: 0 }), 20),
    ).toBeGreaterThan(4_999);
    expect(delayAfter(new RunnerNetworkError('cut'), 1)).toBeLessThan(251);
    expect(isTransient(busy)).toBe(true);
  });
  it('waits longer each time, up to ten seconds, with jitter', () => {
    expect([1, 2, 3, 20].map((attempt) => backoffMs(attempt, () => 1))).toEqual([250, 500, 1000, 10_000]);
    expect(backoffMs(20, () => 0)).toBe(5000);
  });
  it('tries until it works, and not after what waiting cannot mend', async () => {
    let calls = 0;
    const flaky = async () => {
      calls += 1;
      if (calls < 3) throw new RunnerNetworkError('cut');
      return 'done';
    };
    const signal = new AbortController().signal;
    expect(await withRetry(flaky, { signal, delayMs: () => 0 })).toBe('done');
    const fatal = async () => {
      throw new RunnerCallError(409, 'stale_fence', 'over');
    };
    await expect(withRetry(fatal, { signal })).rejects.toThrow('over');
  });
  it('stops waiting when it is aborted', async () => {
    const stop = new AbortController();
    const fails = async () => {
      throw new RunnerNetworkError('cut');
    };
    const end = withRetry(fails, {
      signal: stop.signal,
      delayMs: () => 60_000,
      onError: () => stop.abort('enough'),
    });
    await expect(end).rejects.toBe('enough');
  });
});
