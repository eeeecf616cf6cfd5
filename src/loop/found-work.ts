import { isPushed, sayPushed } from '../gate/pushed-job.ts';
import { getJob } from '../store/jobs.ts';
import { enqueue } from '../store/work.ts';
import type { WorkContext, WorkResult } from './work.ts';

/**
 * `found:<repo>:<job id>`: a job file lies in the queue and no row says so. The PR that brought it is looked
 * at again, and admits it by its own rules; a file that no PR brought is not run, which is said.
 */
export async function workOnFound(c: WorkContext): Promise<WorkResult> {
  const id = c.key.slice(c.key.lastIndexOf(':') + 1);
  const row = await getJob(c.store.db, c.repo.id, id);
  if (row && row.state !== 'proposed') return 'done';
  const number =
    row?.pr_number ?? (await c.client.pullOfFile(`jobs/queue/${id}.json`, c.repo.default_branch, c.signal));
  if (number !== null) {
    await c.store.write((tx) => enqueue(tx, `pr:${c.repo.id}:${number}`));
    return 'done';
  }
  // Who pushed it is not known here, so that it cannot be anybody's approval.
  const pushed = c.settings.dispatch === 'app' ? await isPushed(c, id, row) : null;
  if (pushed) await sayPushed(c, pushed, row);
  return 'done';
}
