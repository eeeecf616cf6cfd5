import { cancelJob } from '../dispatch/cancel.ts';
import { queueJob } from '../dispatch/queue-job.ts';
import { admitPushed, isPushed, isStanding, sayPushed } from '../gate/pushed-job.ts';
import { getJob } from '../store/jobs.ts';
import type { WorkContext, WorkResult } from './work.ts';

/** `pusher`: a person's login; null for a deploy key or a bot, which approve nothing. */
export function fileKey(repoId: number, jobId: string, pusher: string | null): string {
  return `file:${repoId}:${jobId}:${pusher ?? ''}`;
}

/**
 * A job file that a push to the default branch brought, changed or took away. What came by a PR is that PR's
 * affair. Pushed directly it is not run, which is said on the commit, unless the settings let the pusher's
 * push stand for an approval. A job that waits and whose file is gone is taken off the queue: a revert is a no.
 */
export async function workOnFile(c: WorkContext): Promise<WorkResult> {
  const [, id = '', pusher = ''] = c.rest.split(':');
  if (c.settings.dispatch === 'git') return 'done';
  const row = await getJob(c.store.db, c.repo.id, id);
  if (row?.state === 'queued' || row?.state === 'leased') {
    if (await isStanding(c, row)) return 'done';
    await c.store.write((tx) => cancelJob(tx, c.repo.id, id, pusher || 'a push', c.now()));
    return 'done';
  }
  const pushed = await isPushed(c, id, row);
  if (!pushed) return 'done';
  const approves = c.settings.gate.directPush === 'run' && c.settingsFindings.length === 0;
  if (approves && pusher !== '' && !row) await admitPushed(c, pushed, pusher, queueJob);
  else await sayPushed(c, pushed, row);
  return 'done';
}
