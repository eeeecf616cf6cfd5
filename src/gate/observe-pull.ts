import { GitHubError } from '../github/errors.ts';
import type { Scope } from '../github/scope.ts';
import type { Pull, Review } from '../github/types.ts';
import { getAsk, listOpenAsks } from '../store/asks.ts';
import { listOpenGoals } from '../store/goals.ts';
import { getPull } from '../store/pulls.ts';
import { askData, goalData, type PullData, pullData } from '../store/row-data.ts';
import { approvalsOf, completed, latestByPerson, mayApprove } from './approvals.ts';
import { type FoundJobs, findJobs } from './find-jobs.ts';
import { isStepBranch } from './goal-step.ts';
import type { PullFacts } from './next-pull.ts';
import { withOverride } from './override.ts';

export interface ObservedPull {
  pull: Pull;
  /** Empty when they do not matter: closed, or no job in it. */
  reviews: Review[];
  data: PullData;
  askKey: string | null;
  found: FoundJobs;
  facts: PullFacts;
}

/**
 * Reads a PR as it stands on GitHub and in our rows. null: there is no such PR. `being_proposed`: its ask is
 * just opening it, and makes it due once it has recorded it.
 */
export async function observePull(
  scope: Scope,
  number: number,
  options: { reviews: boolean; settled?: false } = { reviews: true },
): Promise<ObservedPull | 'being_proposed' | null> {
  const row = await getPull(scope.store.db, scope.repo.id, number);
  const data = pullData(row);
  const pull = await scope.client.pull(number, scope.signal).catch((error: unknown) => {
    if (error instanceof GitHubError && error.kind === 'not_found') return null;
    throw error;
  });
  if (!pull) return null;
  if (!row?.ask_key && (await isBeingProposed(scope, pull))) return 'being_proposed';
  const settled = options.settled === false ? null : (data.settled ?? null);
  const found = settled
    ? { jobs: [], schedules: [], goals: [], touched: [], inJobs: false }
    : withOverride(
        await findJobs(scope, pull, data.ownSha),
        data.override,
        pull.headSha,
        scope.settings.policy.owners,
      );
  const brings = found.jobs.length + found.schedules.length + found.goals.length > 0;
  const reviews =
    options.reviews && pull.state === 'open' && brings
      ? await scope.client.reviews(number, scope.signal)
      : [];
  const askKey = row?.ask_key ?? null;
  const place = { pull, data, askKey, reviews };
  const facts: PullFacts = {
    open: pull.state === 'open',
    merged: pull.merged,
    draft: pull.draft,
    headSha: pull.headSha,
    baseRef: pull.baseRef,
    defaultBranch: scope.repo.default_branch,
    fromFork: pull.headRepository?.toLowerCase() !== `${scope.repo.owner}/${scope.repo.name}`.toLowerCase(),
    jobs: found.jobs,
    schedules: found.schedules,
    goals: found.goals,
    misplaced: found.touched.length,
    judged: found.inJobs || scope.settings.gate.reportOnEveryPr,
    checkedSha: data.checkedSha ?? null,
    approval: pull.state === 'open' && brings ? completed(scope, await approvalsOf(scope, place)) : null,
    blocked: stillBlocked(data, reviews, scope.now()),
    dequeued: data.dequeued ?? null,
    paused: scope.paused !== null,
    inMergeQueue: data.queuedSha === pull.headSha,
    changesRequested: askKey
      ? await changesRequested(scope, reviews, pull.headSha, data.reviews ?? [])
      : null,
    cancelled: data.cancelled ?? (await isCancelled(scope, askKey)),
    settled,
  };
  return { pull, reviews, data, askKey, found, facts };
}

/** The ask was cancelled when nobody knew that its PR was open already. */
async function isCancelled(scope: Scope, askKey: string | null): Promise<boolean> {
  const ask = askKey ? await getAsk(scope.store.db, askKey) : undefined;
  return ask?.state === 'ended' && ask.reason === 'cancelled';
}

/** GitHub tells of a PR before it answers who opened it; after a crash in between this may be long. */
async function isBeingProposed(scope: Scope, pull: Pull): Promise<boolean> {
  const here = `${scope.repo.owner}/${scope.repo.name}`.toLowerCase();
  if (pull.headRepository?.toLowerCase() !== here) return false;
  for (const goal of await listOpenGoals(scope.store.db, scope.repo.id)) {
    const { steps } = goalData(goal);
    const last = steps.at(-1);
    if (last && last.proposedAt === undefined && isStepBranch(pull.headRef, goal.id, steps.length))
      return true;
  }
  const asks = await listOpenAsks(scope.store.db, scope.repo.id);
  return asks.some((ask) => ask.state === 'planned' && askData(ask).branch === pull.headRef);
}

/** The longest wait between two tries of a merge that GitHub refused. */
export const BLOCKED_RETRY_MAX_MS = 3_600_000;

/** A refusal stands for its head until a later review or its time comes. */
function stillBlocked(data: PullData, reviews: Review[], now: number): (PullData['blocked'] & object) | null {
  const { blocked } = data;
  if (!blocked || newestReview(reviews) > blocked.review) return null;
  // Further away than it can be set: the clock was set back since.
  const wait = blocked.retryAt - now;
  return wait > 0 && wait <= BLOCKED_RETRY_MAX_MS ? blocked : null;
}

/** Id of the newest review, 0 = none. */
export function newestReview(reviews: Pick<Review, 'id'>[]): number {
  return Math.max(0, ...reviews.map((review) => review.id));
}

async function changesRequested(scope: Scope, reviews: Review[], headSha: string, handled: number[]) {
  for (const review of latestByPerson(reviews)) {
    if (review.state !== 'CHANGES_REQUESTED' || review.commitSha !== headSha || handled.includes(review.id))
      continue;
    if (review.loginType === 'Bot' || review.body.trim() === '') continue;
    if (await mayApprove(scope, review.login))
      return { reviewId: review.id, login: review.login, body: review.body };
  }
  return null;
}
