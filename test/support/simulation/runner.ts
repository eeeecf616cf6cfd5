import { LOG_CHUNK_MAX_BYTES, type Offer, type SyncResponse } from '../../../src/dispatch/protocol.ts';
import type { RunResult } from '../../../src/job/run-result.ts';
import { backoffMs, isTransient, RunnerCallError } from '../../../src/runner/client.ts';
import { correctedOffset, deliverRun, syncBase } from '../../../src/runner/deliver-run.ts';
import { emptyResult } from '../../../src/runner/empty-result.ts';
import type { App } from './app.ts';
import type { Promises } from './promises.ts';
import { createWire, type Link } from './wire.ts';
import type { World } from './world.ts';

/** What a runner keeps in its state directory of one run. */
interface Spooled {
  offer: Offer;
  process: string;
  result: RunResult | null;
  log: Buffer;
}

/** A machine with a runner's name and state directory, where one process lives at a time. */
export interface Machine extends Link {
  name: string;
  disk: Map<string, Spooled>;
  process: Process | null;
}

export interface Process {
  alive: boolean;
  kill(): void;
  /** SIGSTOP, or the machine sleeps. */
  stop(ms: number): void;
}

/**
 * A model of src/runner: what it remembers, when it passes the point of no return, how it retries, delivers
 * and gives up. Delivery, corrections and backoff are the runner's own code.
 */
export function startProcess(
  world: World,
  app: App,
  machine: Machine,
  promises: Promises,
  id: string,
): Process {
  const { timeline, random } = world;
  let stoppedUntil = 0;
  let onWake: () => void = () => {};
  const over = new AbortController();
  const process: Process = {
    alive: true,
    kill() {
      world.say(`${id} is killed`);
      process.alive = false;
      if (machine.process === process) machine.process = null;
      over.abort('killed');
    },
    stop(ms) {
      world.say(`${id} is stopped for ${ms / 1000} s`);
      stoppedUntil = Math.max(stoppedUntil, timeline.now() + ms);
      at(ms, () => onWake());
    },
  };
  function at(ms: number, run: () => void): void {
    const fire = () => {
      if (!process.alive) return;
      if (stoppedUntil > timeline.now()) timeline.at(stoppedUntil - timeline.now(), fire);
      else run();
    };
    timeline.at(ms, fire);
  }
  const sleep = (ms: number, signal?: AbortSignal) =>
    new Promise<void>((go) => {
      if (signal?.aborted) return go();
      signal?.addEventListener('abort', () => process.alive && go());
      at(ms, go);
    });
  const client = createWire(world, app, machine, { at });
  const backoff = (attempt: number) => backoffMs(attempt, random.next);
  /** A place where the real one may be killed. */
  const boundary = async () => {
    if (!random.chance(world.faults.runnerDies)) return;
    process.kill();
    await new Promise<never>(() => {});
  };

  async function main(): Promise<void> {
    for (const [run, spooled] of machine.disk) {
      if (spooled.result) continue;
      spooled.log = Buffer.concat([spooled.log, Buffer.from(`${run} was killed\n`)]);
      spooled.result = emptyResult('runner_error', 'runner was killed', spooled.log.length, STARTED);
    }
    const known = new Map<string, number>();
    let drained = false;
    for (let failures = 0; !drained; ) {
      const left = await deliverAll(known);
      const asking = new AbortController();
      onWake = () => asking.abort('slept');
      const asked = timeline.now();
      let offer: Offer | null;
      try {
        offer = await client.acquire({ ...identity(), wait: left > 0 ? 2 : 25 }, asking.signal);
        failures = 0;
      } catch (error) {
        if (asking.signal.aborted) continue;
        if (error instanceof RunnerCallError && !isTransient(error)) break;
        failures += 1;
        await sleep(backoff(failures), asking.signal);
        continue;
      }
      if (!offer) {
        if (timeline.now() - asked < 200) await sleep(1_000, asking.signal);
        // The real one asks again at once. Thousands of idle calls would show nothing more.
        await sleep(random.pick([0, 60_000, 300_000, 600_000]), asking.signal);
        continue;
      }
      await boundary();
      const offset = await runOffer(offer, () => {
        drained = true;
      });
      if (offset !== null) known.set(offer.run, offset);
    }
    await deliverAll(known);
    world.say(`${id} ends`);
    process.alive = false;
    if (machine.process === process) machine.process = null;
  }

  const identity = () => ({
    name: machine.name,
    process: id,
    labels: [],
    capabilities: [],
    version: '1',
  });

  async function deliverAll(known: Map<string, number>): Promise<number> {
    let left = 0;
    for (const [run, spooled] of [...machine.disk]) {
      const { result } = spooled;
      if (!result) continue;
      const offset = known.get(run) ?? 0;
      const delivery = await deliverRun(client, { ...spooled, result }, spoolOf(spooled), { offset });
      if (delivery.kind === 'later') {
        left += 1;
        continue;
      }
      world.say(
        `${id}: ${run} ${delivery.kind}${delivery.kind === 'rejected' ? `: ${delivery.message}` : ''}`,
      );
      await boundary();
      machine.disk.delete(run);
      known.delete(run);
    }
    return left;
  }

  async function runOffer(offer: Offer, onDrain: () => void): Promise<number | null> {
    world.say(`${id} has an offer: ${offer.run} of ${offer.job_id}, fence ${offer.fence}`);
    const answer = await begin(offer);
    if (!answer) return null;
    await boundary();
    const spooled: Spooled = { offer, process: id, result: null, log: Buffer.alloc(0) };
    machine.disk.set(offer.run, spooled);
    if (answer.cancel) {
      spooled.result = emptyResult('cancelled', 'stopped before the first line ran', 0, STARTED);
      return 0;
    }
    await boundary();
    promises.started(offer, id);
    return work(spooled, onDrain);
  }

  /** `starting`, repeated until there is an answer; null: refused. */
  async function begin(offer: Offer): Promise<SyncResponse | null> {
    if (random.chance(world.faults.cutAtStart)) {
      timeline.at(random.whole(0, 80), () => {
        world.say(`${machine.name} is cut off at its start`);
        machine.cut = true;
      });
      timeline.at(20 * 60_000, () => {
        machine.cut = false;
      });
    }
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await client.sync(offer.run, {
          ...syncBase({ offer, process: id }),
          phase: 'starting',
          wait: 0,
        });
      } catch (error) {
        if (!isTransient(error)) {
          world.say(`${id}: ${offer.run} not started: ${error instanceof Error ? error.message : error}`);
          return null;
        }
        await sleep(backoff(attempt));
      }
    }
  }

  /** The job runs: it writes its log, is kept in touch with the app, and ends. Returns the offset sent. */
  async function work(spooled: Spooled, onDrain: () => void): Promise<number> {
    const { offer } = spooled;
    const ended = new AbortController();
    const cancelled = new AbortController();
    const idempotent = promises.isIdempotent(offer.job_id);
    let renewed = timeline.now();
    let offset = 0;
    const heard = (answer: SyncResponse) => {
      renewed = timeline.now();
      if (answer.cancel) cancelled.abort('cancelled');
      if (answer.drain) onDrain();
    };
    /** false: the app holds the run for over. */
    const failed = async (error: unknown, attempt: number): Promise<boolean> => {
      if (error instanceof RunnerCallError && error.code === 'stale_fence') {
        if (idempotent) cancelled.abort('cancelled');
        return false;
      }
      await sleep(isTransient(error) ? backoff(attempt) : 15_000, ended.signal);
      return true;
    };
    const listen = async () => {
      for (let attempt = 0; !ended.signal.aborted; ) {
        const waiting = new AbortController();
        onWake = () => waiting.abort('slept');
        const asked = timeline.now();
        try {
          const request = { ...syncBase(spooled), phase: 'running' as const, wait: attempt === 0 ? 15 : 0 };
          heard(await client.sync(offer.run, request, AbortSignal.any([ended.signal, waiting.signal])));
          if (attempt === 0 && timeline.now() - asked < 200) await sleep(1_000, ended.signal);
          attempt = 0;
        } catch (error) {
          if (ended.signal.aborted) return;
          if (waiting.signal.aborted) continue;
          attempt += 1;
          if (!(await failed(error, attempt))) return;
        }
      }
    };
    const upload = async () => {
      for (let attempt = 0; !ended.signal.aborted; ) {
        if (offset >= spooled.log.length) {
          await sleep(2_000, ended.signal);
          continue;
        }
        const data = spooled.log.subarray(offset, offset + LOG_CHUNK_MAX_BYTES);
        try {
          const log = { offset, data: data.toString('base64') };
          const request = { ...syncBase(spooled), phase: 'running' as const, log, wait: 0 };
          const answer = await client.sync(offer.run, request, ended.signal);
          heard(answer);
          offset = answer.offset;
          attempt = 0;
        } catch (error) {
          if (ended.signal.aborted) return;
          const corrected = correctedOffset(error);
          if (corrected !== null && corrected !== offset && corrected <= spooled.log.length) {
            offset = corrected;
            continue;
          }
          attempt += 1;
          if (!(await failed(error, attempt))) return;
        }
      }
    };
    const loops = [listen(), upload()];

    const until = timeline.now() + random.pick([300, 3_000, 10_000, 50_000]);
    while (timeline.now() < until && !cancelled.signal.aborted) {
      spooled.log = Buffer.concat([spooled.log, Buffer.from(`line at ${timeline.now()}\n`)]);
      await sleep(Math.min(until - timeline.now(), random.whole(2_000, 30_000)), cancelled.signal);
      if (idempotent && timeline.now() - renewed > 45_000) cancelled.abort('cancelled');
    }
    const outcome = cancelled.signal.aborted
      ? 'cancelled'
      : random.pick<'refused' | 'runner_error'>(['refused', 'runner_error']);
    await boundary();
    spooled.result = emptyResult(outcome, 'as told', spooled.log.length, STARTED);
    world.say(`${id}: ${offer.run} ended, ${outcome}`);
    ended.abort('ended');
    await Promise.all(loops);
    await boundary();
    return offset;
  }

  world.say(`${id} starts on ${machine.name}`);
  main().catch((error: unknown) =>
    world.breaks(`the runner failed: ${error instanceof Error ? error.stack : error}`),
  );
  machine.process = process;
  return process;
}

const STARTED = '2026-01-01T00:00:00.000Z';

function spoolOf(spooled: Spooled) {
  return {
    size: () => spooled.log.length,
    read: (offset: number, length: number) => spooled.log.subarray(offset, offset + length),
  };
}
