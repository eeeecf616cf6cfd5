import type { Reader } from './announce.ts';
import type { ModelCallRow } from './tables.ts';

/** A model call with the job it planned, if its ask came to one. */
export type LedgerCall = ModelCallRow & { job_id: string | null };

/** What a repository's model calls of a time have used, the oldest first; `since` in ms, included. */
export function listCallsSince(db: Reader, repoId: number, since: number): Promise<LedgerCall[]> {
  return db
    .selectFrom('model_calls')
    .leftJoin('asks', 'asks.key', 'model_calls.ask_key')
    .selectAll('model_calls')
    .select('asks.job_id')
    .where('model_calls.ask_key', 'like', `%:${repoId}:%`)
    .where('model_calls.at', '>=', since)
    .orderBy('model_calls.at')
    .orderBy('model_calls.id')
    .execute();
}
