import type { Reader } from './announce.ts';
import { goalCallsKey } from './goals.ts';
import type { JobRow, ModelCallRow } from './tables.ts';

/** A model call with the goal it was made for, or else the job that its ask came to. */
export type LedgerCall = ModelCallRow & { goal_id: string | null; job_id: string | null };

/** What a repository's model calls of a time have used, the oldest first; `since` in ms, included. */
export async function listCallsSince(db: Reader, repoId: number, since: number): Promise<LedgerCall[]> {
  const rows = await db
    .selectFrom('model_calls')
    .leftJoin('asks', 'asks.key', 'model_calls.ask_key')
    .selectAll('model_calls')
    .select('asks.job_id')
    .where('model_calls.ask_key', 'like', `%:${repoId}:%`)
    .where('model_calls.at', '>=', since)
    .orderBy('model_calls.at')
    .orderBy('model_calls.id')
    .execute();
  const goals = await db
    .selectFrom('goals')
    .select(['repo_id', 'id', 'ask_key'])
    .where('repo_id', '=', repoId)
    .execute();
  const goalOf = new Map(goals.map((goal) => [goalCallsKey(goal), goal.id]));
  return rows.map((row) => ({ ...row, goal_id: goalOf.get(row.ask_key) ?? null }));
}

/** Jobs whose current run was judged since, whether or not its record is committed. */
export function listJudgedSince(db: Reader, repoId: number, since: number): Promise<JobRow[]> {
  return db
    .selectFrom('jobs')
    .selectAll()
    .where('repo_id', '=', repoId)
    .where('verdict', 'is not', null)
    .where('updated_at', '>=', since)
    .orderBy('id')
    .execute();
}

/** Jobs that were judged and touch the same as `touches` (json), the newest first. */
export function listJudgedTouching(
  db: Reader,
  repoId: number,
  touches: string,
  limit: number,
): Promise<Pick<JobRow, 'id' | 'file' | 'verdict'>[]> {
  return db
    .selectFrom('jobs')
    .select(['id', 'file', 'verdict'])
    .where('repo_id', '=', repoId)
    .where('touches', '=', touches)
    .where('verdict', 'is not', null)
    .orderBy('updated_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();
}
