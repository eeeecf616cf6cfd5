import { publishCommitComment } from '../github/publish.ts';
import type { Scope } from '../github/scope.ts';
import type { RepositoryFile } from '../github/types.ts';
import { parseJob } from '../job/parse-job.ts';
import { policyFindings } from '../job/policy.ts';
import { isEnded } from '../job/state.ts';
import { messagesFor } from '../messages/messages.ts';
import { insertJob } from '../store/jobs.ts';
import { getPull } from '../store/pulls.ts';
import { type Approval, pullData } from '../store/row-data.ts';
import type { JobRow } from '../store/tables.ts';
import type { Queue } from './admit-jobs.ts';
import { mayApproveAlone } from './approvals.ts';
import { jobColumns } from './job-columns.ts';

/** A file in the queue that no PR brought. */
export interface PushedJob {
  id: string;
  path: string;
  file: RepositoryFile;
  /** The newest commit that touched it. */
  commit: string;
}

const queued = (id: string) => `jobs/queue/${id}.json`;

/** Whether the file of an admitted job is on the default branch as it was admitted: in the queue, or retried from `done`. */
export async function isStanding(scope: Scope, row: JobRow): Promise<boolean> {
  for (const path of [queued(row.id), `jobs/done/${row.id.slice(0, 7)}/${row.id}.json`]) {
    const file = await scope.client.readFile(path, scope.repo.default_branch, scope.signal);
    if (file) return file.blobSha === row.blob_sha;
  }
  return false;
}

/** The file as it stands, if nobody's PR answers for it; null when one does, or when it is gone again. */
export async function isPushed(scope: Scope, id: string, row: JobRow | undefined): Promise<PushedJob | null> {
  const { client, signal, repo } = scope;
  if (row?.pr_number && !isEnded(row.state)) {
    const { settled } = pullData(await getPull(scope.store.db, repo.id, row.pr_number));
    if (settled === 'merged' || (await client.pull(row.pr_number, signal)).merged) return null;
  }
  const path = queued(id);
  const file = await client.readFile(path, repo.default_branch, signal);
  const by = file && (await client.broughtBy(path, repo.default_branch, signal));
  return file && by && by.pull === null ? { id, path, file, commit: by.commit } : null;
}

/** Said once on the commit: what was pushed, that it does not run, and what to do. */
export async function sayPushed(
  scope: Scope,
  pushed: PushedJob,
  row: Pick<JobRow, 'state'> | undefined,
  errors: string[] = [],
): Promise<void> {
  const m = messagesFor(scope.settings.language === 'ja' ? 'ja' : 'en');
  const jobId = pushed.id;
  const known = row !== undefined && !['proposed', 'rejected', 'superseded'].includes(row.state);
  const body =
    errors.length > 0
      ? m.jobInvalid({ errors })
      : known
        ? m.pushedAgain({ jobId })
        : m.pushedNotRun({ jobId });
  const key = `pushed:${scope.repo.id}:${jobId}:${pushed.commit}`;
  await publishCommitComment(scope, { commit: pushed.commit, key, body });
}

/** With `gate.direct_push: run` a push by a person who may approve is an approval. */
export async function admitPushed(
  scope: Scope,
  pushed: PushedJob,
  login: string,
  queue: Queue,
): Promise<void> {
  const { repo, store } = scope;
  if (!(await mayApproveAlone(scope, login))) return sayPushed(scope, pushed, undefined);
  const parsed = parseJob(pushed.file.bytes, { path: pushed.path });
  const findings = parsed.ok
    ? policyFindings(parsed.job, parsed.text, pushed.path, scope.settings)
    : parsed.findings;
  const failures = findings.filter(({ severity }) => severity === 'failure');
  if (!parsed.ok || failures.length > 0) {
    const errors = failures.map(({ message }) => message);
    return sayPushed(scope, pushed, undefined, errors);
  }
  const { job, text, digest } = parsed;
  const approval: Approval = { login, how: 'push', sha: pushed.commit };
  await store.write(async (tx) => {
    const row = {
      ...jobColumns(repo.id, job, text, digest, scope.now()),
      approval: JSON.stringify(approval),
      ask_key: null,
      pr_number: null,
      head_sha: pushed.commit,
    };
    // Queueing makes it due.
    if (await insertJob(tx, row)) await queue(tx, repo.id, job.id, scope.now());
  });
}
