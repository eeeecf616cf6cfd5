import type { Scope } from '../github/scope.ts';
import type { Pull, PullFile, TreeEntry } from '../github/types.ts';
import type { Finding } from '../job/finding.ts';
import { JOB_FILE_MAX_BYTES, parseJob } from '../job/parse-job.ts';
import { policyFindings } from '../job/policy.ts';
import { getJob, listJobsForPull } from '../store/jobs.ts';
import { failure } from './file-finding.ts';
import { GOAL_FILE, goalApart, goalAt, misplacedGoal } from './find-goals.ts';
import { findSchedules, SCHEDULE_FILE } from './find-schedules.ts';
import { changedInJobs, jobsTree, looksLikeJobs, plainCase, SYMLINK } from './jobs-tree.ts';
import type { FoundGoal, FoundJob, FoundSchedule } from './next-pull.ts';

export const QUEUE_FILE = /^jobs\/queue\/([^/]+)\.json$/;
const SETTINGS_FILE = '.github/guruguru.yml';
/** Reading more than so many files, whoever opened the PR, would be work for nothing. */
const MAX_JOBS = 20;

export interface FoundJobs {
  jobs: FoundJob[];
  schedules: FoundSchedule[];
  /** What of `jobs/**` a PR changes and must not; each is a finding. */
  touched: Finding[];
  goals: FoundGoal[];
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
    if (jobs.length > 0) return { jobs, schedules: [], goals: [], touched: [], inJobs: true };
  }
  const { files, truncated } = await scope.client.pullFiles(pull.number, scope.signal);
  // Of a PR with more files than GitHub is asked for, what is below jobs/ is found by its trees.
  const inJobs = (truncated ? await changedInJobs(scope, pull) : files).filter(
    (file) => looksLikeJobs(file.path) || looksLikeJobs(file.previousPath ?? ''),
  );
  const touched = inJobs.flatMap((file) => misplaced(file) ?? []);
  const added = inJobs.filter((file) => file.status === 'added' && QUEUE_FILE.test(file.path));
  const directions = inJobs.filter(
    (file) => SCHEDULE_FILE.test(file.path) || SCHEDULE_FILE.test(file.previousPath ?? ''),
  );
  const addedGoals = inJobs.filter((file) => file.status === 'added' && GOAL_FILE.test(file.path));
  const brought = [...added, ...directions, ...addedGoals];
  if (brought.length > 0 && files.some((file) => file.path === SETTINGS_FILE)) touched.push(settingsApart());
  if (addedGoals[0] && brought.length > 1) touched.push(goalApart(addedGoals[0].path));
  if (added.length + directions.length > MAX_JOBS) {
    const first = (added[0] ?? directions[0])?.path ?? 'jobs/';
    const many = `The PR brings ${added.length + directions.length} job and schedule files: bring at most ${MAX_JOBS} at once.`;
    return {
      jobs: [],
      schedules: [],
      goals: [],
      touched: [...touched, failure(first, 'too-many-jobs', many)],
      inJobs: true,
    };
  }
  const entries = brought.length > 0 ? await jobsTree(scope, pull.headSha) : new Map<string, TreeEntry>();
  const jobs: FoundJob[] = [];
  for (const { path } of added) {
    const entry = entries.get(path);
    // Not there: the head moved in this moment, which is an event of its own.
    if (entry) jobs.push(await judgedAt(scope, path, entry, pull));
  }
  const schedules = await findSchedules(scope, directions, entries);
  const goals: FoundGoal[] = [];
  for (const { path } of addedGoals.slice(0, 1)) {
    const entry = entries.get(path);
    if (entry) goals.push(await goalAt(scope, path, entry, pull));
  }
  return { jobs, schedules, goals, touched, inJobs: inJobs.length > 0 };
}

/** One file as it is on the head, read only when it is a plain file of a job's size. */
async function judgedAt(scope: Scope, path: string, entry: TreeEntry, pull: Pull): Promise<FoundJob> {
  const unread = (rule: string, message: string): FoundJob => ({
    path,
    blobSha: entry.sha,
    text: '',
    job: null,
    digest: '',
    findings: [failure(path, rule, message)],
  });
  if (entry.type !== 'blob' || entry.mode === SYMLINK)
    return unread('plain-file', 'A job file is a plain file: this is a link, a folder or a submodule.');
  if (entry.size > JOB_FILE_MAX_BYTES)
    return unread('size', `The file has ${entry.size} bytes: use at most ${JOB_FILE_MAX_BYTES}.`);
  const found = judged(scope, path, await scope.client.readBlob(entry.sha, scope.signal), entry.sha);
  const elsewhere = found.job && (await takenElsewhere(scope, found.job.id, pull));
  if (elsewhere) found.findings.push(elsewhere);
  return found;
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

/** Judged by the new settings, the job would pass because of what its own PR says. */
function settingsApart(): Finding {
  return failure(
    SETTINGS_FILE,
    'settings-apart',
    'Settings change in a PR of their own: jobs are judged by those of the default branch.',
  );
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
  const goal = misplacedGoal(file);
  if (goal) return goal;
  if (paths.some((path) => path.startsWith('jobs/done/'))) {
    return failure(
      file.path,
      'done-is-written-by-the-app',
      'jobs/done/ is written when a run ends: leave it out of this PR.',
    );
  }
  // Where upper and lower case are one, another spelling is the same folder.
  if (/^jobs\/queue\/.*\.json$/.test(plainCase(file.path)) && file.status !== 'removed') {
    return failure(
      file.path,
      'not-in-the-queue',
      'A job file lies in jobs/queue/ itself, in lower case: what is in a folder of it or in another never runs.',
    );
  }
  if (
    /^jobs\/schedules\/.*\.json$/.test(plainCase(file.path)) &&
    !SCHEDULE_FILE.test(file.path) &&
    file.status !== 'removed'
  ) {
    return failure(
      file.path,
      'not-a-schedule',
      'A schedule file lies in jobs/schedules/ itself, as <name>.json in lower case: what is elsewhere never runs.',
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
