import type { Scope } from '../github/scope.ts';
import { getAsk, patchAsk } from '../store/asks.ts';
import { getJob, insertJob, listJobsForPull, patchJob } from '../store/jobs.ts';
import type { Tx } from '../store/store.ts';
import { jobColumns } from './job-columns.ts';
import type { FoundJob } from './next-pull.ts';
import type { ObservedPull } from './observe-pull.ts';

/**
 * Brings the proposed rows of a PR in line with its head, which a person may have pushed: the valid job
 * files there are its jobs, whatever stood in it before.
 */
export async function keepJobs(tx: Tx, scope: Scope, seen: ObservedPull): Promise<void> {
  const { pull, found } = seen;
  const valid = found.jobs.filter((job) => job.findings.every((finding) => finding.severity !== 'failure'));
  const before = await listJobsForPull(tx, scope.repo.id, pull.number);
  const ask = seen.askKey ? await getAsk(tx, seen.askKey) : undefined;
  const paths = new Set(found.jobs.map((job) => job.path));
  const gone = before.filter((row) => row.state === 'proposed' && !paths.has(`jobs/queue/${row.id}.json`));
  for (const row of gone) {
    await patchJob(tx, scope.repo.id, row.id, {
      state: 'superseded',
      reason: 'replanned',
      updated_at: scope.now(),
    });
  }
  // The file of an ask may be given another id; the ask goes on with it. One that was restored has none yet.
  const anew = ask !== undefined && (ask.job_id === null || gone.some((row) => row.id === ask.job_id));
  const renamed = anew ? valid[0]?.job?.id : undefined;
  if (ask && renamed) await patchAsk(tx, ask.key, { job_id: renamed });
  const own = renamed ?? ask?.job_id;
  for (const job of valid) await keepJob(tx, scope, seen, job, job.job?.id === own ? seen.askKey : null);
}

/** The row of one job file on a PR's head, made or brought up to date while it is only proposed. */
export async function keepJob(
  tx: Tx,
  scope: Scope,
  seen: ObservedPull,
  found: FoundJob,
  askKey: string | null,
): Promise<void> {
  if (!found.job) return;
  const columns = {
    ...jobColumns(scope.repo.id, found.job, found.text, found.digest, scope.now()),
    ask_key: askKey,
    pr_number: seen.pull.number,
    head_sha: seen.pull.headSha,
  };
  const row = await getJob(tx, scope.repo.id, columns.id);
  if (!row) await insertJob(tx, columns);
  else if (['proposed', 'rejected', 'superseded'].includes(row.state)) {
    await patchJob(tx, scope.repo.id, columns.id, columns);
  }
}
