import { publishComment } from '../github/publish.ts';
import { messagesFor } from '../messages/messages.ts';
import { listOpenAsks } from '../store/asks.ts';
import { listJobsByState } from '../store/jobs.ts';
import { patchRepository } from '../store/repositories.ts';
import { enqueue } from '../store/work.ts';
import type { WorkContext, WorkResult } from './work.ts';

/**
 * A repository was renamed, transferred, archived, or has a new default branch. Rows know it by its id, so
 * nothing is lost; GitHub is asked how it stands now, and open asks are told where they live.
 */
export async function workOnRepository(c: WorkContext): Promise<WorkResult> {
  const [, from] = c.rest.split(':');
  const now = await c.client.getRepository(c.signal);
  if (now.id !== c.repo.id) return 'done';
  const state = now.archived ? 'archived' : 'active';
  await c.store.write(async (tx) => {
    await patchRepository(tx, c.repo.id, {
      owner: now.owner,
      name: now.name,
      default_branch: now.defaultBranch,
      state,
      settings_read_at: 0,
      updated_at: c.now(),
    });
    for (const job of await listJobsByState(tx, ['proposed'], c.repo.id)) {
      if (job.pr_number) await enqueue(tx, `pr:${c.repo.id}:${job.pr_number}`);
    }
    for (const ask of await listOpenAsks(tx, c.repo.id)) await enqueue(tx, ask.key);
  });
  if (state === 'active' && from && now.fullName !== from) await sayMoved(c, from, now.fullName);
  return 'done';
}

async function sayMoved(c: WorkContext, from: string, to: string): Promise<void> {
  const threads = new Map(
    (await listOpenAsks(c.store.db, c.repo.id)).map((ask) => [ask.thread, ask.language]),
  );
  for (const [thread, language] of threads) {
    const body = messagesFor(language).repositoryMoved({ from, to });
    await publishComment(c, { issue: thread, key: `moved:${c.repo.id}:${thread}:${to}`, body });
  }
}
