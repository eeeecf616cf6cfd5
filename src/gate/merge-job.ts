import type { Scope } from '../github/scope.ts';
import type { MergeMethod } from '../github/types.ts';
import { mergeCommit } from '../messages/commit-messages.ts';
import { writeAudit } from '../store/audit.ts';
import type { Approval } from '../store/row-data.ts';
import { enqueue } from '../store/work.ts';
import { approvalGrant } from './approval-grant.ts';
import { mayApprove } from './approvals.ts';
import { BLOCKED_RETRY_MAX_MS, newestReview, type ObservedPull } from './observe-pull.ts';
import { recordPull } from './record-pull.ts';
import { sayBlocked, sayQueued } from './say-pull.ts';

/** GitHub computes mergeability in the background; it is asked again this much later. */
const MERGEABILITY_RETRY_MS = 5_000;

/** `merged`: SHA of the merge commit. */
export type MergeStep = { merged: string } | 'waiting' | { retryAt: number };

/**
 * Merges an approved job PR at exactly the approved head, with the approver's permission checked once more.
 * `methods`: what the repository allows, in order of preference.
 */
export async function mergeJob(
  scope: Scope,
  seen: ObservedPull,
  approval: Approval,
  methods: MergeMethod[],
): Promise<MergeStep> {
  const { pull } = seen;
  // A reviewer's permission, or that of who asked for reading only, was read a moment ago.
  if (approval.how !== 'review' && approval.how !== 'auto' && !(await mayApprove(scope, approval.login))) {
    await block(scope, seen, `${approval.login} may no longer approve here`);
    return 'waiting';
  }
  const [schedule] = seen.found.schedules;
  const job = seen.found.jobs[0]?.job ?? (schedule && { id: schedule.name, title: schedule.schedule?.title });
  await scope.store.write(async (tx) => {
    await recordPull(tx, scope, pull.number, { approval });
    // `/approve` has written its own down.
    if ([seen.data.approval, ...(seen.data.approvals ?? [])].some((known) => isSame(known, approval))) return;
    await writeAudit(tx, { ...approvalGrant(scope, pull.number, approval), what: 'approval_accepted' });
  });
  const { title } = mergeCommit(
    { id: job?.id ?? `#${pull.number}`, title: job?.title ?? pull.title },
    pull.number,
    approval.login,
  );
  const outcome = await scope.client.mergePull(
    pull.number,
    { sha: approval.sha, allowed: methods, title },
    scope.signal,
  );
  switch (outcome.kind) {
    case 'merged': {
      const { detail, ...grant } = approvalGrant(scope, pull.number, approval);
      await scope.store.write((tx) =>
        writeAudit(tx, { ...grant, what: 'merged', detail: { ...detail, commit: outcome.sha } }),
      );
      return { merged: outcome.sha };
    }
    case 'already_merged':
      // By somebody else, perhaps with another head: to be looked at.
      return 'waiting';
    case 'queued':
      await scope.store.write(async (tx) => {
        await recordPull(tx, scope, pull.number, { queuedSha: pull.headSha, blocked: null });
        if (seen.askKey) await enqueue(tx, `status:${seen.askKey}`);
      });
      await sayQueued(scope, seen);
      return 'waiting';
    case 'head_moved':
    case 'closed':
      return { retryAt: scope.now() };
    case 'not_mergeable':
      if (/not yet|unknown|checking|try again/i.test(outcome.message))
        return { retryAt: scope.now() + MERGEABILITY_RETRY_MS };
      await block(scope, seen, outcome.message);
      return 'waiting';
    case 'method_not_allowed':
    case 'blocked':
      await block(scope, seen, outcome.message);
      return 'waiting';
  }
}

function isSame(known: Approval | null | undefined, given: Approval): boolean {
  return known?.sha === given.sha && known.login === given.login && known.how === given.how;
}

/** The first retry after a refusal; each further one comes after twice the time. */
const BLOCKED_RETRY_MS = 60_000;

/** GitHub threw it out of its merge queue: a person should see why before it goes in again. */
export function holdPull(scope: Scope, seen: ObservedPull, message: string): Promise<void> {
  return block(scope, seen, message, BLOCKED_RETRY_MAX_MS);
}

/** Remembered for this head: a new push, review or `/approve` tries again at once, time does it too. */
async function block(scope: Scope, seen: ObservedPull, message: string, least = 0): Promise<void> {
  const { headSha, number } = seen.pull;
  const before = seen.data.blocked?.sha === headSha ? seen.data.blocked.tries : 0;
  const wait = Math.max(least, Math.min(BLOCKED_RETRY_MS * 2 ** before, BLOCKED_RETRY_MAX_MS));
  const blocked = {
    sha: headSha,
    message,
    review: newestReview(seen.reviews),
    tries: before + 1,
    retryAt: scope.now() + wait,
  };
  await scope.store.write(async (tx) => {
    await recordPull(tx, scope, number, { blocked, dequeued: null });
    if (seen.askKey) await enqueue(tx, `status:${seen.askKey}`);
  });
  await sayBlocked(scope, seen, message);
}
