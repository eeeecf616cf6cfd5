import { raiseFence } from '../dispatch/fence.ts';
import { isGitHubError } from '../github/errors.ts';
import { wasAttended } from '../store/others.ts';
import { listRepositories } from '../store/repositories.ts';
import type { Store } from '../store/store.ts';
import { holdForSurvey, isHeld } from '../store/surveys.ts';
import { enqueue } from '../store/work.ts';
import { recoverGoals } from './recall-goal.ts';
import { surveyRepository } from './survey.ts';
import type { WorkContext, WorkResult } from './work.ts';

/**
 * At a start nothing is known of what happened since our rows were written: each repository is held, unless
 * another app was at work on them all the while.
 */
export async function holdAll(store: Store): Promise<void> {
  if (wasAttended(store.others())) return;
  await store.write(async (tx) => {
    await raiseFence(tx, Math.floor(store.now() / 1_000));
    for (const { id, state } of await listRepositories(tx)) {
      if (state !== 'gone') await holdForSurvey(tx, id);
    }
  });
}

/** Keys that are worked on while their repository is held: they ask GitHub how it stands, or only tell. */
const UNHELD = ['repo', 'stuck'];

/** Between two looks whether another app has made the survey. */
export const LOOK_AGAIN_MS = 500;

/**
 * Surveys a held repository before anything else of it is worked on, once however many items wait for it:
 * what another app does meanwhile would be taken for the trace of a lost database. `waiting`: where several
 * apps share one, its own item makes the survey, and the others come again.
 */
export function createSurveys(): (c: WorkContext) => Promise<'surveyed' | 'waiting'> {
  const going = new Map<number, Promise<void>>();
  return async (c) => {
    const [kind = ''] = c.key.split(':');
    if (UNHELD.includes(kind) || !(await isHeld(c.store.db, c.repo.id))) return 'surveyed';
    if (c.store.others().apps > 0 && kind !== 'survey') return 'waiting';
    const survey = going.get(c.repo.id) ?? survive(c);
    going.set(c.repo.id, survey);
    await survey.finally(() => going.delete(c.repo.id));
    return 'surveyed';
  };
}

async function survive(c: WorkContext): Promise<void> {
  try {
    await surveyRepository(c, recoverGoals);
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
