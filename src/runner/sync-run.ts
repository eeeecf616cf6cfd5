import { setTimeout as sleep } from 'node:timers/promises';
import { LOG_CHUNK_MAX_BYTES, type SyncResponse } from '../dispatch/protocol.ts';
import { delayAfter, RunnerCallError, type RunnerClient } from './client.ts';
import { correctedOffset, syncBase } from './deliver-run.ts';
import type { LogSpool } from './log-spool.ts';
import type { SpooledRun } from './state-directory.ts';

export interface SyncTiming {
  /** Seconds a call waits at the app for news; 15. It is the heartbeat. */
  waitSeconds: number;
  /** Log bytes are gathered for so long before they are sent; 100 ms. */
  gatherMs: number;
  /** An idempotent job is ended after so long without a renewal; 45,000 ms. */
  renewalMs: number;
}
export const SYNC_TIMING: SyncTiming = { waitSeconds: 15, gatherMs: 100, renewalMs: 45_000 };

export interface RunSync {
  /** The log has grown. */
  grown(): void;
  /** The machine may have slept: renew at once. */
  wake(): void;
  /** Ends both loops. Returns the offset the app has committed, as far as is known. */
  stop(): Promise<number>;
}

/**
 * Keeps app and run in touch while it runs, in two loops: one call is always waiting at the app, so that a
 * cancel arrives at once and the lease is renewed; another sends the log as it grows, without waiting.
 * Neither ever ends the job because the app cannot be reached, save an idempotent one (design section 7).
 */
export function startRunSync(options: {
  client: RunnerClient;
  run: Pick<SpooledRun, 'offer' | 'process'>;
  log: LogSpool;
  idempotent: boolean;
  timing: SyncTiming;
  onCancel: (reason: string) => void;
  onDrain: () => void;
  say: (text: string) => void;
}): RunSync {
  const { client, run, log, timing } = options;
  const over = new AbortController();
  let waiting = new AbortController();
  let offset = 0;
  let grown: () => void = () => undefined;
  // Counted, not taken from a clock: a time in which the machine slept is one in which nothing was tried.
  let unrenewedMs = 0;
  let unreachable = false;

  const heard = (answer: SyncResponse) => {
    unrenewedMs = 0;
    if (unreachable) options.say('the app answers again');
    unreachable = false;
    if (answer.cancel) options.onCancel('cancelled by /cancel');
    if (answer.drain) options.onDrain();
  };
  /** Milliseconds to wait before the next call; null: no further calls. */
  const failed = (error: unknown, attempt: number): number | null => {
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof RunnerCallError && error.code === 'stale_fence') {
      options.say(`${run.offer.run}: the app holds this run for over (${message})`);
      if (options.idempotent) options.onCancel('the lease was lost, and another runner may have this job');
      return null;
    }
    if (!unreachable) options.say(`${run.offer.run}: ${message}; the job goes on, trying again`);
    unreachable = true;
    const refused = error instanceof RunnerCallError && !error.transient;
    return refused ? timing.waitSeconds * 1000 : delayAfter(error, attempt);
  };

  const listen = async () => {
    for (let attempt = 0; !over.signal.aborted; ) {
      waiting = new AbortController();
      const asked = performance.now();
      try {
        const signal = AbortSignal.any([over.signal, waiting.signal]);
        const wait = attempt === 0 ? timing.waitSeconds : 0;
        heard(await client.sync(run.offer.run, { ...syncBase(run), phase: 'running', wait }, signal));
        // An app that does not hold the call must not be asked in a circle.
        if (attempt === 0 && performance.now() - asked < 200) await rest(1000, over.signal);
        attempt = 0;
      } catch (error) {
        if (over.signal.aborted) return;
        if (waiting.signal.aborted) continue;
        attempt += 1;
        const delay = failed(error, attempt);
        if (delay === null) return;
        await rest(delay, AbortSignal.any([over.signal, waiting.signal]));
      }
    }
  };
  const upload = async () => {
    for (let attempt = 0; !over.signal.aborted; ) {
      if (offset >= log.size()) {
        await new Promise<void>((resolve) => {
          grown = resolve;
        });
        await rest(timing.gatherMs, over.signal);
        continue;
      }
      const data = log.read(offset, LOG_CHUNK_MAX_BYTES).toString('base64');
      try {
        const answer = await client.sync(
          run.offer.run,
          { ...syncBase(run), phase: 'running', log: { offset, data }, wait: 0 },
          over.signal,
        );
        heard(answer);
        offset = answer.offset;
        attempt = 0;
      } catch (error) {
        if (over.signal.aborted) return;
        const corrected = correctedOffset(error);
        if (corrected !== null && corrected !== offset && corrected <= log.size()) {
          offset = corrected;
          continue;
        }
        attempt += 1;
        const delay = failed(error, attempt);
        if (delay === null) return;
        await rest(delay, over.signal);
      }
    }
  };

  const lookMs = Math.min(1000, timing.renewalMs / 4);
  let lookedAt = performance.now();
  const watch = setInterval(() => {
    const now = performance.now();
    unrenewedMs += Math.min(now - lookedAt, 2 * lookMs);
    lookedAt = now;
    if (!options.idempotent || unrenewedMs < timing.renewalMs) return;
    options.onCancel(
      `the lease could not be renewed for ${timing.renewalMs / 1000} s, and this job may be run again elsewhere`,
    );
  }, lookMs);
  const loops = Promise.all([listen(), upload()]);

  return {
    grown: () => grown(),
    wake: () => waiting.abort(),
    async stop() {
      clearInterval(watch);
      over.abort();
      grown();
      await loops;
      return offset;
    },
  };
}

async function rest(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
