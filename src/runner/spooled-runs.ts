import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { RunnerClient } from './client.ts';
import { deliverRun } from './deliver-run.ts';
import { emptyResult } from './empty-result.ts';
import { openLogSpool, repairLogSpool } from './log-spool.ts';
import type { SpooledRun, StateDirectory } from './state-directory.ts';
import { endLeftovers } from './tagged-processes.ts';
import { tries } from './tries.ts';

/** What this process knows of a run it has yet to deliver. */
export interface Undelivered {
  /** Up to which the app has the log. */
  offset: number;
  /** Why it was not taken the last time, so that it is said once. */
  why: string | null;
}

/** Runs that were going on when an earlier process was killed: ended, never run again, and told. `goesOn`: those left alone. */
export async function settleKilledRuns(
  state: StateDirectory,
  graceMs: number,
  say: (text: string) => void,
  goesOn: (run: SpooledRun) => boolean = () => false,
): Promise<void> {
  for (const run of state.list()) {
    if (run.result !== null || goesOn(run)) continue;
    const id = run.offer.run;
    const ended = await endLeftovers(id, null, graceMs);
    const message =
      `runner was killed while the job ran${ended > 0 ? ` (${ended} process(es) it had left were ended)` : ''}. ` +
      'How far the job came is not known; see its log, then /retry if it may run again.';
    const unwritten = tries(() => {
      const bytes = repairLogSpool(state.logPaths(id), message);
      state.end(id, emptyResult('runner_error', message, bytes, run.started_at));
    });
    say(
      `${id}: ${unwritten === null ? message : `its end cannot be written, which is tried at the next start: ${unwritten}`}`,
    );
  } // Agents' copies of checkouts: nobody works in them any more.
  rmSync(join(state.path, 'copies'), { recursive: true, force: true });
}

/** Tries to deliver every ended run once. Returns how many are left. */
export async function deliverAll(
  runner: { state: StateDirectory; client: RunnerClient; say: (text: string) => void },
  known: Map<string, Undelivered>,
  signal: AbortSignal,
): Promise<number> {
  const { state, client, say } = runner;
  let left = 0;
  for (const run of state.list()) {
    if (run.result === null) continue;
    const id = run.offer.run;
    const { offset, why } = known.get(id) ?? { offset: 0, why: null };
    const log = openLogSpool(state.logPaths(id));
    const delivery = await deliverRun(client, { ...run, result: run.result }, log, { offset, signal });
    log.close();
    if (delivery.kind === 'later') {
      left += 1;
      if (delivery.message !== why)
        say(`${id}: its result is kept and will be sent again: ${delivery.message}`);
      known.set(id, { offset, why: delivery.message });
      continue;
    }
    known.delete(id);
    if (delivery.kind === 'accepted') {
      state.accepted(id);
      say(`${id}: delivered`);
    } else {
      state.rejected(id, delivery.message);
      say(`${id}: not accepted, kept in ${state.path}/rejected/${id}: ${delivery.message}`);
    }
  }
  return left;
}
