import { getRun, patchRun } from './runs.ts';
import type { Store, Tx } from './store.ts';

const DAY_MS = 86_400_000;
/** Rows of runner processes say who is live; an old one says nothing. */
const RUNNER_DAYS = 7;
const AUDIT_DAYS = 365;
/** Then the model is asked again; what it found before is still found by its branch. */
const READING_DAYS = 90;

/**
 * Deletes what is only of use while a job lives: full logs of ended runs (the repository has the report),
 * ended commands, rows of runner processes long gone. One log a write, so that nothing waits for it.
 * @returns logs deleted
 */
export async function prune(store: Store, now: number, days = 30): Promise<number> {
  const cutoff = now - days * DAY_MS;
  await store.write(async (tx) => {
    await tx.deleteFrom('commands').where('state', '=', 'ended').where('created_at', '<', cutoff).execute();
    await tx.deleteFrom('usage').where('day', '<', new Date(cutoff).toISOString().slice(0, 10)).execute();
    await tx
      .deleteFrom('runners')
      .where('seen_at', '<', now - RUNNER_DAYS * DAY_MS)
      .execute();
    await tx
      .deleteFrom('readings')
      .where('at', '<', now - READING_DAYS * DAY_MS)
      .execute();
    await tx
      .deleteFrom('audit')
      .where('at', '<', now - AUDIT_DAYS * DAY_MS)
      .execute();
  });
  await pruneTicks(store, cutoff);
  const runs = await store.db
    .selectFrom('runs')
    .innerJoin('jobs', (join) =>
      join.onRef('jobs.repo_id', '=', 'runs.repo_id').onRef('jobs.id', '=', 'runs.job_id'),
    )
    .select('runs.id')
    .where('runs.state', 'in', ['finished', 'lost', 'returned'])
    .where('runs.seen_at', '<', cutoff)
    // A log that could not be published yet is the only copy.
    .where('jobs.report_sha', 'is not', null)
    .where((where) =>
      where.exists(
        where
          .selectFrom('log_chunks')
          .select('log_chunks.offset')
          .whereRef('log_chunks.run_id', '=', 'runs.id'),
      ),
    )
    .execute();
  for (const run of runs) {
    await store.write(async (tx) => {
      await tx.deleteFrom('log_chunks').where('run_id', '=', run.id).execute();
      await dropDiff(tx, run.id);
    });
  }
  return runs.length;
}

/** An agent's diff is in its PR or beside the report. */
async function dropDiff(tx: Tx, runId: string): Promise<void> {
  const run = await getRun(tx, runId);
  const result = JSON.parse(run?.result ?? 'null') as { agent?: { diff?: string } } | null;
  if (!result?.agent?.diff) return;
  await patchRun(tx, runId, { result: JSON.stringify({ ...result, agent: { ...result.agent, diff: '' } }) });
}

const TICKS_A_WRITE = 200;

/** Ticks that the repository has, with their jobs: a schedule makes many. */
async function pruneTicks(store: Store, cutoff: number): Promise<void> {
  for (;;) {
    const old = await store.db
      .selectFrom('ticks')
      .select(['repo_id', 'id'])
      .where('recorded', '=', 1)
      .where('at', '<', cutoff)
      .limit(TICKS_A_WRITE)
      .execute();
    if (old.length === 0) return;
    await store.write(async (tx) => {
      for (const { repo_id, id } of old) {
        const runs = tx
          .selectFrom('runs')
          .select('id')
          .where('repo_id', '=', repo_id)
          .where('job_id', '=', id);
        await tx.deleteFrom('log_chunks').where('run_id', 'in', runs).execute();
        await tx.deleteFrom('runs').where('repo_id', '=', repo_id).where('job_id', '=', id).execute();
        await tx.deleteFrom('jobs').where('repo_id', '=', repo_id).where('id', '=', id).execute();
        await tx.deleteFrom('ticks').where('repo_id', '=', repo_id).where('id', '=', id).execute();
      }
    });
  }
}
