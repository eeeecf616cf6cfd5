import { publishComment } from '../github/publish.ts';
import { messagesFor } from '../messages/messages.ts';
import { endWithoutResult, jobOf } from '../report/judge-run.ts';
import { replyKey } from '../report/reply-result.ts';
import { getAsk, patchAsk } from '../store/asks.ts';
import { listJobsByState } from '../store/jobs.ts';
import { contentDigest, getPublished, intend, putPublished } from '../store/published.ts';
import type { JobRow } from '../store/tables.ts';
import { enqueue } from '../store/work.ts';
import { isUntold } from './survey.ts';
import type { WorkContext, WorkResult } from './work.ts';

/**
 * `lost:<repository>`: names the jobs that were lost with a database in one comment, on the PR of the newest,
 * and ends them. Those whose runner was heard of meanwhile are not among them.
 */
export async function workOnLost(c: WorkContext): Promise<WorkResult> {
  const { store, repo } = c;
  const jobs = (await listJobsByState(store.db, ['lost'], repo.id)).filter(isUntold).toSorted(byId);
  const newest = jobs.findLast((job) => job.pr_number !== null);
  if (!newest?.pr_number) return 'done';
  const ids = jobs.map(({ id }) => id);
  const key = `lost:${repo.id}:${contentDigest(ids.join(' ')).slice(0, 16)}`;
  const ask = newest.ask_key ? await getAsk(store.db, newest.ask_key) : undefined;
  const m = messagesFor(ask?.language ?? (c.settings.language === 'ja' ? 'ja' : 'en'));
  const body = m.jobsLost({ jobs: jobs.map((job) => ({ id: job.id, title: jobOf(job).title ?? '' })) });
  // The same jobs may have been named before the database was lost once more.
  await store.write((tx) => intend(tx, key));
  await publishComment(c, { issue: newest.pr_number, key, body });
  const said = await getPublished(store.db, key);
  for (const job of jobs) await end(c, job, said?.github_id ?? 0);
  return 'done';
}

/** The one comment stands for its final reply. */
async function end(c: WorkContext, job: JobRow, commentId: number): Promise<void> {
  await endWithoutResult(c, job, undefined);
  await c.store.write(async (tx) => {
    const key = replyKey(job, true);
    await putPublished(tx, { key, github_id: commentId, digest: '', updated_at: c.now() });
    if (job.ask_key) await patchAsk(tx, job.ask_key, { state: 'ended', reason: 'lost', updated_at: c.now() });
    if (job.ask_key) await enqueue(tx, `status:${job.ask_key}`);
    await enqueue(tx, `job:${c.repo.id}:${job.id}`);
  });
}

function byId(a: JobRow, b: JobRow): number {
  return a.id < b.id ? -1 : 1;
}
