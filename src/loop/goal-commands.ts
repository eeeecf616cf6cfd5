import { recordPull } from '../gate/record-pull.ts';
import { isEnded } from '../job/state.ts';
import { getAsk, patchAsk } from '../store/asks.ts';
import { writeAudit } from '../store/audit.ts';
import { getGoal, goalKey, goalTopic, listGoalsForThread, OPEN_GOALS, patchGoal } from '../store/goals.ts';
import { getJob } from '../store/jobs.ts';
import { getPull } from '../store/pulls.ts';
import { askData, goalData, pullData, withData } from '../store/row-data.ts';
import type { Tx } from '../store/store.ts';
import type { CommandRow, GoalRow } from '../store/tables.ts';
import { enqueue } from '../store/work.ts';
import type { WorkContext } from './work.ts';

/** The open goals a command means: those it names, else those of its thread. */
export async function goalsOf(c: WorkContext, command: CommandRow): Promise<GoalRow[]> {
  const words = command.args.split(/[\s,]+/).filter((word) => /^[a-z][a-z0-9-]*$/.test(word));
  const named = (await Promise.all(words.map((id) => getGoal(c.store.db, c.repo.id, id)))).filter(
    (goal) => goal !== undefined,
  );
  const goals = named.length > 0 ? named : await listGoalsForThread(c.store.db, c.repo.id, command.thread);
  return goals.filter(({ state }) => OPEN_GOALS.includes(state));
}

/** Ends the goals that `/cancel` means. `acted`: goes into the same transaction. Resolves to whether there are any. */
export async function cancelGoals(
  c: WorkContext,
  command: CommandRow,
  acted: (tx: Tx) => Promise<void>,
): Promise<boolean> {
  const goals = await goalsOf(c, command);
  if (goals.length === 0) return false;
  await c.store.write(async (tx) => {
    for (const goal of goals) await cancelGoal(tx, c, goal, command.login);
    await acted(tx);
  });
  return true;
}

/** Lets the waiting goals that `/retry` means go on; as for `cancelGoals`. */
export async function resumeGoals(
  c: WorkContext,
  command: CommandRow,
  acted: (tx: Tx) => Promise<void>,
): Promise<boolean> {
  const waiting: GoalRow[] = [];
  for (const goal of await goalsOf(c, command)) if (await canGoOn(c, goal)) waiting.push(goal);
  if (waiting.length === 0) return false;
  await c.store.write(async (tx) => {
    for (const goal of waiting) {
      if (goal.state === 'proposed') await approveMerged(tx, c, goal, command);
      else await resumeGoal(tx, c, goal, command);
    }
    await acted(tx);
  });
  return true;
}

/** Ends a goal, or closes its PR. */
async function cancelGoal(tx: Tx, c: WorkContext, goal: GoalRow, login: string): Promise<void> {
  const now = await getGoal(tx, goal.repo_id, goal.id);
  if (!now) return;
  if (now.state === 'proposed') {
    const ask = now.ask_key ? await getAsk(tx, now.ask_key) : undefined;
    if (ask) await patchAsk(tx, ask.key, { data: withData(askData(ask), { endedBy: login }) });
    await recordPull(tx, c, now.pr_number, { cancelled: true });
    await enqueue(tx, `pr:${c.repo.id}:${now.pr_number}`);
    return;
  }
  await patchGoal(tx, goal.repo_id, goal.id, { data: withData(goalData(now), { cancelledBy: login }) });
  await enqueue(tx, goalKey(goal));
}

/** A goal that was merged without an approval gets it by `/retry` from somebody who may approve. */
async function approveMerged(tx: Tx, c: WorkContext, goal: GoalRow, command: CommandRow): Promise<void> {
  const { settled, headSha } = pullData(await getPull(tx, c.repo.id, goal.pr_number));
  if (settled !== 'merged' || headSha === undefined) return;
  const approval = { login: command.login, how: 'command', sha: headSha } as const;
  await recordPull(tx, c, goal.pr_number, { settled: null, approval });
  await enqueue(tx, `pr:${c.repo.id}:${goal.pr_number}`);
}

/**
 * Whether `/retry` means something to a goal: it waits for a person, and not for the approval of a job; or it was
 * merged without one of its own.
 */
async function canGoOn(c: WorkContext, goal: GoalRow): Promise<boolean> {
  if (goal.state === 'proposed')
    return pullData(await getPull(c.store.db, c.repo.id, goal.pr_number)).settled === 'merged';
  const { steps, asked } = goalData(goal);
  const step = steps.at(-1);
  if (goal.state !== 'waiting' || !asked) return false;
  if (!step) return true;
  if (step.verdict) return true;
  const job = await getJob(c.store.db, c.repo.id, step.jobId);
  return job !== undefined && isEnded(job.state);
}

/** A waiting goal goes on: its last report is judged again, with what was said in its thread since. */
async function resumeGoal(tx: Tx, c: WorkContext, goal: GoalRow, command: CommandRow): Promise<void> {
  const now = await getGoal(tx, goal.repo_id, goal.id);
  if (now?.state !== 'waiting') return;
  const { asked: _, ...data } = goalData(now);
  const last = data.steps.at(-1);
  const steps = data.steps.slice(0, -1);
  if (last) {
    const { verdict: __, ...again } = last;
    steps.push({ ...again, resumed: true });
  }
  await patchGoal(tx, goal.repo_id, goal.id, {
    state: 'running',
    data: JSON.stringify({ ...data, steps }),
    updated_at: c.now(),
  });
  await writeAudit(tx, {
    what: 'retry_granted',
    who: command.login,
    subject: goal.id,
    repoId: c.repo.id,
    detail: { comment: command.key },
  });
  await enqueue(tx, goalKey(goal));
  await enqueue(tx, `status:${goalTopic(goal)}`);
}
