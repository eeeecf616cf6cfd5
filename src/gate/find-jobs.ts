import type { Scope } from '../github/scope.ts';
import type { Pull, PullFile } from '../github/types.ts';
import type { Finding } from '../job/finding.ts';
import { parseJob } from '../job/parse-job.ts';
import { policyFindings } from '../job/policy.ts';
import { getJob, listJobsForPull } from '../store/jobs.ts';
import type { FoundJob } from './next-pull.ts';

const QUEUE_FILE = /^jobs\/queue\/([^/]+)\.json$/;

export interface FoundJobs {
  jobs: FoundJob[];
  /** What of `jobs/**` a PR changes and must not; each is a finding. */
  touched: Finding[];
  /** It changes something below `jobs/`, be it only a README. */
  inJobs: boolean;
}

/**
 * The job files a PR brings in, as they are on its head, with everything wrong with them. Our own PR's file
 * is known byte for byte while the head is our commit (`ownSha`), so GitHub is not asked for it.
 */
export async function findJobs(scope: Scope, pull: Pull, ownSha: string | undefined): Promise<FoundJobs> {
  if (ownSha === pull.headSha) {
    const ours = (await listJobsForPull(scope.store.db, scope.repo.id, pull.number)).filter(
      (row) => row.head_sha === pull.headSha,
    );
    const jobs = ours.map((row) => judged(scope, `jobs/queue/${row.id}.json`, row.file, row.blob_sha));
    if (jobs.length > 0) return { jobs, touched: [], inJobs: true };
  }
  const { files } = await scope.client.pullFiles(pull.number, scope.signal);
  const inJobs = files.filter(
    (file) => file.path.startsWith('jobs/') || file.previousPath?.startsWith('jobs/'),
  );
  const jobs: FoundJob[] = [];
  const touched: Finding[] = [];
  for (const file of inJobs) {
    const place = misplaced(file);
    if (place) touched.push(place);
    if (file.status !== 'added' || !QUEUE_FILE.test(file.path)) continue;
    const bytes = await scope.client.readBlob(file.blobSha, scope.signal);
    const found = judged(scope, file.path, bytes, file.blobSha);
    const elsewhere = found.job && (await takenElsewhere(scope, found.job.id, pull));
    if (elsewhere) found.findings.push(elsewhere);
    jobs.push(found);
  }
  return { jobs, touched, inJobs: inJobs.length > 0 };
}

function judged(scope: Scope, path: string, bytes: Uint8Array | string, blobSha: string): FoundJob {
  const parsed = parseJob(bytes, { path });
  if (!parsed.ok)
    return {
      path,
      blobSha,
      text: Buffer.from(bytes).toString('utf8'),
      job: null,
      digest: '',
      findings: parsed.findings,
    };
  return {
    path,
    blobSha,
    text: parsed.text,
    job: parsed.job,
    digest: parsed.digest,
    findings: policyFindings(parsed.job, parsed.text, path, scope.settings),
  };
}

function failure(path: string, rule: string, message: string): Finding {
  return { rule, severity: 'failure', path, line: 1, column: 1, message };
}

/** A merged job file is immutable, `jobs/done/` is written by the app alone, and only the queue is read. */
export function misplaced(file: PullFile): Finding | null {
  // What a rename takes away is as gone as what is deleted.
  const paths = file.status === 'renamed' && file.previousPath ? [file.path, file.previousPath] : [file.path];
  if (paths.some((path) => QUEUE_FILE.test(path))) {
    return file.status === 'added'
      ? null
      : failure(
          file.path,
          'immutable',
          'A merged job file does not change: add a new job file with a new id instead.',
        );
  }
  if (paths.some((path) => path.startsWith('jobs/done/'))) {
    return failure(
      file.path,
      'done-is-written-by-the-app',
      'jobs/done/ is written when a run ends: leave it out of this PR.',
    );
  }
  if (/^jobs\/queue\/.*\.json$/.test(file.path) && file.status !== 'removed') {
    return failure(
      file.path,
      'not-in-the-queue',
      'A job file lies in jobs/queue/ itself: what is in a folder of it never runs.',
    );
  }
  return null;
}

/** An id is one job's for ever: in the queue, in another open PR, or done long ago. */
async function takenElsewhere(scope: Scope, id: string, pull: Pull): Promise<Finding | null> {
  const taken = (by: string) =>
    failure(`jobs/queue/${id}.json`, 'id-taken', `The id ${id} belongs to ${by}: use the next free number.`);
  const row = await getJob(scope.store.db, scope.repo.id, id);
  if (row && row.pr_number !== pull.number && row.state !== 'rejected' && row.state !== 'superseded') {
    return taken(`${row.pr_number ? `PR #${row.pr_number}` : 'another job'} (${row.state})`);
  }
  // The database may be younger than the repository.
  const done = `jobs/done/${id.slice(0, 7)}/${id}.json`;
  const before = pull.merged ? null : await scope.client.readFile(done, pull.baseRef, scope.signal);
  return before ? taken(done) : null;
}
