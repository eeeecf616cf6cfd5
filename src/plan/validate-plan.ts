import type { Settings } from '../job/settings.ts';
import { jobErrors } from './check-job.ts';
import { scheduleErrors } from './check-schedule.ts';
import type { Plan, PlannedJob, PlannedSchedule } from './plan.ts';

/** What `serves` may name: the files of the tree at the commit the plan was made on. */
export interface KnownPaths {
  commit: string;
  paths: ReadonlySet<string>;
}

/**
 * Everything wrong with a plan that its maker could mend, one line each, naming the field; empty = good.
 * Uses the job schema, the repository's defaults and policy, the DoD's own compiler and the tree.
 */
export function validatePlan(plan: Plan, settings: Settings, known: KnownPaths): string[] {
  switch (plan.kind) {
    case 'job':
      return [...jobErrors(plan.job, settings), ...textErrors(plan), ...servesErrors(plan, known)];
    case 'schedule':
      return [...scheduleErrors(plan.schedule, settings), ...textErrors(plan), ...servesErrors(plan, known)];
    case 'refusal':
      return saying('reason', plan.reason);
    case 'answer':
    case 'question':
      return saying('text', plan.text);
  }
}

function textErrors(plan: PlannedJob | PlannedSchedule): string[] {
  const title = /[\n\r]/.test(plan.title) ? ['`title` has a line break: use one line'] : [];
  return [...title, ...saying('summary', plan.summary)];
}

function saying(field: string, text: string): string[] {
  return text.trim() === '' ? [`\`${field}\` is empty: say something`] : [];
}

function servesErrors(plan: PlannedJob | PlannedSchedule, known: KnownPaths): string[] {
  return plan.serves.flatMap(({ path, commit }, index) => {
    if (commit !== known.commit) return [`\`serves[${index}]\` was not read at ${known.commit}`];
    if (known.paths.has(path)) return [];
    return [`\`serves[${index}].path\` is ${JSON.stringify(path)}: the repository has no such file`];
  });
}
