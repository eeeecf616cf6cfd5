import { queueJob } from '../dispatch/queue-job.ts';
import { admitJobs } from '../gate/admit-jobs.ts';
import { mergeJob } from '../gate/merge-job.ts';
import { nextPull } from '../gate/next-pull.ts';
import { observePull } from '../gate/observe-pull.ts';
import { rejectPull, reopenPull } from '../gate/reject-pull.ts';
import { replanPull } from '../gate/replan-pull.ts';
import { sayBase, sayNotAdmitted } from '../gate/say-pull.ts';
import { passGroup, validatePull } from '../gate/validate-pull.ts';
import { lastNumber, type WorkContext, type WorkResult } from './work.ts';

/** Takes a PR that touches `jobs/**` from its validation to the queue. */
export async function workOnPull(c: WorkContext): Promise<WorkResult> {
  const number = lastNumber(c.key);
  for (;;) {
    c.signal.throwIfAborted();
    const seen = await observePull(c, number);
    if (!seen) return 'done';
    const next = nextPull(seen.facts);
    if ('wait' in next) {
      if (next.wait === 'base') await sayBase(c, seen);
      if (next.wait === 'blocked' && seen.facts.blocked) return { dueAt: seen.facts.blocked.retryAt };
      return 'done';
    }
    if ('end' in next) return 'done';
    switch (next.do) {
      case 'reopen':
        await reopenPull(c, seen);
        break;
      case 'validate':
        await validatePull(c, seen);
        break;
      case 'replan':
        await replanPull(c, seen, next);
        break;
      case 'merge': {
        const step = await mergeJob(c, seen, next.approval, await c.mergeMethods());
        if (typeof step === 'object') return { dueAt: step.retryAt };
        break;
      }
      case 'admit': {
        const admission = await admitJobs(c, seen, queueJob);
        await sayNotAdmitted(c, seen, admission);
        return 'done';
      }
      case 'reject':
        await rejectPull(c, seen);
        return 'done';
    }
  }
}

/** A merge queue's group: its PRs were judged on their own heads. */
export async function workOnGroup(c: WorkContext): Promise<WorkResult> {
  if (c.settings.gate.reportOnEveryPr) await passGroup(c, c.key.slice(c.key.lastIndexOf(':') + 1));
  return 'done';
}
