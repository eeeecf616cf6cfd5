import { LOG_CHUNK_MAX_BYTES, type SyncRequest } from '../dispatch/protocol.ts';
import type { RunResult } from '../job/run-result.ts';
import { isTransient, RunnerCallError, type RunnerClient } from './client.ts';
import type { SpooledRun } from './state-directory.ts';

/** `later`: try again. `rejected`: the app will never take it. */
export type Delivery = { kind: 'accepted' } | { kind: 'rejected' | 'later'; message: string };

/** A run's identity in each of its sync calls. */
export function syncBase(
  run: Pick<SpooledRun, 'offer' | 'process'>,
): Pick<SyncRequest, 'fence' | 'process' | 'token'> {
  return { fence: run.offer.fence, process: run.process, token: run.offer.token };
}

/** Sends what the app does not have of the log and then the result. Each call is tried once. */
export async function deliverRun(
  client: RunnerClient,
  run: Pick<SpooledRun, 'offer' | 'process'> & { result: RunResult },
  log: { size(): number; read(offset: number, length: number): Buffer },
  options: { offset?: number; signal?: AbortSignal } = {},
): Promise<Delivery> {
  let offset = options.offset ?? 0;
  let corrections = 0;
  for (;;) {
    const data = log.read(offset, LOG_CHUNK_MAX_BYTES);
    const last = offset + data.length >= log.size();
    try {
      const answer = await client.sync(
        run.offer.run,
        {
          ...syncBase(run),
          phase: last ? 'finished' : 'running',
          ...(data.length > 0 ? { log: { offset, data: data.toString('base64') } } : {}),
          ...(last ? { result: run.result } : {}),
          wait: 0,
        },
        options.signal,
      );
      if (last) return { kind: 'accepted' };
      offset = answer.offset;
    } catch (error) {
      const corrected = correctedOffset(error);
      if (corrected !== null && corrected <= log.size() && corrections < 5) {
        offset = corrected;
        corrections += 1;
        continue;
      }
      return judgeFailure(error);
    }
  }
}

/** 412 and 416 say where to go on. */
export function correctedOffset(error: unknown): number | null {
  const known =
    error instanceof RunnerCallError && (error.code === 'log_incomplete' || error.code === 'wrong_offset');
  return known ? error.offset : null;
}

function judgeFailure(error: unknown): Delivery {
  const message = error instanceof Error ? error.message : String(error);
  // A token can be put right; a run that is over, unknown or malformed cannot.
  const token =
    error instanceof RunnerCallError && (error.code === 'unauthorized' || error.code === 'forbidden');
  if (isTransient(error) || token || !(error instanceof RunnerCallError)) return { kind: 'later', message };
  return { kind: 'rejected', message: `the app answered ${error.status}: ${message}` };
}
