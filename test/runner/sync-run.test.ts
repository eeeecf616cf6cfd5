import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { RunnerCallError, type RunnerClient } from '../../src/runner/client.ts';
import { startRunSync } from '../../src/runner/sync-run.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** A run whose app answers nothing but 503, one second after another. */
function unreachable(idempotent: boolean) {
  let clock = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => clock);
  const refuse = () => Promise.reject(new RunnerCallError(503, 'unavailable', 'later'));
  const client: RunnerClient = { acquire: refuse, sync: refuse };
  const cancelled: string[] = [];
  const offer = {
    run: 'run-1',
    attempt: 1,
    repository: 'octo/loop',
    job_id: '2025-11-22-001',
    file: '{}',
    digest: 'sha256:0',
    fence: 1,
    ttl_seconds: 60,
    token: 'offer-1',
  };
  const sync = startRunSync({
    client,
    run: { offer, process: 'process-1' },
    log: {
      write: () => undefined,
      size: () => 0,
      read: () => Buffer.alloc(0),
      finish: () => 0,
      close: () => undefined,
    },
    idempotent,
    timing: { waitSeconds: 15, gatherMs: 100, renewalMs: 45_000 },
    onCancel: (reason) => cancelled.push(reason),
    onDrain: () => undefined,
    say: () => undefined,
  });
  return {
    cancelled,
    stop: () => sync.stop(),
    async pass(seconds: number) {
      for (let n = 0; n < seconds; n += 1) {
        clock += 1000;
        await vi.advanceTimersByTimeAsync(1000);
      }
    },
    sleep: (seconds: number) => {
      clock += seconds * 1000;
    },
  };
}

it.each([
  [true, 1],
  [false, 0],
])('ends a job that is idempotent (%s) after 45 s without a renewal', async (idempotent, ended) => {
  const run = unreachable(idempotent);
  await run.pass(44);
  expect(run.cancelled).toEqual([]);
  await run.pass(1);
  expect(run.cancelled).toHaveLength(ended);
  await run.stop();
});

it('asks first when the machine has slept, also where the monotonic clock went on in the sleep', async () => {
  const run = unreachable(true);
  await run.pass(10);
  run.sleep(3600);
  await run.pass(30);
  expect(run.cancelled).toEqual([]);
  await run.pass(10);
  expect(run.cancelled).not.toEqual([]);
  await run.stop();
});
