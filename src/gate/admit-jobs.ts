import { publishComment } from '../github/publish.ts';
import type { Scope } from '../github/scope.ts';
import type { ReasonCode } from '../messages/reasons.ts';
import { getAsk, patchAsk } from '../store/asks.ts';
import { writeAudit } from '../store/audit.ts';
import { patchJob } from '../store/jobs.ts';
import { type Approval, askData, withData } from '../store/row-data.ts';
import type { Tx } from '../store/store.ts';
import { enqueue } from '../store/work.ts';
import { approvalsOf, completed } from './approvals.ts';
import { keepJob } from './keep-jobs.ts';
import type { FoundJob } from './next-pull.ts';
import type { ObservedPull } from './observe-pull.ts';
import { recordPull } from './record-pull.ts';
import { type NotAdmitted, sayNotAdmitted } from './say-pull.ts';

/** `proposed → queued`, inside the transaction; given by the loop because the queue is another stage. */
export type Queue = (tx: Tx, repoId: number, jobId: string, now: number) => Promise<boolean>;

/**
 * Takes the job files of a merged PR into the queue: only files whose blob on the default branch is the one
 * on the PR's head, merged or approved for exactly that head by a person with write permission. `quiet`:
 * nothing is said of those that are not admitted. `recalled`: the rows do not know what was approved, so that
 * the app's own merge stands for it.
 */
export async function admitJobs(
  scope: Scope,
  seen: ObservedPull,
  queue: Queue,
  options: { quiet?: boolean; recalled?: boolean } = {},
): Promise<void> {
  const approval = await admissionApproval(scope, seen, options.recalled ?? false);
  const admitted: FoundJob[] = [];
  const refused: { found: FoundJob; why: NotAdmitted }[] = [];
  for (const found of seen.found.jobs) {
    const why = await whyNot(scope, seen, found, approval);
    if (why) refused.push({ found, why });
    else admitted.push(found);
  }
  const ask = seen.askKey ? await getAsk(scope.store.db, seen.askKey) : undefined;
  const refusal = await sayNotAdmitted(
    scope,
    seen,
    options.quiet ? [] : refused.map(({ found, why }) => ({ path: found.path, why })),
  );
  // The ask of a job that only lacks an approval stays open.
  const ends = admitted.length === 0 && refused[0] && !canStillRun(refused[0].why) ? refused[0].why : null;
  if (ask && ends && refusal && ask.thread !== seen.pull.number)
    await publishComment(scope, { issue: ask.thread, key: `final:${ask.key}`, body: refusal });
  const askKeyOf = (found: FoundJob) => (found.job && found.job.id === ask?.job_id ? ask.key : null);
  await scope.store.write(async (tx) => {
    for (const found of admitted) {
      if (!found.job) continue;
      await keepJob(tx, scope, seen, found, askKeyOf(found));
      await patchJob(tx, scope.repo.id, found.job.id, { approval: JSON.stringify(approval) });
      if (!(await queue(tx, scope.repo.id, found.job.id, scope.now()))) continue;
      await enqueue(tx, `job:${scope.repo.id}:${found.job.id}`);
      await writeAudit(tx, {
        what: 'job_admitted',
        who: approval?.login ?? 'nobody',
        subject: found.job.id,
        repoId: scope.repo.id,
        detail: {
          how: approval?.how ?? null,
          sha: approval?.sha ?? null,
          digest: found.digest,
          pull: seen.pull.number,
        },
      });
    }
    for (const { found, why } of refused) {
      if (!found.job || why === 'invalid') continue;
      await keepJob(tx, scope, seen, found, askKeyOf(found));
      // One that only lacks an approval can still get it, by `/retry`.
      if (!canStillRun(why)) await patchJob(tx, scope.repo.id, found.job.id, NOT_ADMITTED);
    }
    await recordPull(tx, scope, seen.pull.number, { settled: 'merged', ...(approval ? { approval } : {}) });
    if (ask && admitted.length > 0)
      await patchAsk(tx, ask.key, { state: 'queued', reason: null, updated_at: scope.now() });
    if (ask && ends) {
      const data = withData(askData(ask), { refusal });
      await patchAsk(tx, ask.key, { state: 'ended', reason: REASONS[ends], data, updated_at: scope.now() });
    }
    if (ask) await enqueue(tx, `status:${ask.key}`);
  });
}

/** The reason an ask ends with. */
const REASONS: Record<NotAdmitted, ReasonCode> = {
  other_base: 'pull_retargeted',
  invalid: 'validation_failed',
  settings: 'settings_invalid',
  not_approved: 'no_permission',
  file_differs: 'job_invalid',
  file_missing: 'job_invalid',
  dispatch_git: 'dispatch_git',
};

const canStillRun = (why: NotAdmitted) => why === 'not_approved' || why === 'settings';

const NOT_ADMITTED = { state: 'rejected', reason: 'not_admitted' } as const;

/** Whose yes it runs on, with everybody's right as it is now. */
export async function admissionApproval(
  scope: Scope,
  seen: ObservedPull,
  recalled: boolean,
): Promise<Approval | null> {
  const { pull, data } = seen;
  if (recalled && pull.mergedByUs && pull.mergedBy)
    return { login: pull.mergedBy, how: 'merge', sha: pull.headSha };
  let approval = completed(scope, await approvalsOf(scope, seen));
  // Those of a merge of ours were read a moment ago.
  if (!approval && seen.reviews.length === 0) {
    const reviews = await scope.client.reviews(pull.number, scope.signal);
    approval = completed(scope, await approvalsOf(scope, { ...seen, reviews }));
  }
  const { override } = data;
  if (!approval || override?.sha !== pull.headSha) return approval;
  return { ...approval, overrides: { rules: override.rules, login: override.login } };
}

export async function whyNot(
  scope: Scope,
  seen: ObservedPull,
  found: Omit<FoundJob, 'job'> & { job: object | null },
  approval: Approval | null,
): Promise<NotAdmitted | null> {
  if (seen.pull.baseRef !== scope.repo.default_branch) return 'other_base';
  const findings = [...found.findings, ...seen.found.touched];
  if (!found.job || findings.some((finding) => finding.severity === 'failure')) return 'invalid';
  if (scope.settingsFindings.length > 0) return 'settings';
  if (!approval) return 'not_approved';
  if (scope.settings.dispatch === 'git') return 'dispatch_git';
  const ref = seen.pull.mergeCommitSha ?? scope.repo.default_branch;
  const merged = await scope.client.readFile(found.path, ref, scope.signal);
  if (!merged) return 'file_missing';
  return merged.blobSha === found.blobSha ? null : 'file_differs';
}
