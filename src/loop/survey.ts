import { loseJob } from '../dispatch/lose-job.ts';
import { jobKey } from '../dispatch/move-job.ts';
import { queueJob } from '../dispatch/queue-job.ts';
import { admitJobs, type Queue } from '../gate/admit-jobs.ts';
import { keepJobs } from '../gate/keep-jobs.ts';
import { type ObservedPull, observePull } from '../gate/observe-pull.ts';
import { restoreAsk } from '../gate/restore-ask.ts';
import { parseJob } from '../job/parse-job.ts';
import type { RunEntry } from '../job/report-format.ts';
import { recordedEnd, type ShownJob, shownJob } from '../report/job-evidence.ts';
import { checkKey } from '../report/job-view.ts';
import { replyKey } from '../report/reply-result.ts';
import { reportsBranch } from '../report/reports-branch.ts';
import { patchAsk } from '../store/asks.ts';
import { getJob, listJobsByState, listUnfinishedJobs, patchJob } from '../store/jobs.ts';
import { intend, putPublished } from '../store/published.ts';
import { getPull } from '../store/pulls.ts';
import { pullData } from '../store/row-data.ts';
import type { Tx } from '../store/store.ts';
import { endSurvey, getSurveys } from '../store/surveys.ts';
import type { JobRow } from '../store/tables.ts';
import { enqueue } from '../store/work.ts';
import { COSTS_DELAY_MS, costsKey } from './costs-work.ts';
import type { WorkContext } from './work.ts';

/** How long runners have to be heard of before their jobs are called lost: four of their heartbeats. */
export const LOST_AFTER_MS = 60_000;

/** What GitHub holds at the moment of the survey. */
interface Snapshot {
  /** Head of the default branch. */
  head: string;
  /** Ids of the files in `jobs/queue/`. */
  queue: Set<string>;
  /** Another branch with records. */
  reports: string | null;
  /** This database never saw the repository before. */
  first: boolean;
}

/**
 * Compares our rows of a repository with GitHub and opens its queue. A new database finds its open job PRs
 * again; merged jobs that stand in the queue at that moment and have no record are lost. One that was there
 * before may come from an old backup: what GitHub tells more of than the rows is lost as well. What is
 * merged after the survey is new, and runs. `recoverMore`: resolves to further PRs to look at.
 */
export async function surveyRepository(
  c: WorkContext,
  recoverMore: (c: WorkContext, at: { head: string; first: boolean }) => Promise<Set<number>>,
): Promise<void> {
  const { store, client, repo } = c;
  const { readAt, id } = await client.getRepository(c.signal);
  if (id !== repo.id) throw new Error(`${repo.owner}/${repo.name} is another repository now`);
  const first = (await getSurveys(store.db, repo.id)).count === 0;
  const head = await client.branchHead(repo.default_branch, c.signal);
  const pulls = await findOpenPulls(c, first);
  if (head !== null) {
    const snapshot = { head, first, queue: await queuedIds(c, head), reports: await reportsBranch(c) };
    await recoverRows(c, snapshot);
    for (const number of await recoverMerged(c, snapshot)) pulls.add(number);
    for (const number of await recoverMore(c, snapshot)) pulls.add(number);
  }
  await store.write(async (tx) => {
    await endSurvey(tx, repo.id, readAt);
    for (const number of pulls) await enqueue(tx, `pr:${repo.id}:${number}`);
    const lost = (await listJobsByState(tx, ['lost'], repo.id)).filter(isUntold);
    await enqueue(tx, `schedules:${repo.id}`);
    if (lost.length > 0) await enqueue(tx, `lost:${repo.id}`, c.now() + LOST_AFTER_MS);
    await enqueue(tx, costsKey(repo.id), c.now() + COSTS_DELAY_MS);
  });
}

/** Lost with a database, and nobody was told yet. */
export function isUntold(job: Pick<JobRow, 'state' | 'reason' | 'verdict'>): boolean {
  return job.state === 'lost' && job.reason === 'store_lost' && job.verdict === null;
}

/** Binds open job PRs of ours to their asks, and keeps the ids of their jobs. Resolves to those to look at. */
async function findOpenPulls(c: WorkContext, first: boolean): Promise<Set<number>> {
  const numbers = new Set<number>();
  for (const pull of await c.client.openPulls({}, c.signal)) {
    const row = await getPull(c.store.db, c.repo.id, pull.number);
    if (row?.ask_key) continue;
    const askKey = await restoreAsk(c, pull, null);
    // Of those of others only a new database knows too little: webhooks tell of them.
    if (first || askKey) numbers.add(pull.number);
    const seen = askKey ? await observePull(c, pull.number, { reviews: false }) : null;
    if (seen && seen !== 'being_proposed') await c.store.write((tx) => keepJobs(tx, c, seen));
  }
  return numbers;
}

async function queuedIds(c: WorkContext, head: string): Promise<Set<string>> {
  let tree = await c.client.tree(head, { recursive: false }, c.signal);
  for (const name of ['jobs', 'queue']) {
    const folder = tree.entries.find((entry) => entry.path === name && entry.type === 'tree');
    if (!folder) return new Set();
    tree = await c.client.tree(folder.sha, { recursive: false }, c.signal);
  }
  if (tree.truncated) throw new Error('jobs/queue/ holds more files than GitHub lists');
  return new Set(tree.entries.flatMap(({ path }) => /^(.+)\.json$/.exec(path)?.[1] ?? []));
}

/** Rows that wait or run though GitHub knows that they have ended, or that a run of them was started. */
async function recoverRows(c: WorkContext, at: Snapshot): Promise<void> {
  for (const row of await listUnfinishedJobs(c.store.db, c.repo.id)) {
    if (!['queued', 'leased', 'running'].includes(row.state)) continue;
    const parsed = parseJob(row.file, { path: `jobs/queue/${row.id}.json` });
    // What this program cannot read fails by itself, and holds up nothing else.
    if (!parsed.ok) continue;
    if (at.reports !== null || !at.queue.has(row.id)) {
      const end = await recordedEnd(c, parsed.job, row.digest, at);
      const entry = end === null || end === 'unreadable' ? undefined : end.runs.at(-1);
      // A job that was queued again has the record of its run before.
      if (entry && entry.attempt >= Math.max(1, row.attempt)) {
        await settle(c, row, entry, at.head);
        continue;
      }
    }
    const shown = row.head_sha ? await shownJob(c, row.head_sha, row.id) : null;
    if (shown && tellsMore(row, shown)) {
      const lost = await c.store.write(
        async (tx) =>
          (await isUnchanged(tx, row)) && (await loseJob(tx, c.repo.id, row.id, c.now(), shown.attempt)),
      );
      if (lost) await rememberSaid(c, row, shown);
    }
  }
}

/** Another app may have been at work on it since it was read. */
async function isUnchanged(tx: Tx, row: JobRow): Promise<boolean> {
  const now = await getJob(tx, row.repo_id, row.id);
  return now?.state === row.state && now.attempt === row.attempt && now.updated_at === row.updated_at;
}

/** A check run is changed after the row, so one that is ahead of it comes from a database that was lost. */
export function tellsMore(
  row: Pick<JobRow, 'state' | 'attempt'>,
  shown: Pick<ShownJob, 'attempt' | 'started'>,
): boolean {
  const attempt = Math.max(1, row.attempt);
  if (shown.attempt !== attempt) return shown.attempt > attempt;
  return shown.started && row.state !== 'running';
}

/** It has ended in a time this database does not know: the row follows the record. */
async function settle(c: WorkContext, row: JobRow, entry: RunEntry, head: string): Promise<void> {
  const { store, repo } = c;
  await store.write(async (tx) => {
    await loseJob(tx, repo.id, row.id, c.now(), entry.attempt);
    await patchJob(tx, repo.id, row.id, {
      state: entry.state,
      reason: entry.reason,
      attempt: entry.attempt,
      verdict: JSON.stringify(entry),
      report_sha: head,
    });
    await enqueue(tx, jobKey(row));
  });
  await rememberSaid(c, { ...row, attempt: entry.attempt }, null);
}

/** Merged jobs no row tells of. Resolves to the PRs of those that are simply new. */
async function recoverMerged(c: WorkContext, at: Snapshot): Promise<Set<number>> {
  const fresh = new Set<number>();
  const lost = new Map<number, { seen: ObservedPull; attempts: Map<string, ShownJob | null> }>();
  for (const id of at.queue) {
    const row = await getJob(c.store.db, c.repo.id, id);
    if (row && !['proposed', 'rejected', 'superseded'].includes(row.state)) continue;
    const path = `jobs/queue/${id}.json`;
    const number = row?.pr_number ?? (await c.client.pullOfFile(path, c.repo.default_branch, c.signal));
    if (number === null) continue;
    if (pullData(await getPull(c.store.db, c.repo.id, number)).settled === 'merged') continue;
    const pull = await c.client.pull(number, c.signal);
    if (!pull.merged) continue;
    const seen = lost.get(number)?.seen ?? (await observeMerged(c, number, id));
    const found = seen?.found.jobs.find(({ job }) => job?.id === id);
    if (!seen || !found?.job || (await recordedEnd(c, found.job, found.digest, at)) !== null) continue;
    const shown = await shownJob(c, pull.headSha, id);
    if (!at.first && !shown) {
      fresh.add(number);
      continue;
    }
    const attempts = lost.get(number)?.attempts ?? new Map<string, ShownJob | null>();
    lost.set(number, { seen, attempts: attempts.set(id, shown) });
  }
  for (const { seen, attempts } of lost.values()) await loseMerged(c, seen, attempts, at.first);
  return fresh;
}

export async function observeMerged(
  c: WorkContext,
  number: number,
  jobId: string,
): Promise<ObservedPull | null> {
  const pull = await c.client.pull(number, c.signal);
  await restoreAsk(c, pull, jobId);
  const seen = await observePull(c, number, { reviews: false, settled: false });
  return seen === 'being_proposed' ? null : seen;
}

/**
 * Admits a merged PR that was not seen open since the last survey. What has ended, or was taken off the
 * queue, is history; what a check run of ours shows was admitted before and is lost; the rest is new.
 */
export async function admitUnseen(c: WorkContext, seen: ObservedPull): Promise<void> {
  const head = await c.client.branchHead(c.repo.default_branch, c.signal);
  if (head === null) return;
  const at = { head, reports: await reportsBranch(c) };
  const attempts = new Map<string, ShownJob | null>();
  const jobs: ObservedPull['found']['jobs'] = [];
  for (const found of seen.found.jobs) {
    if (!(await c.client.readFile(found.path, head, c.signal))) {
      await refuseOldBranch(c, seen, head);
      continue;
    }
    if (found.job && (await recordedEnd(c, found.job, found.digest, at)) !== null) continue;
    const shown = found.job && (await shownJob(c, seen.pull.headSha, found.job.id));
    if (found.job && shown) attempts.set(found.job.id, shown);
    jobs.push(found);
  }
  const left = { ...seen, found: { ...seen.found, jobs } };
  const take: Queue = async (tx, repoId, jobId, now) => {
    const shown = attempts.get(jobId);
    if (!shown) return queueJob(tx, repoId, jobId, now);
    await enqueue(tx, `lost:${repoId}`, now + LOST_AFTER_MS);
    return loseJob(tx, repoId, jobId, now, shown.attempt);
  };
  await admitJobs(c, left, take, { recalled: !seen.data.approval });
  await rememberLost(c, attempts);
}

/** A file that is not there was taken off the queue, unless the branch is shown as it was before the merge. */
async function refuseOldBranch(c: WorkContext, { pull }: ObservedPull, head: string): Promise<void> {
  if (!pull.mergeCommitSha) return;
  const { status } = await c.client.compare(pull.mergeCommitSha, head, c.signal);
  if (status !== 'ahead' && status !== 'identical')
    throw new Error(`GitHub does not show the merge of PR #${pull.number} on ${c.repo.default_branch} yet`);
}

/** What may run by the gate's rules is lost, so that `/retry` can run it; what may not stays what it is. */
async function loseMerged(
  c: WorkContext,
  seen: ObservedPull,
  attempts: Map<string, ShownJob | null>,
  first: boolean,
): Promise<void> {
  const jobs = seen.found.jobs.filter(({ job }) => job && attempts.has(job.id));
  await admitJobs(
    c,
    { ...seen, found: { ...seen.found, jobs } },
    (tx, repoId, jobId, now) => loseJob(tx, repoId, jobId, now, attempts.get(jobId)?.attempt ?? 1),
    // Merged long before this app came: nobody waits for a word on why it was never run.
    { quiet: first, recalled: true },
  );
  await rememberLost(c, attempts);
}

async function rememberLost(c: WorkContext, attempts: Map<string, ShownJob | null>): Promise<void> {
  for (const [id, shown] of attempts) {
    const row = await getJob(c.store.db, c.repo.id, id);
    if (row?.state === 'lost') await rememberSaid(c, row, shown);
  }
}

/** What was written about the job before is looked for before it is written again. */
export async function rememberSaid(c: WorkContext, row: JobRow, shown: ShownJob | null): Promise<void> {
  const now = c.now();
  await c.store.write(async (tx) => {
    if (row.head_sha && shown) {
      const key = checkKey({ ...row, attempt: shown.attempt }, row.head_sha);
      await putPublished(tx, { key, github_id: shown.id, digest: '', updated_at: now });
    } else if (row.head_sha) {
      await intend(tx, checkKey(row, row.head_sha));
    }
    for (const lost of [true, false]) await intend(tx, replyKey(row, lost));
    if (row.ask_key) await patchAsk(tx, row.ask_key, { job_id: row.id });
  });
}
