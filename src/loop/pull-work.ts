import { queueJob } from '../dispatch/queue-job.ts';
import { admitGoals } from '../gate/admit-goals.ts';
import { admitJobs } from '../gate/admit-jobs.ts';
import { admitSchedules } from '../gate/admit-schedules.ts';
import { holdPull, mergeJob } from '../gate/merge-job.ts';
import { nextPull } from '../gate/next-pull.ts';
import { type ObservedPull, observePull } from '../gate/observe-pull.ts';
import { rejectPull, reopenPull } from '../gate/reject-pull.ts';
import { replanPull } from '../gate/replan-pull.ts';
import { sayBase } from '../gate/say-pull.ts';
import { passGroup, rerunCheck, validatePull } from '../gate/validate-pull.ts';
import { getPull } from '../store/pulls.ts';
import { type Approval, pullData } from '../store/row-data.ts';
import { getSurveys } from '../store/surveys.ts';
import { recalledGoal } from './recall-goal.ts';
import { admitUnseen } from './survey.ts';
import { lastNumber, PAUSED_LOOK_MS, type WorkContext, type WorkResult } from './work.ts';

/** Takes a PR that touches `jobs/**` from its validation to the queue. */
export async function workOnPull(c: WorkContext): Promise<WorkResult> {
  const number = lastNumber(c.key);
  // A merge is final, and its own events come after it: nothing to ask GitHub.
  const { settled, rerun } = pullData(await getPull(c.store.db, c.repo.id, number));
  if (settled === 'merged') return 'done';
  if (rerun) await rerunCheck(c, number, rerun);
  const openIn = (await getSurveys(c.store.db, c.repo.id)).count;
  let judged: ObservedPull | null = null;
  for (;;) {
    c.signal.throwIfAborted();
    const seen: Awaited<ReturnType<typeof observePull>> = judged ?? (await observePull(c, number));
    judged = null;
    if (!seen || seen === 'being_proposed') return 'done';
    const next = nextPull(seen.facts);
    if ('wait' in next) {
      if (next.wait === 'base') await sayBase(c, seen);
      if (next.wait === 'resume') return { dueAt: c.now() + PAUSED_LOOK_MS };
      if (next.wait === 'blocked' && seen.facts.blocked) return { dueAt: seen.facts.blocked.retryAt };
      return 'done';
    }
    if ('end' in next) return 'done';
    switch (next.do) {
      case 'reopen':
        await reopenPull(c, seen);
        break;
      case 'validate':
        await validatePull(c, seen, openIn);
        // What was judged is what was seen: reading it again would tell nothing new.
        judged = {
          ...seen,
          data: { ...seen.data, openIn },
          facts: { ...seen.facts, checkedSha: seen.pull.headSha },
        };
        break;
      case 'replan':
        await replanPull(c, seen, next);
        break;
      case 'hold':
        await holdPull(c, seen, next.message);
        break;
      case 'merge': {
        const step = await mergeJob(c, seen, next.approval, await c.mergeMethods());
        if (step === 'waiting') break;
        if ('retryAt' in step) return { dueAt: step.retryAt };
        judged = asMerged(seen, step.merged, next.approval, openIn);
        break;
      }
      case 'close':
        await c.client.closePull(number, c.signal);
        break;
      case 'admit':
        await admitSchedules(c, seen);
        if (seen.found.goals.length > 0) {
          await admitGoals(c, seen, await recalledGoal(c, seen));
          return 'done';
        }
        // Merged when nobody looked: it may have run already, with a database that was lost.
        if (seen.data.openIn === openIn) await admitJobs(c, seen, queueJob);
        else await admitUnseen(c, seen);
        return 'done';
      case 'reject':
        await rejectPull(c, seen);
        return 'done';
    }
  }
}

/** The PR after our merge: GitHub has just said so, and would say no more if asked. */
function asMerged(
  seen: ObservedPull,
  mergeCommitSha: string,
  approval: Approval,
  openIn: number,
): ObservedPull {
  return {
    ...seen,
    data: { ...seen.data, approval, openIn },
    pull: { ...seen.pull, state: 'closed', merged: true, mergeCommitSha },
    facts: { ...seen.facts, open: false, merged: true },
  };
}

/** A merge queue's group: its PRs were judged on their own heads. */
export async function workOnGroup(c: WorkContext): Promise<WorkResult> {
  if (c.settings.gate.reportOnEveryPr) await passGroup(c, c.key.slice(c.key.lastIndexOf(':') + 1));
  return 'done';
}
