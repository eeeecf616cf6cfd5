import { publishComment } from '../github/publish.ts';
import type { Scope } from '../github/scope.ts';
import { goalTopic } from '../store/goals.ts';
import { getPublished } from '../store/published.ts';
import type { GoalRow } from '../store/tables.ts';
import { type GoalStatusView, renderGoalStatus } from './goal-status.ts';
import { goalView } from './goal-view.ts';

/** Edits of one comment are at least this far apart. */
const EDIT_INTERVAL_MS = 5_000;
const ENDED = ['reached', 'stopped', 'cancelled', 'rejected'];

/** Writes a goal's status comment as the rows have it now. `dueAt`: too early, look again then. */
export async function updateGoalStatus(
  scope: Scope,
  goal: GoalRow,
  held: GoalStatusView['held'],
): Promise<'done' | { dueAt: number }> {
  const key = `status:${goalTopic(goal)}`;
  const published = await getPublished(scope.store.db, key);
  if (published && published.github_id !== 0 && !ENDED.includes(goal.state)) {
    const age = scope.now() - published.updated_at;
    // Edited in the future: the clock was set back since.
    if (age >= 0 && age < EDIT_INTERVAL_MS) return { dueAt: published.updated_at + EDIT_INTERVAL_MS };
  }
  const body = renderGoalStatus(await goalView(scope, goal, held));
  await publishComment(scope, { issue: goal.thread, key, body });
  return 'done';
}
