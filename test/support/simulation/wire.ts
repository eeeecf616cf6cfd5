import { type RunnerClient, RunnerNetworkError } from '../../../src/runner/client.ts';
import type { App } from './app.ts';
import type { World } from './world.ts';

/** What stands between one machine and the app. */
export interface Link {
  cut: boolean;
}

/** A process on a runner's machine: `at` calls it back only while it lives and is not stopped. */
export interface Callee {
  at(ms: number, run: () => void): void;
}

/**
 * The runner's client over a wire that loses, delays, reorders and repeats messages. A call without an answer
 * ends like the real one: `wait` and ten seconds later.
 */
export function createWire(world: World, app: App, link: Link, process: Callee): RunnerClient {
  const { random, timeline } = world;
  const delay = () => (random.chance(world.faults.late) ? random.whole(1_000, 30_000) : random.whole(1, 40));
  const lost = () => link.cut || random.chance(world.faults.lost);

  function call<T>(
    wait: number,
    send: (client: AbortSignal) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const gone = new AbortController();
      let open = true;
      const end = (settle: () => void) => {
        if (open) settle();
        open = false;
      };
      signal?.addEventListener('abort', () => {
        // A connection that is closed may or may not be heard of at the other end.
        if (random.chance(0.7)) gone.abort('gone');
        end(() => reject(signal.reason));
      });
      process.at(wait * 1_000 + 10_000, () => {
        gone.abort('gone');
        end(() => reject(new RunnerNetworkError('no answer')));
      });
      const arrive = (answer: (settle: () => void) => void) => {
        send(gone.signal).then(
          (value) => answer(() => resolve(value)),
          (error: unknown) => answer(() => reject(error)),
        );
      };
      if (random.chance(world.faults.duplicated))
        timeline.at(delay() + random.whole(0, 20_000), () => arrive(() => {}));
      if (lost()) return;
      timeline.at(delay(), () =>
        arrive((settle) => {
          if (random.chance(world.faults.appDies) && app.up()) {
            world.say('the app dies before it answers');
            app.die();
            return;
          }
          if (!lost()) timeline.at(delay(), () => process.at(0, () => end(settle)));
        }),
      );
    });
  }

  return {
    acquire: (request, signal) => call(request.wait, (client) => app.acquire(request, client), signal),
    sync: (run, request, signal) =>
      call(request.wait ?? 0, (client) => app.sync(run, request, client), signal),
  };
}
