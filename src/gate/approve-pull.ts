import { mayAct } from '../github/may.ts';
import { publishComment } from '../github/publish.ts';
import type { Scope } from '../github/scope.ts';
import type { Messages } from '../messages/messages.ts';
import { writeAudit } from '../store/audit.ts';
import type { Approval, PullData } from '../store/row-data.ts';
import { enqueue } from '../store/work.ts';
import { approvalGrant } from './approval-grant.ts';
import { approvalsOf, authors } from './approvals.ts';
import type { FoundJobs } from './find-jobs.ts';
import { type ObservedPull, observePull } from './observe-pull.ts';
import { isDenial, isOwner, ruleName, withOverride } from './override.ts';
import { recordPull } from './record-pull.ts';
import { messagesOf } from './say-pull.ts';

export interface ApproveRequest {
  login: string;
  how: 'command' | 'button';
  /** A commit the approver named, hexadecimal; fewer than 7 digits name none for sure. */
  named?: string;
  /** Rules of the policy to override, with or without `policy/`. */
  override?: string[];
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

type Refusal = (m: Messages) => string;

/**
 * `/approve` names no commit, so it counts only for a head that the person could have seen: one that was
 * there, and shown in the status or the check, when it was written. A full name is exact. null: approved, and
 * nothing to say. `being_proposed`: our rows do not know the PR yet; ask again.
 */
export async function approvePull(
  scope: Scope,
  number: number,
  request: ApproveRequest,
): Promise<Refusal | 'being_proposed' | null> {
  const seen = await observePull(scope, number, { reviews: false });
  const trigger = scope.settings.trigger;
  if (seen === 'being_proposed') return seen;
  if (!seen) return (m) => m.pullNotAJob({ command: '/approve' });
  const { pull, found, data, facts } = seen;
  if (pull.merged) return (m) => m.approveMerged({ number });
  if (!facts.open) return (m) => m.approveClosed({ number, trigger });
  const files = [...found.jobs, ...found.schedules, ...found.goals];
  if (files.length + found.touched.length === 0) return (m) => m.pullNotAJob({ command: '/approve' });
  const mayNot = await approverRefusal(scope, seen, request.login);
  if (mayNot) return mayNot;
  const rules = (request.override ?? []).map(ruleName);
  const refused = rules.length > 0 ? overrideRefusal(scope, found, request.login, rules) : null;
  if (refused) return refused;
  const override = rules.length > 0 ? { sha: pull.headSha, rules, login: request.login } : null;
  const judged = withOverride(found, override, pull.headSha, scope.settings.policy.owners);
  const failures = [
    ...judged.touched,
    ...[...judged.jobs, ...judged.schedules, ...judged.goals].flatMap((file) => file.findings),
  ].filter((f) => f.severity === 'failure');
  if (failures.length > 0) return (m) => m.approveValidationFailed({ findings: failures, trigger });
  const { named } = request;
  if (named && (named.length < SHA_MIN_DIGITS || !pull.headSha.startsWith(named.toLowerCase()))) {
    return (m) => m.approveOtherCommit({ head: pull.headSha, named });
  }
  const shown = data.headSha === pull.headSha && couldSee(data, request);
  // A shortened name proves nothing: another commit that begins the same is made in seconds.
  if (named?.length !== SHA_DIGITS && !shown) return (m) => m.approveHeadMoved({ head: pull.headSha });
  if (override) await sayOverridden(scope, seen, override);
  const approval: Approval = { login: request.login, how: request.how, sha: pull.headSha };
  const others = (data.approvals ?? []).filter(
    ({ sha, login }) => sha === pull.headSha && login !== request.login,
  );
  const approvals = [...others, approval];
  await scope.store.write(async (tx) => {
    await recordPull(tx, scope, number, {
      approvals,
      blocked: null,
      // It is judged again without the rules that were overridden.
      ...(override ? { override, checkedSha: null } : {}),
    });
    const grant = approvalGrant(scope, number, approval);
    await writeAudit(tx, { ...grant, what: 'approval_accepted' });
    if (override)
      await writeAudit(tx, {
        ...grant,
        what: 'policy_overridden',
        detail: { sha: override.sha, rules: override.rules },
      });
    await enqueue(tx, `pr:${scope.repo.id}:${number}`);
  });
  const needed = await missing(scope, { ...seen, data: { ...data, approvals } });
  const { paused, settings } = scope;
  if (needed || !paused) return needed;
  const { source, login: by, at: since } = paused;
  return (m) => m.approvePaused({ source, by, since, timeZone: settings.timeZone });
}

/** Whether the head was shown when the approval was written. */
function couldSee({ headSeenAt, headShownAt }: PullData, { writtenAt, receivedAt }: ApproveRequest): boolean {
  const latest = writtenAt + CLOCK_GRAIN_MS;
  if (headShownAt !== undefined) return headShownAt <= latest;
  return headSeenAt !== undefined && headSeenAt <= Math.min(latest, receivedAt);
}

/** What the policy has against this person's approval. */
async function approverRefusal(scope: Scope, seen: ObservedPull, login: string): Promise<Refusal | null> {
  const { settings, settingsFindings } = scope;
  if (settingsFindings.length > 0) return (m) => m.approveSettings({ findings: settingsFindings });
  const { approve } = settings.policy;
  const right = await mayAct(scope, login, approve);
  if (!right.may) {
    const { permission, teams } = approve;
    const unreadable = right.why === 'team_unreadable';
    return (m) => m.approveOutsidePolicy({ login, needs: { permission, teams, unreadable } });
  }
  if ((await authors(scope, seen)).has(login.toLowerCase())) return (m) => m.approveOwn({ login });
  return null;
}

function overrideRefusal(scope: Scope, found: FoundJobs, login: string, rules: string[]): Refusal | null {
  const { owners } = scope.settings.policy;
  if (owners.length === 0) return (m) => m.overrideNobody();
  if (!isOwner(login, owners)) return (m) => m.overrideNotOwner({ login });
  const files = [...found.jobs, ...found.schedules];
  const denials = files.flatMap((file) => file.findings.filter(isDenial));
  const denying = [...new Set(denials.map(({ rule }) => ruleName(rule)))];
  const unknown = rules.find((rule) => !denying.includes(rule));
  return unknown === undefined ? null : (m) => m.overrideUnknown({ rule: unknown, rules: denying });
}

/** How many approvals are still missing, in words; null = none. */
async function missing(scope: Scope, seen: ObservedPull): Promise<Refusal | null> {
  const { count } = scope.settings.policy.approve;
  if (count === 1) return null;
  const reviews = await scope.client.reviews(seen.pull.number, scope.signal);
  const have = (await approvalsOf(scope, { ...seen, reviews })).length;
  return have >= count ? null : (m) => m.approveCounted({ have, count });
}

/** An override is never silent: a comment on the PR, beside the audit's line and the job's record. */
async function sayOverridden(
  scope: Scope,
  seen: ObservedPull,
  { rules, login, sha }: { rules: string[]; login: string; sha: string },
): Promise<void> {
  const { number } = seen.pull;
  const m = await messagesOf(scope, seen);
  const key = `override:${scope.repo.id}:${number}:${sha}:${rules.join('/')}`;
  await publishComment(scope, { issue: number, key, body: m.overridden({ login, rules, head: sha }) });
}
