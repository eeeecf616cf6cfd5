import { appendLog } from '../store/logs.ts';
import { patchRun } from '../store/runs.ts';
import type { Tx } from '../store/store.ts';
import type { RunRow } from '../store/tables.ts';
import { enqueue } from '../store/work.ts';
import { jobKey } from './move-job.ts';
import { LOG_CHUNK_MAX_BYTES, LOG_MAX_BYTES } from './protocol.ts';
import { type Refusal, refuse, type SyncCall } from './sync-call.ts';

/** Returns the committed length, or why the bytes were not taken. Bytes that are here already are no error. */
export async function storeLog(tx: Tx, run: RunRow, call: SyncCall): Promise<number | Refusal> {
  const { log } = call.request;
  const bytes = Buffer.from(log?.data ?? '', 'base64');
  if (!log || bytes.length === 0) return run.log_bytes;
  const end = log.offset + bytes.length;
  if (bytes.length > LOG_CHUNK_MAX_BYTES || end > LOG_MAX_BYTES)
    return refuse(
      'payload_too_large',
      `log: at most ${LOG_CHUNK_MAX_BYTES} bytes a call and ${LOG_MAX_BYTES} bytes a run`,
      run.log_bytes,
    );
  if (end <= run.log_bytes) return run.log_bytes;
  if (log.offset !== run.log_bytes)
    return refuse(
      'wrong_offset',
      `log.offset: ${log.offset} is not where the log ends; continue at ${run.log_bytes}`,
      run.log_bytes,
    );
  await appendLog(tx, run.id, log.offset, bytes);
  await patchRun(tx, run.id, { log_bytes: end });
  const tailDue = nextTail(run.started_at ?? call.now, call.now);
  await enqueue(tx, jobKey({ repo_id: run.repo_id, id: run.job_id }), tailDue);
  return end;
}

/** When a check run's tail is next brought up to date: every 10 s in a run's first minute, then every 60 s. */
export function nextTail(startedAt: number, now: number): number {
  const elapsed = Math.max(0, now - startedAt);
  const step = elapsed < 60_000 ? 10_000 : 60_000;
  return startedAt + (Math.floor(elapsed / step) + 1) * step;
}
