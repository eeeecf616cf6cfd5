import { loseJob } from '../dispatch/lose-job.ts';
import { recallKey } from '../dispatch/sync.ts';
import { admitJobs, type Queue } from '../gate/admit-jobs.ts';
import { JOB_ID } from '../job/job.ts';
import { parseTickId } from '../job/tick-id.ts';
import { recordedEnd, shownJob } from '../report/job-evidence.ts';
import { reportsBranch } from '../report/reports-branch.ts';
import { getAsk, patchAsk } from '../store/asks.ts';
import { getJob, patchJob } from '../store/jobs.ts';
import { intend } from '../store/published.ts';
import { recallTick } from './recall-tick.ts';
import { observeMerged, rememberSaid } from './survey.ts';
import type { WorkContext, WorkResult } from './work.ts';

/** `recall:<repository>:<job>`: a runner tells of a job that no row knows. */
export async function workOnRecall(c: WorkContext): Promise<WorkResult> {
  const id = c.key.slice(c.key.lastIndexOf(':') + 1);
  if (!(await getJob(c.store.db, c.repo.id, id)) && !(await recallAny(c, id)))
    await c.store.write((tx) => intend(tx, recallKey(c.repo.id, id)));
  return 'done';
}

const recallAny = (c: WorkContext, id: string) => (parseTickId(id) ? recallTick(c, id) : recallJob(c, id));

/**
 * Makes the row of an ended job again from its record, so that it can be retried, and the result of a later
 * run counts. The file that was merged, and by whom it was approved, is what the gate looks at, not what lies
 * in `jobs/done/`. false: the repository tells of no such job.
 */
export async function recallJob(c: WorkContext, id: string): Promise<boolean> {
  const { client, repo, signal, store } = c;
  const branch = repo.default_branch;
  const head = await client.branchHead(branch, signal);
  const number = JOB_ID.test(id) ? await client.pullOfFile(`jobs/queue/${id}.json`, branch, signal) : null;
  if (head === null || number === null) return false;
  const seen = await observeMerged(c, number, id);
  const found = seen?.found.jobs.find(({ job }) => job?.id === id);
  if (!seen?.facts.merged || !found?.job) return false;
  const at = { head, reports: await reportsBranch(c) };
  const record = await recordedEnd(c, found.job, found.digest, at);
  const entry = record === null || record === 'unreadable' ? undefined : record.runs.at(-1);
  if (!entry) return false;
  const shown = await shownJob(c, seen.pull.headSha, id);
  const end: Queue = async (tx, repoId, jobId, now) => {
    if (!(await loseJob(tx, repoId, jobId, now, entry.attempt))) return false;
    await patchJob(tx, repoId, jobId, {
      state: entry.state,
      reason: entry.reason,
      verdict: JSON.stringify(entry),
      report_sha: head,
    });
    return false;
  };
  const only = { ...seen, found: { ...seen.found, jobs: [found] } };
  await admitJobs(c, only, end, { quiet: true, recalled: true });
  const row = await getJob(store.db, repo.id, id);
  if (!row || row.verdict === null) return false;
  await rememberSaid(c, row, shown?.attempt === entry.attempt ? shown : null);
  const ask = row.ask_key ? await getAsk(store.db, row.ask_key) : undefined;
  if (ask) await store.write((tx) => patchAsk(tx, ask.key, { state: 'ended', reason: entry.state }));
  return true;
}
