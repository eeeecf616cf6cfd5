import { mayAct } from '../github/may.ts';
import type { Scope } from '../github/scope.ts';
import type { Pull, Review } from '../github/types.ts';
import { autoProblem } from '../job/auto-script.ts';
import type { Finding } from '../job/finding.ts';
import type { Job } from '../job/job.ts';
import { parseJob } from '../job/parse-job.ts';
import { policyFindings } from '../job/policy.ts';
import { getAsk, listAsksForThread } from '../store/asks.ts';
import { listJobsForPull } from '../store/jobs.ts';
import { latestPlan } from '../store/plans.ts';
import { type Approval, askData, type PullData } from '../store/row-data.ts';
import type { AskRow } from '../store/tables.ts';
import { goalApproval } from './goal-approval.ts';

/** What an approval is looked for in. */
export interface ApprovalPlace {
  pull: Pull;
  data: PullData;
  askKey: string | null;
  reviews: Review[];
}

/** What the policy says of who approves, asked of GitHub now. */
export async function mayApprove(scope: Scope, login: string): Promise<boolean> {
  return (await mayAct(scope, login, scope.settings.policy.approve)).may;
}

/** Whether one person's yes to their own words is enough: what is pushed past a PR has no other. */
export async function mayApproveAlone(scope: Scope, login: string): Promise<boolean> {
  const { own, count } = scope.settings.policy.approve;
  return own && count === 1 && scope.settingsFindings.length === 0 && mayApprove(scope, login);
}

/**
 * The approvals of exactly this head that count, one a person: what was written or clicked, reviews, the
 * asker's own fence, and who merged it by hand. Everybody's right is asked anew.
 */
export async function approvalsOf(scope: Scope, place: ApprovalPlace): Promise<Approval[]> {
  const { pull, data, askKey, reviews } = place;
  // With a mistake in the settings the policy is not known, and a mistake opens no gate.
  if (scope.settingsFindings.length > 0) return [];
  const byGoal = await goalApproval(scope, place, mayApprove);
  if (byGoal) return [byGoal];
  const auto = askKey ? await autoApproval(scope, place, askKey) : null;
  if (auto) return [auto];
  const stored = [...(data.approvals ?? []), ...(data.approval ? [data.approval] : [])];
  // A review can be dismissed, so it is read anew; what was written or clicked stands.
  const given = stored.filter(
    ({ sha, how }) => sha === pull.headSha && how !== 'review' && how !== 'auto' && how !== 'goal',
  );
  const merger = pull.merged && pull.mergedByType === 'User' ? pull.mergedBy : null;
  const fenced = askKey && !pull.merged ? await fencedApproval(scope, place, askKey) : null;
  const candidates: Approval[] = [
    ...given,
    ...(merger ? [{ login: merger, how: 'merge' as const, sha: pull.headSha }] : []),
    ...approvingReviews(pull, reviews),
    ...(fenced ? [fenced] : []),
  ];
  const excluded = await authors(scope, place);
  const counted = new Map<string, Approval>();
  for (const candidate of candidates) {
    const who = candidate.login.toLowerCase();
    if (counted.size >= scope.settings.policy.approve.count) break;
    if (counted.has(who) || excluded.has(who) || !(await mayApprove(scope, candidate.login))) continue;
    counted.set(who, candidate);
  }
  return [...counted.values()];
}

/** One approval out of as many as the policy wants; null while some are missing. */
export function completed(scope: Pick<Scope, 'settings'>, approvals: readonly Approval[]): Approval | null {
  const [first, ...others] = approvals;
  if (first?.how === 'auto' || first?.how === 'goal') return first;
  if (!first || approvals.length < scope.settings.policy.approve.count) return null;
  return others.length > 0 ? { ...first, with: others.map(({ login }) => login) } : first;
}

/** Logins in lower case that may not approve: who asked, replanned or opened it, where the policy says so. */
export async function authors(
  scope: Scope,
  { pull, askKey }: Pick<ApprovalPlace, 'pull' | 'askKey'>,
): Promise<ReadonlySet<string>> {
  if (scope.settings.policy.approve.own) return new Set();
  const ask = askKey ? await getAsk(scope.store.db, askKey) : undefined;
  const replans = (await listAsksForThread(scope.store.db, scope.repo.id, pull.number)).filter(
    (other) => askData(other).replans,
  );
  const logins = [ask?.login, ...replans.map(({ login }) => login)];
  if (pull.loginType !== 'Bot') logins.push(pull.login);
  return new Set(logins.filter((login) => login !== undefined).map((login) => login.toLowerCase()));
}

/** Each person's last word counts. */
function approvingReviews(pull: Pull, reviews: Review[]): Approval[] {
  return latestByPerson(reviews)
    .filter(
      ({ state, commitSha, loginType }) =>
        state === 'APPROVED' && commitSha === pull.headSha && loginType !== 'Bot',
    )
    .map(({ login }) => ({ login, how: 'review', sha: pull.headSha }));
}

export function latestByPerson(reviews: Review[]): Review[] {
  const latest = new Map<string, Review>();
  for (const review of reviews) {
    if (review.state === 'COMMENTED' || review.state === 'PENDING') continue;
    latest.set(review.login, review);
  }
  return [...latest.values()];
}

/** A fence is its writer's own words, so the ask approves it, as long as the head is the commit made from it. */
async function fencedApproval(
  scope: Scope,
  { pull, data }: ApprovalPlace,
  askKey: string,
): Promise<Approval | null> {
  if (scope.settings.gate.fenced !== 'merge' || data.ownSha !== pull.headSha) return null;
  const ask = await getAsk(scope.store.db, askKey);
  const plan = await latestPlan(scope.store.db, askKey);
  if (!ask || plan?.model !== '' || askData(ask).replans || askData(ask).bot) return null;
  // A schedule has no row before it is in force: our own commit on the ask's own PR holds its file alone.
  if (plan.kind === 'schedule')
    return ask.pr_number === pull.number ? { login: ask.login, how: 'self', sha: pull.headSha } : null;
  if (!ask.job_id) return null;
  const [job] = (await listJobsForPull(scope.store.db, scope.repo.id, ask.pr_number ?? 0)).filter(
    (row) => row.id === ask.job_id,
  );
  // A replanning is another ask: what it made waits for a person.
  if (!job || job.head_sha !== pull.headSha || job.ask_key !== askKey || job.reason !== 'planned')
    return null;
  return { login: ask.login, how: 'self', sha: pull.headSha };
}

/**
 * Reading needs no click where the policy says so: our own commit, of an ask by somebody who may ask (write
 * permission at least), with nothing in it that a person should see. Asked anew at admission.
 */
async function autoApproval(
  scope: Scope,
  { pull, data }: ApprovalPlace,
  askKey: string,
): Promise<Approval | null> {
  if (scope.settings.gate.auto.length === 0 || data.ownSha !== pull.headSha) return null;
  // A merge by hand is somebody's own yes, or nobody's.
  if (pull.merged && !(data.approval?.how === 'auto' && data.approval.sha === pull.headSha)) return null;
  const ask = await getAsk(scope.store.db, askKey);
  const [row, ...more] = (await listJobsForPull(scope.store.db, scope.repo.id, pull.number)).filter(
    ({ state }) => state !== 'superseded',
  );
  if (!ask || !row || more.length > 0 || askData(ask).replans) return null;
  if (row.head_sha !== pull.headSha || row.ask_key !== askKey || row.reason !== 'planned') return null;
  const path = `jobs/queue/${row.id}.json`;
  const parsed = parseJob(row.file, { path });
  if (!parsed.ok) return null;
  const findings = policyFindings(parsed.job, parsed.text, path, scope.settings);
  if (!isAuto(scope, ask, parsed.job, findings)) return null;
  if (!(await mayAct(scope, ask.login, scope.settings.policy.ask)).may) return null;
  return { login: ask.login, how: 'auto', sha: pull.headSha };
}

/** Whether the policy merges an ask's job without a click, as far as our rows tell. */
export function isAuto(
  { settings, settingsFindings }: Pick<Scope, 'settings' | 'settingsFindings'>,
  ask: AskRow,
  job: Job,
  findings: readonly Finding[],
): boolean {
  if (settingsFindings.length > 0 || findings.length > 0 || askData(ask).bot) return false;
  return autoProblem(job, settings) === null;
}
