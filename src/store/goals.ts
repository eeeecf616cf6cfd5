import type { Reader, Tx } from './announce.ts';
import type { GoalRow, GoalState } from './tables.ts';

/** Goals that still have something to come. */
export const OPEN_GOALS: readonly GoalState[] = ['proposed', 'running', 'waiting'];

export function getGoal(db: Reader, repoId: number, id: string): Promise<GoalRow | undefined> {
  return db
    .selectFrom('goals')
    .selectAll()
    .where('repo_id', '=', repoId)
    .where('id', '=', id)
    .executeTakeFirst();
}

export async function putGoal(tx: Tx, row: GoalRow): Promise<void> {
  const { repo_id: _, id: __, ...changes } = row;
  await tx
    .insertInto('goals')
    .values(row)
    .onConflict((conflict) => conflict.columns(['repo_id', 'id']).doUpdateSet(changes))
    .execute();
}

export async function patchGoal(
  tx: Tx,
  repoId: number,
  id: string,
  patch: Partial<Omit<GoalRow, 'repo_id' | 'id'>>,
): Promise<void> {
  await tx.updateTable('goals').set(patch).where('repo_id', '=', repoId).where('id', '=', id).execute();
}

/** By id. */
export function listOpenGoals(db: Reader, repoId: number): Promise<GoalRow[]> {
  return db
    .selectFrom('goals')
    .selectAll()
    .where('repo_id', '=', repoId)
    .where('state', 'in', OPEN_GOALS)
    .orderBy('id')
    .execute();
}

/** Goals whose status stands in a thread, or whose PR it is; oldest first. */
export function listGoalsForThread(db: Reader, repoId: number, thread: number): Promise<GoalRow[]> {
  return db
    .selectFrom('goals')
    .selectAll()
    .where('repo_id', '=', repoId)
    .where((where) => where.or([where('thread', '=', thread), where('pr_number', '=', thread)]))
    .orderBy('created_at')
    .orderBy('id')
    .execute();
}

/** The goals that a PR brings. */
export function listGoalsForPull(db: Reader, repoId: number, number: number): Promise<GoalRow[]> {
  return db
    .selectFrom('goals')
    .selectAll()
    .where('repo_id', '=', repoId)
    .where('pr_number', '=', number)
    .orderBy('id')
    .execute();
}

/** The goal whose current job this is. */
export function goalOfJob(db: Reader, repoId: number, jobId: string): Promise<GoalRow | undefined> {
  return db
    .selectFrom('goals')
    .selectAll()
    .where('repo_id', '=', repoId)
    .where('job_id', '=', jobId)
    .executeTakeFirst();
}

export function goalOfAsk(db: Reader, repoId: number, askKey: string): Promise<GoalRow | undefined> {
  return db
    .selectFrom('goals')
    .selectAll()
    .where('repo_id', '=', repoId)
    .where('ask_key', '=', askKey)
    .executeTakeFirst();
}

/** The work item that takes a goal further. */
export function goalKey(goal: Pick<GoalRow, 'repo_id' | 'id'>): string {
  return `goal:${goal.repo_id}:${goal.id}`;
}

/** What its comments are called: those of its ask, else of the goal itself. */
export function goalTopic(goal: Pick<GoalRow, 'repo_id' | 'id' | 'ask_key'>): string {
  return goal.ask_key ?? goalKey(goal);
}

/** What the model calls of a goal are counted under; those of its ask's planning are among them. */
export function goalCallsKey(goal: Pick<GoalRow, 'repo_id' | 'id' | 'ask_key'>): string {
  return goal.ask_key ?? `ask:${goal.repo_id}:${goal.id}`;
}
