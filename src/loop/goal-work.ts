import { stepBranch } from '../gate/goal-step.ts';
import { proposeStep } from '../gate/propose-step.ts';
import { isSaid, publishComment } from '../github/publish.ts';
import { repositoryUrl } from '../github/scope.ts';
import { messagesFor } from '../messages/messages.ts';
import { CapReachedError } from '../plan/model-cap.ts';
import { type GoalFacts, nextGoal } from '../schedule/goal-next.ts';
import { goalEnd } from '../schedule/goal-status.ts';
import { deadlineOf } from '../schedule/goal-stops.ts';
import { goalOf, goalView, onceKey, questionOf } from '../schedule/goal-view.ts';
import { getAsk, patchAsk } from '../store/asks.ts';
import { getGoal, goalTopic, patchGoal } from '../store/goals.ts';
import { type GoalData, goalData } from '../store/row-data.ts';
import type { GoalRow } from '../store/tables.ts';
import { enqueue } from '../store/work.ts';
import { commitGoalState, isCommitted } from './commit-goal-state.ts';
import { endGoal, judgeStep, startGoal } from './goal-judge.ts';
import { rowOf } from './goal-report.ts';
import { PAUSED_LOOK_MS, type WorkContext, type WorkResult } from './work.ts';

/**
 * `goal:<repository>:<id>`: takes an approved goal from job to job until it is reached, stops by itself, or
 * somebody says `/cancel`. What is decided is on record before anything follows from it.
 */
export async function workOnGoal(c: WorkContext): Promise<WorkResult> {
  const id = c.key.slice(c.key.lastIndexOf(':') + 1);
  for (;;) {
    c.signal.throwIfAborted();
    const goal = await getGoal(c.store.db, c.repo.id, id);
    if (!goal) return 'done';
    const data = goalData(goal);
    const next = nextGoal(await observeGoal(c, goal, data));
    if ('end' in next) return 'done';
    if ('wait' in next) {
      if (next.wait === 'resume') return { dueAt: c.now() + PAUSED_LOOK_MS };
      return next.until === null ? 'done' : { dueAt: next.until };
    }
    switch (next.do) {
      case 'start':
        await startGoal(c, goal);
        break;
      case 'commit_state':
        await commitGoalState(c, goal);
        break;
      case 'propose':
        if (await stands(c, goal)) await proposeStep(c, goal);
        else await endGoal(c, goal, 'stopped', { reason: 'withdrawn' });
        break;
      case 'judge': {
        const later = await judge(c, goal);
        if (later) return later;
        break;
      }
      case 'close_step':
        await closeStep(c, goal);
        break;
      case 'wait_for_person':
        await change(c, goal, (now) => ({
          state: 'waiting',
          data: { ...now, asked: { key: askedKey(now), since: c.now() } },
        }));
        break;
      case 'ask':
        await askPerson(c, goal, data);
        break;
      case 'remind':
        await remind(c, goal, data);
        break;
      case 'cancel':
        await recordOpened(c, goal, data);
        await endGoal(c, goal, 'cancelled', { reason: 'cancelled', by: data.cancelledBy ?? '' });
        break;
      case 'stop_time':
        await recordOpened(c, goal, data);
        await endGoal(c, goal, 'stopped', { reason: 'time' });
        break;
      case 'reply':
        await reply(c, goal);
        return 'done';
    }
  }
}

async function observeGoal(c: WorkContext, goal: GoalRow, data: GoalData): Promise<GoalFacts> {
  const step = data.steps.at(-1);
  const row = step && (await rowOf(c, step));
  const { envelope } = goalOf(goal).goal;
  const deadline = deadlineOf(envelope, data.startedAt ?? goal.created_at);
  return {
    state: goal.state,
    cancelled: data.cancelledBy !== undefined,
    paused: c.paused !== null,
    committed: isCommitted(goal, data),
    step: step
      ? {
          proposed: step.proposedAt !== undefined,
          job: row?.state ?? null,
          reported: row?.report_sha != null,
          outside: step.outside.length > 0,
          verdict: step.verdict?.kind ?? null,
          resumed: step.resumed ?? false,
        }
      : null,
    overdue: c.now() >= deadline,
    deadline,
    askedAt: goal.state === 'waiting' ? (data.asked?.since ?? null) : null,
    told: data.asked !== undefined && (await isSaid(c.store, onceKey('question', goal, data))),
    reminded: data.asked?.reminded ?? false,
    reminderMs: c.settings.goals.reminderHours * 3_600_000,
    now: c.now(),
    replied: await isSaid(c.store, `final:${goalTopic(goal)}`),
  };
}

/** Its job PR may be there already, GitHub's answer lost: it is recorded, and closed like any other. */
async function recordOpened(c: WorkContext, goal: GoalRow, { steps }: GoalData): Promise<void> {
  const step = steps.at(-1);
  if (!step || step.proposedAt !== undefined || step.verdict) return;
  const pulls = await c.client.pullsFrom(stepBranch(goal.id, steps.length), c.signal);
  if (pulls.some(({ ours }) => ours)) await proposeStep(c, goal);
}

/** Names what is asked: another job, or the same one judged again, is another question. */
function askedKey(data: GoalData): string {
  const verdict = data.steps.at(-1)?.verdict;
  return `${data.steps.length}${verdict ? `-${verdict.at}` : ''}`;
}

async function judge(c: WorkContext, goal: GoalRow): Promise<WorkResult | null> {
  try {
    await judgeStep(c, goal);
    return null;
  } catch (error) {
    if (!(error instanceof CapReachedError)) throw error;
    const until = error.usage.resetsAt;
    await change(c, goal, (data) => ({ data: { ...data, pausedUntil: until } }));
    return { dueAt: until };
  }
}

/** A person took the job away, or it was lost: what follows is theirs to say. */
async function closeStep(c: WorkContext, goal: GoalRow): Promise<void> {
  const step = goalData(goal).steps.at(-1);
  const row = step && (await rowOf(c, step));
  if (!row) return;
  await change(c, goal, (data) => {
    // What was asked before is answered: the next question is another.
    const { asked: _, ...rest } = data;
    const last = data.steps.at(-1);
    if (!last || last.verdict || last.jobId !== row.id) return null;
    const verdict = { kind: 'closed', by: 'person', reason: row.state, at: c.now() } as const;
    return { data: { ...rest, steps: [...data.steps.slice(0, -1), { ...last, verdict }] } };
  });
}

/** Changes a goal that is still open, by its rows as they are now. */
async function change(
  c: WorkContext,
  goal: GoalRow,
  patch: (data: GoalData) => { state?: GoalRow['state']; data: GoalData } | null,
): Promise<void> {
  await c.store.write(async (tx) => {
    const now = await getGoal(tx, goal.repo_id, goal.id);
    if (!now || (now.state !== 'running' && now.state !== 'waiting')) return;
    const wanted = patch(goalData(now));
    if (!wanted) return;
    await patchGoal(tx, goal.repo_id, goal.id, {
      ...(wanted.state ? { state: wanted.state } : {}),
      data: JSON.stringify(wanted.data),
      updated_at: c.now(),
    });
    await enqueue(tx, `status:${goalTopic(goal)}`);
  });
}

/** The approved file is what every job of it rests on: taken away, the goal is taken back. */
async function stands(c: WorkContext, goal: GoalRow): Promise<boolean> {
  const file = await c.client.readFile(`jobs/goals/${goal.id}.json`, c.repo.default_branch, c.signal);
  return file?.blobSha === goal.blob_sha;
}

async function askPerson(c: WorkContext, goal: GoalRow, data: GoalData): Promise<void> {
  const question = await questionOf(c, goal, data);
  if (!question) return;
  const body = messagesFor(goal.language).goalQuestion({ question });
  await publishComment(c, { issue: goal.thread, key: onceKey('question', goal, data), body });
}

async function remind(c: WorkContext, goal: GoalRow, data: GoalData): Promise<void> {
  const since = data.asked?.since ?? c.now();
  const url = `${repositoryUrl(c)}/issues/${goal.thread}`;
  const body = messagesFor(goal.language).goalReminder({ since, timeZone: c.settings.timeZone, url });
  await publishComment(c, { issue: goal.thread, key: onceKey('reminder', goal, data), body });
  await change(c, goal, (now) => ({
    data: { ...now, ...(now.asked ? { asked: { ...now.asked, reminded: true } } : {}) },
  }));
}

/** The one final reply; with it its ask has ended. */
async function reply(c: WorkContext, goal: GoalRow): Promise<void> {
  const view = await goalView(c, goal, null);
  const m = messagesFor(goal.language);
  const evidence = goalData(goal).steps.at(-1)?.verdict?.evidence ?? [];
  const branch = c.settings.reports.branch ?? c.repo.default_branch;
  const links = evidence.map((path) => `[${path}](${repositoryUrl(c)}/blob/${branch}/${path})`);
  const body = [goalEnd(view), links.length > 0 ? m.goalEvidence({ links }) : '']
    .filter(Boolean)
    .join('\n\n');
  await publishComment(c, { issue: goal.thread, key: `final:${goalTopic(goal)}`, body });
  await c.store.write(async (tx) => {
    const ask = goal.ask_key ? await getAsk(tx, goal.ask_key) : undefined;
    if (ask) await patchAsk(tx, ask.key, { state: 'ended', reason: goal.state, updated_at: c.now() });
    await enqueue(tx, `status:${goalTopic(goal)}`);
  });
}
