import type { Scope } from '../github/scope.ts';
import { getAsk, patchAsk } from '../store/asks.ts';
import { getJob, insertJob, patchJob } from '../store/jobs.ts';
import type { Approval } from '../store/row-data.ts';
import type { Tx } from '../store/store.ts';
import { enqueue } from '../store/work.ts';
import { jobColumns } from './job-columns.ts';
import type { FoundJob } from './next-pull.ts';
import { mayApprove, type ObservedPull } from './observe-pull.ts';
import { recordPull } from './record-pull.ts';

/** Why a merged job file is not run. */
export type NotAdmitted =
  | 'other_base'
  | 'invalid'
  | 'not_approved'
  | 'file_differs'
  | 'file_missing'
  | 'dispatch_git';

export interface Admission {
  admitted: string[];
  refused: { path: string; why: NotAdmitted }[];
}

/** `proposed → queued`, inside the transaction; given by the loop because the queue is another stage. */
export type Queue = (tx: Tx, repoId: number, jobId: string, now: number) => Promise<boolean>;

/**
 * Takes the job files of a merged PR into the queue: only files whose blob on the default branch is the one
 * on the PR's head, merged or approved for exactly that head by a person with write permission.
 */
export async function admitJobs(scope: Scope, seen: ObservedPull, queue: Queue): Promise<Admission> {
  const approval = await admissionApproval(scope, seen);
  const admitted: FoundJob[] = [];
  const refused: Admission['refused'] = [];
  for (const found of seen.found.jobs) {
    const why = await whyNot(scope, seen, found, approval);
    if (why) refused.push({ path: found.path, why });
    else admitted.push(found);
  }
  await scope.store.write(async (tx) => {
    for (const { job, text, digest } of admitted) {
      if (!job || !approval) continue;
      const columns = jobColumns(scope.repo.id, job, text, digest, scope.now());
      const head = {
        pr_number: seen.pull.number,
        head_sha: seen.pull.headSha,
        approval: JSON.stringify(approval),
      };
      const row = await getJob(tx, scope.repo.id, job.id);
      if (!row) await insertJob(tx, { ...columns, ...head, ask_key: seen.askKey });
      else await patchJob(tx, scope.repo.id, job.id, { ...head, blob_sha: columns.blob_sha });
      if (!(await queue(tx, scope.repo.id, job.id, scope.now()))) continue;
      await enqueue(tx, `job:${scope.repo.id}:${job.id}`);
    }
    await recordPull(tx, scope, seen.pull.number, { settled: 'merged', ...(approval ? { approval } : {}) });
    if (seen.askKey) {
      if (admitted.length > 0) await patchAsk(tx, seen.askKey, { state: 'queued', updated_at: scope.now() });
      await enqueue(tx, `status:${seen.askKey}`);
    }
  });
  if (refused.length > 0) await endRefusedAsk(scope, seen, admitted.length);
  return { admitted: admitted.map((found) => found.job?.id ?? ''), refused };
}

async function admissionApproval(scope: Scope, seen: ObservedPull): Promise<Approval | null> {
  const { pull, data } = seen;
  if (data.approval?.sha === pull.headSha) return data.approval;
  if (pull.mergedBy && !pull.mergedBy.endsWith('[bot]') && (await mayApprove(scope, pull.mergedBy))) {
    return { login: pull.mergedBy, how: 'merge', sha: pull.headSha };
  }
  // A merge queue merges as a bot: then a person's review of this head is what counts.
  for (const review of await scope.client.reviews(pull.number, scope.signal)) {
    if (review.state !== 'APPROVED' || review.commitSha !== pull.headSha || review.loginType === 'Bot')
      continue;
    if (await mayApprove(scope, review.login))
      return { login: review.login, how: 'review', sha: pull.headSha };
  }
  return null;
}

async function whyNot(
  scope: Scope,
  seen: ObservedPull,
  found: FoundJob,
  approval: Approval | null,
): Promise<NotAdmitted | null> {
  if (seen.pull.baseRef !== scope.repo.default_branch) return 'other_base';
  if (!found.job || found.findings.some((finding) => finding.severity === 'failure')) return 'invalid';
  if (!approval) return 'not_approved';
  if (scope.settings.dispatch === 'git') return 'dispatch_git';
  const ref = seen.pull.mergeCommitSha ?? scope.repo.default_branch;
  const merged = await scope.client.readFile(found.path, ref, scope.signal);
  if (!merged) return 'file_missing';
  return merged.blobSha === found.blobSha ? null : 'file_differs';
}

async function endRefusedAsk(scope: Scope, seen: ObservedPull, admitted: number): Promise<void> {
  const ask = seen.askKey ? await getAsk(scope.store.db, seen.askKey) : undefined;
  if (!ask || admitted > 0) return;
  await scope.store.write(async (tx) => {
    await patchAsk(tx, ask.key, { state: 'ended', reason: 'rejected', updated_at: scope.now() });
    await enqueue(tx, `status:${ask.key}`);
  });
}
