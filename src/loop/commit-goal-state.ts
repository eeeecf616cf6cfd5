import type { BranchView, FileChange } from '../github/types.ts';
import { goalStatePath, LOOP_PATH } from '../job/report-paths.ts';
import { goalStateMessage } from '../messages/commit-messages.ts';
import { code } from '../messages/markdown.ts';
import { neutraliseLine } from '../messages/neutralise.ts';
import { clip } from '../messages/plain-text.ts';
import { updateLoop } from '../report/loop-md.ts';
import { writeReports } from '../report/reports-branch.ts';
import { renderGoalState } from '../schedule/goal-state.ts';
import { goalOf } from '../schedule/goal-view.ts';
import { getGoal, patchGoal } from '../store/goals.ts';
import { contentDigest } from '../store/published.ts';
import { type GoalData, goalData, withData } from '../store/row-data.ts';
import type { GoalRow } from '../store/tables.ts';
import type { WorkContext } from './work.ts';

/**
 * One commit that writes a goal's decisions down, before anything follows from them: a lost database goes on
 * from there. `reports/loop.md` names the goal as long as it is open.
 */
export async function commitGoalState(c: WorkContext, goal: GoalRow): Promise<void> {
  const data = goalData(goal);
  const content = renderGoalState(goal, data);
  const path = goalStatePath(goal.id);
  const { goal: file } = goalOf(goal);
  await writeReports(c, (branch) => ({
    branch,
    message: goalStateMessage(
      { id: goal.id, title: file.title },
      words(goal, data),
      c.settings.reports.skipCi,
    ),
    files: async (at: BranchView): Promise<FileChange[] | null> => {
      if ((await at.readFile(path))?.text === content) return null;
      const loop = (await at.readFile(LOOP_PATH))?.text ?? null;
      const text = isOpen(goal) ? loopLine(goal, data, file.title ?? file.goal) : null;
      return [
        { path, content },
        { path: LOOP_PATH, content: updateLoop(loop, { goals: [{ key: goal.id, text }] }) },
      ];
    },
  }));
  await c.store.write(async (tx) => {
    const now = await getGoal(tx, goal.repo_id, goal.id);
    if (!now) return;
    const committed = contentDigest(content);
    await patchGoal(tx, goal.repo_id, goal.id, { data: withData(goalData(now), { committed }) });
  });
}

/** Whether the repository has the goal's state as the rows have it. */
export function isCommitted(goal: GoalRow, data: GoalData): boolean {
  return data.committed === contentDigest(renderGoalState(goal, data));
}

const isOpen = ({ state }: GoalRow) => state === 'running' || state === 'waiting';

function loopLine(goal: GoalRow, { steps }: GoalData, title: string): string {
  const { max_jobs: most } = goalOf(goal).goal.envelope;
  const waits = goal.state === 'waiting' ? ', waiting for a person' : '';
  return `${code(goal.id)} ${neutraliseLine(clip(title, 100))}: job ${steps.length} of at most ${most}${waits}`;
}

/** Words for the commit's subject. */
function words(goal: GoalRow, { steps }: GoalData): string {
  if (!isOpen(goal)) return goal.state;
  const verdict = steps.at(-1)?.verdict;
  return verdict ? `waits after job ${steps.length}` : `goes on with job ${steps.length}`;
}
