import type { Reader, Tx } from './announce.ts';

/** `offset` is the caller's to check: chunks of a run lie end to end. */
export async function appendLog(tx: Tx, runId: string, offset: number, bytes: Uint8Array): Promise<void> {
  await tx.insertInto('log_chunks').values({ run_id: runId, offset, bytes }).execute();
}

/** The whole log of a run; empty when there is none or it was pruned. */
export async function readLog(db: Reader, runId: string): Promise<Buffer> {
  const rows = await db
    .selectFrom('log_chunks')
    .select('bytes')
    .where('run_id', '=', runId)
    .orderBy('offset')
    .execute();
  return Buffer.concat(rows.map((row) => row.bytes));
}

/** The last bytes of a run's log, at most `maxBytes`; may begin in the middle of a line. */
export async function readLogTail(db: Reader, runId: string, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  let before = Number.MAX_SAFE_INTEGER;
  while (size < maxBytes) {
    const row = await db
      .selectFrom('log_chunks')
      .select(['offset', 'bytes'])
      .where('run_id', '=', runId)
      .where('offset', '<', before)
      .orderBy('offset', 'desc')
      .limit(1)
      .executeTakeFirst();
    if (!row) break;
    chunks.unshift(row.bytes);
    size += row.bytes.length;
    before = row.offset;
  }
  const tail = Buffer.concat(chunks);
  return tail.subarray(Math.max(0, tail.length - maxBytes));
}
