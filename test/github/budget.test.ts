import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createBudget, type RequestCost } from '../../src/github/budget.ts';
import { never } from './wire.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Takes places one after another and says which were given. */
function taker(budget: ReturnType<typeof createBudget>) {
  const given: string[] = [];
  const releases = new Map<string, () => void>();
  return {
    given,
    releases,
    take(name: string, cost: RequestCost) {
      budget.take(cost, never).then(
        (release) => {
          given.push(name);
          releases.set(name, release);
        },
        (error: Error) => given.push(`${name}: ${error.message}`),
      );
    },
    settle: () => vi.advanceTimersByTimeAsync(0),
  };
}

describe('createBudget', () => {
  it('lets a burst of 80 pass at once and holds the next until the minute is over', async () => {
    const takes = taker(createBudget({ concurrent: 0 }));
    for (let n = 1; n <= 81; n += 1) takes.take(String(n), 'content');
    await takes.settle();
    expect(takes.given).toHaveLength(80);
    await vi.advanceTimersByTimeAsync(59_000);
    expect(takes.given).toHaveLength(80);
    await vi.advanceTimersByTimeAsync(1_010);
    expect(takes.given.at(-1)).toBe('81');
  });

  it('leaves their part to other apps on the same database, as many as there are now', async () => {
    let apps = 4;
    const takes = taker(createBudget({ concurrent: 0 }, () => apps));
    for (let n = 1; n <= 100; n += 1) takes.take(String(n), 'content');
    await takes.settle();
    expect(takes.given).toHaveLength(20);
    apps = 2;
    await vi.advanceTimersByTimeAsync(60_010);
    expect(takes.given).toHaveLength(60);
  });

  it('never lets more than 80 into any minute, nor 500 into any hour', async () => {
    const budget = createBudget({ concurrent: 0, maxWaitMs: 3_600_000 });
    const times: number[] = [];
    for (let n = 0; n < 600; n += 1) {
      budget.take('content', never).then(() => times.push(Date.now()));
    }
    await vi.advanceTimersByTimeAsync(2 * 3_600_000);
    expect(times).toHaveLength(600);
    const most = (span: number) =>
      Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + span).length));
    expect(most(60_000)).toBe(80);
    expect(most(3_600_000)).toBe(500);
  });

  it('counts 5 points for a write and 1 for a read', async () => {
    const takes = taker(createBudget({ pointsPerMinute: 12, concurrent: 0 }));
    for (const name of ['w1', 'w2', 'w3']) takes.take(name, 'write');
    takes.take('r1', 'read');
    await takes.settle();
    expect(takes.given).toEqual(['w1', 'w2']);
    await vi.advanceTimersByTimeAsync(60_010);
    expect(takes.given).toEqual(['w1', 'w2', 'w3', 'r1']);
  });

  it('lets reads pass while content waits', async () => {
    const takes = taker(createBudget({ contentPerMinute: 1 }));
    takes.take('c1', 'content');
    takes.take('c2', 'content');
    takes.take('r1', 'read');
    await takes.settle();
    expect(takes.given).toEqual(['c1', 'r1']);
  });

  it('keeps few requests at once, in order, and counts a place once', async () => {
    const takes = taker(createBudget({ concurrent: 1 }));
    for (const name of ['a', 'b', 'c']) takes.take(name, 'read');
    await takes.settle();
    expect(takes.given).toEqual(['a']);
    takes.releases.get('a')?.();
    takes.releases.get('a')?.();
    await takes.settle();
    expect(takes.given).toEqual(['a', 'b']);
  });

  it('refuses at once what would wait too long, and says when', async () => {
    const budget = createBudget({ contentPerHour: 1 });
    await budget.take('content', never);
    await expect(budget.take('content', never)).rejects.toMatchObject({
      kind: 'rate_limited',
      retryAt: Date.now() + 3_600_000,
    });
  });

  it('sends nothing while paused', async () => {
    const budget = createBudget();
    const takes = taker(budget);
    budget.pauseUntil(Date.now() + 5_000);
    takes.take('a', 'read');
    await vi.advanceTimersByTimeAsync(4_900);
    expect(takes.given).toEqual([]);
    await vi.advanceTimersByTimeAsync(200);
    expect(takes.given).toEqual(['a']);
  });

  it('gives up a place in the queue on abort', async () => {
    const budget = createBudget({ concurrent: 1 });
    const takes = taker(budget);
    const controller = new AbortController();
    takes.take('a', 'read');
    const waiting = budget.take('read', controller.signal);
    takes.take('c', 'read');
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ kind: 'aborted' });
    takes.releases.get('a')?.();
    await takes.settle();
    expect(takes.given).toEqual(['a', 'c']);
    await expect(budget.take('read', AbortSignal.abort())).rejects.toMatchObject({ kind: 'aborted' });
  });

  it('0 lifts every limit', async () => {
    const budget = createBudget({
      contentPerMinute: 0,
      contentPerHour: 0,
      pointsPerMinute: 0,
      concurrent: 0,
    });
    await Promise.all(Array.from({ length: 2000 }, () => budget.take('content', never)));
  });
});
