import { admitGoals, type RecalledGoal } from '../gate/admit-goals.ts';
import { type ObservedPull, observePull } from '../gate/observe-pull.ts';
import { restoreAsk } from '../gate/restore-ask.ts';
import { goalStatePath } from '../job/report-paths.ts';
import { reportsBranch } from '../report/reports-branch.ts';
import { type GoalState, parseGoalState } from '../schedule/goal-state.ts';
import { getGoal, goalKey, goalTopic, patchGoal } from '../store/goals.ts';
import { getJob } from '../store/jobs.ts';
import { intend } from '../store/published.ts';
import { goalData } from '../store/row-data.ts';
import { enqueue } from '../store/work.ts';
import { recallJob } from './recall-job.ts';
import type { WorkContext } from './work.ts';

/** What the repository holds of a goal's decisions; null = none were made. */
async function readState(c: WorkContext, goal: { id: string; blob: string }): Promise<GoalState | null> {
  const path = goalStatePath(goal.id);
  for (const ref of [c.repo.default_branch, await reportsBranch(c)]) {
    const file = ref === null ? null : await c.client.readFile(path, ref, c.signal);
    const state = file && parseGoalState(file.text, goal);
    if (state) return state;
  }
  return null;
}

/** For a merged goal PR: where the goal stands already, with a database that was lost; null: it is new. */
export async function recalledGoal(c: WorkContext, seen: ObservedPull): Promise<RecalledGoal | null> {
  const [found] = seen.found.goals;
  return found?.goal ? readState(c, { id: found.goal.id, blob: found.blobSha }) : null;
}

/**
 * Goals on the default branch that our rows know too little of. One whose decisions stand in the repository
 * goes on from there; of one that a new database finds without any, nobody knows how old its approval is, so
 * that it waits for `/retry`. Resolves to the PRs of those that are simply new.
 */
export async function recoverGoals(
  c: WorkContext,
  at: { head: string; first: boolean },
): Promise<Set<number>> {
  const fresh = new Set<number>();
  for (const { id, blob } of await goalFiles(c, at.head)) {
    const row = await getGoal(c.store.db, c.repo.id, id);
    const state = await readState(c, { id, blob });
    if (row && row.state !== 'proposed' && row.state !== 'rejected') {
      if (state && row.blob_sha === blob && tellsMore(state, row)) await follow(c, id, state);
      continue;
    }
    const number = await c.client.pullOfFile(`jobs/goals/${id}.json`, c.repo.default_branch, c.signal);
    if (number === null) continue;
    if (!state && !at.first) {
      fresh.add(number);
      continue;
    }
    await adopt(c, number, id, state);
  }
  return fresh;
}

async function goalFiles(c: WorkContext, head: string): Promise<{ id: string; blob: string }[]> {
  let tree = await c.client.tree(head, { recursive: false }, c.signal);
  for (const name of ['jobs', 'goals']) {
    const folder = tree.entries.find((entry) => entry.path === name && entry.type === 'tree');
    if (!folder) return [];
    tree = await c.client.tree(folder.sha, { recursive: false }, c.signal);
  }
  return tree.entries.flatMap(({ path, sha, type }) => {
    const id = type === 'blob' ? /^(.+)\.json$/.exec(path)?.[1] : undefined;
    return id ? [{ id, blob: sha }] : [];
  });
}

/** Decisions are only ever added, so more of them are newer. */
function tellsMore(state: GoalState, row: { state: string; data: string }): boolean {
  const steps = goalData(row).steps;
  const decided = (all: readonly { verdict?: unknown }[]) => all.length * 2 + (all.at(-1)?.verdict ? 1 : 0);
  const ended = (name: string) => (['reached', 'stopped', 'cancelled'].includes(name) ? 1 : 0);
  if (ended(state.state) !== ended(row.state)) return ended(state.state) > ended(row.state);
  return decided(state.data.steps) > decided(steps);
}

/** Our rows come from an old backup: they follow what is on record. */
async function follow(c: WorkContext, id: string, state: GoalState): Promise<void> {
  await c.store.write((tx) =>
    patchGoal(tx, c.repo.id, id, {
      state: state.state,
      data: JSON.stringify(state.data),
      job_id: state.data.steps.at(-1)?.jobId ?? null,
      updated_at: c.now(),
    }),
  );
  await goOn(c, id);
}

async function adopt(c: WorkContext, number: number, id: string, state: GoalState | null): Promise<void> {
  const pull = await c.client.pull(number, c.signal);
  if (!pull.merged) return;
  await restoreAsk(c, pull, null);
  const seen = await observePull(c, number, { reviews: false, settled: false });
  if (seen === null || seen === 'being_proposed' || seen.found.goals[0]?.goal?.id !== id) return;
  const now = c.now();
  const unknown = {
    state: 'waiting',
    approval: null,
    data: { steps: [], startedAt: now, asked: { key: 'recalled', since: now } },
  } as const;
  await admitGoals(c, seen, state ?? { ...unknown, data: { ...unknown.data, steps: [] } });
  await goOn(c, id);
}

/** What was written about it before is looked for before it is written again; its job's end is taken up. */
async function goOn(c: WorkContext, id: string): Promise<void> {
  const row = await getGoal(c.store.db, c.repo.id, id);
  if (!row) return;
  const { steps } = goalData(row);
  const step = steps.at(-1);
  const topic = goalTopic(row);
  const asked = step ? `${steps.length}${step.verdict ? `-${step.verdict.at}` : ''}` : 'recalled';
  await c.store.write(async (tx) => {
    for (const key of [`status:${topic}`, `final:${topic}`]) await intend(tx, key);
    for (const kind of ['question', 'reminder']) await intend(tx, `${kind}:${goalKey(row)}:${asked}`);
  });
  if (step && !step.verdict && !(await getJob(c.store.db, c.repo.id, step.jobId)))
    await recallJob(c, step.jobId);
  await c.store.write(async (tx) => {
    await enqueue(tx, goalKey(row));
    await enqueue(tx, `status:${topic}`);
  });
}
