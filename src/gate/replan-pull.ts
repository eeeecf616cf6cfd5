import type { Scope } from '../github/scope.ts';
import { getAsk, insertAsk } from '../store/asks.ts';
import { withData } from '../store/row-data.ts';
import { enqueue } from '../store/work.ts';
import type { PullEffect } from './next-pull.ts';
import type { ObservedPull } from './observe-pull.ts';
import { recordPull } from './record-pull.ts';

/** A review that asks for changes is an ask on the job PR: it is planned and replaces the job file. */
export async function replanPull(
  scope: Scope,
  seen: ObservedPull,
  review: Extract<PullEffect, { do: 'replan' }>,
): Promise<void> {
  const first = seen.askKey ? await getAsk(scope.store.db, seen.askKey) : undefined;
  const jobId = first?.job_id;
  const key = `ask:${scope.repo.id}:v${review.reviewId}`;
  const now = scope.now();
  await scope.store.write(async (tx) => {
    // Noted in any case: what was not would be due again at once, for ever.
    await recordPull(tx, scope, seen.pull.number, {
      reviews: [...(seen.data.reviews ?? []), review.reviewId],
    });
    if (!first || !jobId) return;
    await insertAsk(tx, {
      key,
      repo_id: scope.repo.id,
      thread: seen.pull.number,
      source: 'v',
      source_id: review.reviewId,
      on_pull: 1,
      login: review.login,
      text: `${scope.settings.trigger} ${review.body}`,
      edited: 0,
      language: first.language,
      state: 'received',
      reason: null,
      revision: 0,
      job_id: null,
      pr_number: null,
      data: withData({}, { replans: { jobId, pull: seen.pull.number } }),
      created_at: now,
      updated_at: now,
    });
    await enqueue(tx, key);
  });
}
