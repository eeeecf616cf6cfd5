import { raiseFence } from '../dispatch/fence.ts';
import { isGitHubError } from '../github/errors.ts';
import { listRepositories } from '../store/repositories.ts';
import type { Store } from '../store/store.ts';
import { holdForSurvey, isHeld } from '../store/surveys.ts';
import { enqueue } from '../store/work.ts';
import { surveyRepository } from './survey.ts';
import type { WorkContext, WorkResult } from './work.ts';

/** At a start nothing is known of what happened since our rows were written: each repository is held. */
export function holdAll(store: Store): Promise<void> {
  return store.write(async (tx) => {
    await raiseFence(tx, Math.floor(store.now() / 1_000));
    for (const { id, state } of await listRepositories(tx)) {
      if (state !== 'gone') await holdForSurvey(tx, id);
    }
  });
}

/** Keys that are worked on while their repository is held: they ask GitHub how it stands, or only tell. */
const UNHELD = ['repo', 'stuck'];

/** Surveys a held repository before anything else of it is worked on, once however many items wait for it. */
export function createSurveys(): (c: WorkContext) => Promise<void> {
  const going = new Map<number, Promise<void>>();
  return async (c) => {
    if (UNHELD.includes(c.key.split(':')[0] ?? '') || !(await isHeld(c.store.db, c.repo.id))) return;
    const survey = going.get(c.repo.id) ?? survive(c);
    going.set(c.repo.id, survey);
    await survey.finally(() => going.delete(c.repo.id));
  };
}

async function survive(c: WorkContext): Promise<void> {
  try {
    await surveyRepository(c);
  } catch (error) {
    // Deleted, or taken from the app, without our hearing of it.
    if (isGitHubError(error, 'not_found', 'gone', 'forbidden'))
      await c.store.write((tx) => enqueue(tx, `repo:${c.repo.id}`));
    throw error;
  }
}

/** `survey:<repository>`: the survey itself was made on the way here. */
export async function workOnSurvey(_: WorkContext): Promise<WorkResult> {
  return 'done';
}
