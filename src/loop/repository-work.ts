import { isGitHubError } from '../github/errors.ts';
import { publishComment } from '../github/publish.ts';
import { messagesFor } from '../messages/messages.ts';
import { listOpenAsks } from '../store/asks.ts';
import { contentDigest } from '../store/published.ts';
import { patchRepository } from '../store/repositories.ts';
import { wakeRepository } from './record.ts';
import type { WorkContext, WorkResult } from './work.ts';

/**
 * A repository was renamed, transferred, archived, or has a new default branch. Rows know it by its id, so
 * nothing is lost; GitHub is asked how it stands now, and open asks are told where they live.
 */
export async function workOnRepository(c: WorkContext): Promise<WorkResult> {
  const [, from] = c.rest.split(':');
  const now = await c.client.getRepository(c.signal).catch((error: unknown) => {
    // Transferred to where the app is not installed, or deleted.
    if (isGitHubError(error, 'not_found', 'gone', 'forbidden')) return null;
    throw error;
  });
  if (!now || now.id !== c.repo.id) return letGo(c);
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
    if (state === 'active') await wakeRepository(tx, c.repo.id);
  });
  if (state !== 'active' || !from || now.fullName === from) return 'done';
  try {
    await sayMoved(c, from, now.fullName);
  } catch (error) {
    // A public repository can still be read where the app is not installed.
    if (isGitHubError(error, 'not_found', 'gone', 'forbidden')) return letGo(c);
    throw error;
  }
  return 'done';
}

/** Its asks and jobs stay in our rows, and go on should the app be installed there again. */
async function letGo(c: WorkContext): Promise<WorkResult> {
  const { id, owner, name } = c.repo;
  c.log.warn({ repository: `${owner}/${name}` }, 'the app has no access to this repository any more');
  await c.store.write((tx) => patchRepository(tx, id, { state: 'gone', updated_at: c.now() }));
  return 'done';
}

async function sayMoved(c: WorkContext, from: string, to: string): Promise<void> {
  const threads = new Map(
    (await listOpenAsks(c.store.db, c.repo.id)).map((ask) => [ask.thread, ask.language]),
  );
  for (const [thread, language] of threads) {
    const body = messagesFor(language).repositoryMoved({ from, to });
    await publishComment(c, {
      issue: thread,
      key: `moved:${c.repo.id}:${thread}:${contentDigest(to).slice(0, 16)}`,
      body,
    });
  }
}
