import { acceptAsk, checkPermission } from '../ask/accept-ask.ts';
import { cancelTopic, endCancelled } from '../ask/cancel-ask.ts';
import { countAsk, tellPaused } from '../ask/count-ask.ts';
import { nextAsk } from '../ask/next-ask.ts';
import { askBody, isGoal, observeAsk } from '../ask/observe-ask.ts';
import { ignoreAsk, refuseAsk, refuseUnheard } from '../ask/refuse-ask.ts';
import { proposeGoal } from '../gate/propose-goal.ts';
import { proposeJob } from '../gate/propose-job.ts';
import { proposeSchedule } from '../gate/propose-schedule.ts';
import type { PlannedGoal, PlannedJob, PlannedSchedule } from '../plan/plan.ts';
import { planAsk } from '../plan/plan-ask.ts';
import { planGoal } from '../plan/plan-goal.ts';
import { replyPlan } from '../report/reply-plan.ts';
import { getAsk } from '../store/asks.ts';
import { latestPlan } from '../store/plans.ts';
import { askData } from '../store/row-data.ts';
import type { AskRow, PlanRow } from '../store/tables.ts';
import { recallAsk } from './recall.ts';
import { PAUSED_LOOK_MS, type WorkContext, type WorkResult } from './work.ts';

/** Takes an ask from its comment to an open job PR, or to a reply. */
export async function workOnAsk(c: WorkContext): Promise<WorkResult> {
  const heard = await getAsk(c.store.db, c.key);
  if (heard) await recallAsk(c, heard);
  for (;;) {
    c.signal.throwIfAborted();
    const ask = await getAsk(c.store.db, c.key);
    if (!ask) return 'done';
    const next = nextAsk(await observeAsk(c, ask));
    // A pause that ends elsewhere (the settings, the environment) wakes nobody.
    if ('wait' in next && next.wait === 'resume') return { dueAt: c.now() + PAUSED_LOOK_MS };
    if (!('do' in next)) return 'done';
    switch (next.do) {
      case 'ignore':
        await ignoreAsk(c, ask);
        break;
      case 'check_permission':
        await checkPermission(c, ask);
        break;
      case 'refuse':
        await refuseUnheard(c, ask, next.reason);
        break;
      case 'count':
        await countAsk(c, ask);
        break;
      case 'tell_paused':
        await tellPaused(c, ask);
        break;
      case 'accept':
        await acceptAsk(c, ask);
        break;
      case 'plan':
        await plan(c, ask);
        break;
      case 'cancel':
        // Its PR is recorded, and closed like any other.
        if (await isOpened(c, ask)) await propose(c, ask, await planOf(c, ask));
        else await endCancelled(c, ask);
        break;
      case 'propose':
        await propose(c, ask, await planOf(c, ask));
        break;
      case 'reply':
        await replyPlan(c, ask, await planOf(c, ask));
        break;
    }
  }
}

/** Plans until the plan is stored, refused, or somebody says `/cancel`: a model may take minutes. */
async function plan(c: WorkContext, ask: AskRow): Promise<void> {
  const cancel = new AbortController();
  const unsubscribe = c.store.subscribe((topics) => {
    if (topics.has(cancelTopic(ask.key))) cancel.abort();
  });
  const signal = AbortSignal.any([c.signal, cancel.signal]);
  try {
    const makePlan = isGoal(ask) ? planGoal : planAsk;
    const planned = await makePlan({ ...c, signal }, ask, askBody(ask), c.planner, c.attempts);
    const now = await getAsk(c.store.db, ask.key);
    if (planned.kind === 'refused' && now && !askData(now).endedBy)
      await refuseAsk(c, ask, planned.reason, planned.say);
  } catch (error) {
    if (!cancel.signal.aborted) throw error;
  } finally {
    unsubscribe();
  }
}

async function planOf(c: WorkContext, ask: AskRow): Promise<PlanRow> {
  const plan = await latestPlan(c.store.db, ask.key);
  if (!plan) throw new Error(`${ask.key} is planned, but its plan is missing`);
  return plan;
}

/** Whether its job PR is there already: GitHub's answer to who opened it may have been lost. */
async function isOpened(c: WorkContext, ask: AskRow): Promise<boolean> {
  const { branch } = askData(ask);
  if (ask.state !== 'planned' || branch === undefined) return false;
  return (await c.client.pullsFrom(branch, c.signal)).some(({ ours }) => ours);
}

async function propose(c: WorkContext, ask: AskRow, plan: PlanRow): Promise<void> {
  const outcome =
    plan.kind === 'goal'
      ? await proposeGoal(c, ask, plan, JSON.parse(plan.body) as PlannedGoal)
      : plan.kind === 'schedule'
        ? await proposeSchedule(c, ask, plan, JSON.parse(plan.body) as PlannedSchedule)
        : await proposeJob(c, ask, plan, JSON.parse(plan.body) as PlannedJob);
  if (outcome.kind === 'invalid') {
    const errors = outcome.errors.map(({ field, message }) => `${field}: ${message}`);
    if (plan.kind === 'goal') await refuseAsk(c, ask, 'goal_invalid', (m) => m.goalInvalid({ errors }));
    else await refuseAsk(c, ask, 'job_invalid', (m) => m.jobInvalid({ errors }));
  }
  if (outcome.kind === 'id_taken')
    await refuseAsk(c, ask, 'job_id_taken', (m) => m.jobIdTaken({ id: outcome.id }));
}
