import type { Scope } from '../github/scope.ts';
import type { Messages } from '../messages/messages.ts';
import { writeAudit } from '../store/audit.ts';
import { enqueue } from '../store/work.ts';
import { approvalGrant } from './approval-grant.ts';
import { observePull } from './observe-pull.ts';
import { recordPull } from './record-pull.ts';

export interface ApproveRequest {
  login: string;
  how: 'command' | 'button';
  /** A commit the approver named, hexadecimal; fewer than 7 digits name none for sure. */
  named?: string;
  /** When it was written or clicked, GitHub's clock (ms). */
  writtenAt: number;
  /** When it reached the app, our clock (ms): what the app learned later, the approver cannot have meant. */
  receivedAt: number;
}

/** As git abbreviates by default. */
const SHA_MIN_DIGITS = 7;
const SHA_DIGITS = 40;

/** GitHub gives seconds: within the second a head was shown, the order of arrival decides. */
const CLOCK_GRAIN_MS = 1_000;

/**
 * `/approve` names no commit, so it counts only for a head that the person could have seen: one that was
 * there, and shown in the status or the check, when it was written. A full name is exact. null: approved.
 */
export async function approvePull(
  scope: Scope,
  number: number,
  request: ApproveRequest,
): Promise<((m: Messages) => string) | null> {
  const seen = await observePull(scope, number, { reviews: false });
  const trigger = scope.settings.trigger;
  if (!seen) return (m) => m.pullNotAJob({ command: '/approve' });
  const { pull, found, data, facts } = seen;
  if (pull.merged) return (m) => m.approveMerged({ number });
  if (!facts.open) return (m) => m.approveClosed({ number, trigger });
  if (found.jobs.length + found.touched.length === 0) return (m) => m.pullNotAJob({ command: '/approve' });
  const failures = [...found.touched, ...found.jobs.flatMap((job) => job.findings)].filter(
    (f) => f.severity === 'failure',
  );
  if (failures.length > 0) return (m) => m.approveValidationFailed({ findings: failures, trigger });
  const { named } = request;
  if (named && (named.length < SHA_MIN_DIGITS || !pull.headSha.startsWith(named.toLowerCase()))) {
    return (m) => m.approveOtherCommit({ head: pull.headSha, named });
  }
  const seenAt = data.headSeenAt ?? Number.POSITIVE_INFINITY;
  const latest = Math.min(request.writtenAt + CLOCK_GRAIN_MS, request.receivedAt);
  const shown = data.headSha === pull.headSha && seenAt <= latest;
  // A shortened name proves nothing: another commit that begins the same is made in seconds.
  if (named?.length !== SHA_DIGITS && !shown) return (m) => m.approveHeadMoved({ head: pull.headSha });
  await scope.store.write(async (tx) => {
    const approval = { login: request.login, how: request.how, sha: pull.headSha };
    await recordPull(tx, scope, number, { approval, blocked: null });
    await writeAudit(tx, { ...approvalGrant(scope, number, approval), what: 'approval_accepted' });
    await enqueue(tx, `pr:${scope.repo.id}:${number}`);
  });
  return null;
}
