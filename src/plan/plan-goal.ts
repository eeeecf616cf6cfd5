import type { Scope } from '../github/scope.ts';
import { completeGoal } from '../job/complete-goal.ts';
import type { PartialJob } from '../job/complete-job.ts';
import { GIVEN_BY_APP, type Goal } from '../job/goal.ts';
import { goalFindings } from '../job/goal-findings.ts';
import { parseGoal } from '../job/parse-goal.ts';
import type { Settings } from '../job/settings.ts';
import type { AskRow } from '../store/tables.ts';
import { fencedPlan } from './fenced.ts';
import { goalPlanOf, wireGoalPlan } from './goal-wire.ts';
import { converse, type Task } from './make-plan.ts';
import type { GoalPlan, PlannedGoal } from './plan.ts';
import {
  emptyRepository,
  failed,
  giveUp,
  type Planned,
  type Planner,
  recordCall,
  storePlan,
  UNANSWERED,
} from './plan-ask.ts';

/** Stands for the id, which comes from the comment when the goal's PR is made. */
const PLACEHOLDER_ID = 'goal';

/** Makes and stores the plan of a `/goal`: from one `json` block without a model, else by it. */
export async function planGoal(
  scope: Scope,
  ask: AskRow,
  body: string,
  planner: Planner,
  attempts: number,
): Promise<Planned> {
  const fenced = fencedPlan(body);
  if (fenced.kind === 'job_file') {
    const pasted = goalFromFence(fenced.title, fenced.text, scope.settings);
    if (!pasted.ok)
      return {
        kind: 'refused',
        reason: 'goal_invalid',
        say: (m) => m.goalInvalid({ errors: pasted.errors }),
      };
    const commit = await scope.client.branchHead(scope.repo.default_branch, scope.signal);
    if (!commit) return emptyRepository(scope);
    await storePlan(scope, ask, pasted.goal, commit, null);
    return { kind: 'planned' };
  }
  if (!planner.model) return { kind: 'refused', reason: 'no_model_key', say: (m) => m.goalNoModel() };
  const input = await planner.gather(ask);
  if (!input.commit) return emptyRepository(scope);
  const model = planner.model.name;
  const ids = new Map<number, string>();
  const task: Task<Parameters<typeof goalPlanOf>[0], GoalPlan> = {
    instructions: planner.prompts.goal,
    name: 'goal',
    schema: wireGoalPlan,
    fromWire: (wire) => goalPlanOf(wire, input.commit),
  };
  const result = await converse(task, {
    model: planner.model,
    prompts: planner.prompts,
    input: input.messages,
    validate: (plan) => goalPlanErrors(plan, scope.settings),
    signal: scope.signal,
    onStart: (number) => recordCall(scope, ask, ids, { number, model, ...UNANSWERED }),
    onCall: (call) => recordCall(scope, ask, ids, call),
  }).catch((error: unknown) => giveUp(scope, ask, error, attempts));
  if ('kind' in result) return result;
  if (!result.ok) return failed(result);
  await storePlan(scope, ask, result.plan, input.commit, result);
  return { kind: 'planned' };
}

/** Everything wrong with a planned goal that its maker could mend, one line each; empty = good. */
function goalPlanErrors(plan: GoalPlan, settings: Settings): string[] {
  if (plan.kind === 'refusal') return plan.reason.trim() === '' ? ['`reason` is empty: say something'] : [];
  if (plan.kind !== 'goal') return plan.text.trim() === '' ? ['`text` is empty: say something'] : [];
  const done = completeGoal(plan, { id: PLACEHOLDER_ID, settings });
  if (!done.ok) return done.errors.map(({ message }) => message);
  const path = `jobs/goals/${PLACEHOLDER_ID}.json`;
  return goalFindings(done, path, settings)
    .filter(({ severity }) => severity === 'failure')
    .map(({ message }) => message);
}

type FencedGoal = { ok: true; goal: PlannedGoal } | { ok: false; errors: string[] };

/**
 * A pasted goal file. What its first job and its envelope leave out comes from the repository's defaults; the
 * id may be left out too.
 */
export function goalFromFence(title: string | null, text: string, settings: Settings): FencedGoal {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    // Said with its line below.
  }
  if (!isObject(given)) return errorsOf(text);
  const { id, first_job: first, envelope } = given;
  if (given.asked !== undefined) return { ok: false, errors: ['`asked` is written by the app: remove it'] };
  if (!isObject(first) || !isObject(envelope)) return errorsOf(text);
  const reserved = GIVEN_BY_APP.find((field) => first[field] !== undefined);
  if (reserved) return { ok: false, errors: [`\`first_job.${reserved}\` is written by the app: remove it`] };
  const { workdir, runs_on } = settings.defaults;
  const filled = {
    ...given,
    id: id ?? PLACEHOLDER_ID,
    first_job: {
      dod: 'exit_code == 0',
      ...settings.defaults,
      kind: 'run_shell',
      ...(envelope.effect === undefined ? {} : { effect: envelope.effect }),
      ...first,
    },
    envelope: {
      ...(workdir === undefined ? {} : { workdirs: [workdir] }),
      ...(runs_on === undefined ? {} : { runners: runs_on }),
      ...envelope,
    },
  };
  const parsed = parseGoal(JSON.stringify(filled), { path: 'goal.json' });
  if (!parsed.ok) return { ok: false, errors: parsed.findings.map(({ message }) => message) };
  const failures = goalFindings(parsed, 'goal.json', settings).filter(
    ({ severity }) => severity === 'failure',
  );
  if (failures.length > 0) return { ok: false, errors: failures.map(({ message }) => message) };
  return { ok: true, goal: pasted(parsed.goal, title, typeof id === 'string' ? id : null) };
}

function pasted(goal: Goal, title: string | null, id: string | null): PlannedGoal {
  const { envelope, dod } = goal;
  return {
    kind: 'goal',
    title: (goal.title ?? title ?? goal.goal.split('\n')[0] ?? goal.goal).slice(0, 120),
    summary: '',
    ...(id ? { id } : {}),
    goal: goal.goal,
    ...(dod ? { dod } : {}),
    envelope,
    // It was judged as a job a moment ago.
    firstJob: goal.first_job as unknown as PartialJob,
  };
}

/** The mistakes of the text as it stands, with their lines. */
function errorsOf(text: string): FencedGoal {
  const parsed = parseGoal(text, { path: 'goal.json' });
  if (parsed.ok) return { ok: false, errors: [] };
  return { ok: false, errors: parsed.findings.map(({ line, message }) => `line ${line}: ${message}`) };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
