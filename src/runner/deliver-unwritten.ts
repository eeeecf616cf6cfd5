import type { RunResult } from '../job/run-result.ts';
import { backoffMs, pause, type RunnerClient } from './client.ts';
import { deliverRun } from './deliver-run.ts';
import type { SpooledRun, StateDirectory } from './state-directory.ts';
import { tries } from './tries.ts';

/**
 * Delivers a result that cannot be written to disk (it is full) from memory: until the app has answered, the
 * disk takes it after all, or the runner is told to stop at once. Returns whether it is on disk now.
 */
export async function deliverUnwritten(
  runner: { client: RunnerClient; state: StateDirectory; cancel: AbortSignal; say: (text: string) => void },
  run: Pick<SpooledRun, 'offer' | 'process'>,
  result: RunResult,
  log: { size(): number; read(offset: number, length: number): Buffer },
): Promise<boolean> {
  const { client, state, cancel, say } = runner;
  const id = run.offer.run;
  for (let attempt = 1; !cancel.aborted; attempt += 1) {
    const delivery = await deliverRun(client, { ...run, result }, log, { signal: cancel });
    if (delivery.kind !== 'later') {
      say(`${id}: ${delivery.kind === 'accepted' ? 'delivered' : `not accepted: ${delivery.message}`}`);
      if (tries(() => state.accepted(id)) !== null)
        say(`${id}: ${state.path}/runs/${id} is of no use any more`);
      return false;
    }
    await pause(backoffMs(attempt), cancel).catch(() => undefined);
    if (tries(() => state.end(id, result)) === null) return true;
  }
  return false;
}
