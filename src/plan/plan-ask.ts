import { randomUUID } from 'node:crypto';
import type { Scope } from '../github/scope.ts';
import type { Message, Model } from '../llm/client.ts';
import { ModelError } from '../llm/model-error.ts';
import type { Messages } from '../messages/messages.ts';
import type { ReasonCode } from '../messages/reasons.ts';
import { getAsk, patchAsk } from '../store/asks.ts';
import { listModelCalls, recordModelCall } from '../store/model-calls.ts';
import { insertPlan } from '../store/plans.ts';
import { askData, withData } from '../store/row-data.ts';
import type { AskRow } from '../store/tables.ts';
import { enqueue } from '../store/work.ts';
import { fencedPlan } from './fenced.ts';
import { type ModelCall, makePlan, type PlanResult } from './make-plan.ts';
import { CapReachedError, checkModelCap } from './model-cap.ts';
import type { GoalPlan, Plan } from './plan.ts';
import { planFromFence } from './plan-from-fence.ts';
import type { Prompts } from './prompts.ts';
import { isScheduleText, scheduleFromFence } from './schedule-from-fence.ts';
import { type KnownPaths, validatePlan } from './validate-plan.ts';

/** What the model is shown, gathered only when it is needed. */
export interface PlannerInput extends KnownPaths {
  messages: Message[];
}

export interface Planner {
  /** null: no key is configured. */
  model: Model | null;
  prompts: Prompts;
  gather: (ask: AskRow) => Promise<PlannerInput>;
}

export type Planned =
  | { kind: 'planned' }
  | { kind: 'refused'; reason: ReasonCode; say: (messages: Messages) => string };

/** Failures of the endpoint after which an ask is given up; GitHub-style backoff until then. */
const MODEL_ATTEMPTS = 5;
/** So long an endpoint that says "later" is believed; a request too large for its quota hears that for ever. */
const MODEL_PATIENCE_MS = 6 * 3_600_000;

/** Makes and stores the plan of an ask. `attempts`: failures of this work item so far. */
export async function planAsk(
  scope: Scope,
  ask: AskRow,
  body: string,
  planner: Planner,
  attempts: number,
): Promise<Planned> {
  const trigger = scope.settings.trigger;
  const fenced = fencedPlan(body);
  if (fenced.kind === 'invalid') {
    return fenced.code === 'fence_empty'
      ? { kind: 'refused', reason: 'fence_empty', say: (m) => m.fenceEmpty() }
      : { kind: 'refused', reason: 'fence_unclosed', say: (m) => m.fenceUnclosed() };
  }
  if (fenced.kind !== 'prose') {
    const plan =
      fenced.kind === 'job_file' && isScheduleText(fenced.text)
        ? scheduleFromFence(fenced.title, fenced.text, scope.settings)
        : planFromFence(fenced, scope.settings);
    if (!plan.ok)
      return { kind: 'refused', reason: 'job_invalid', say: (m) => m.jobInvalid({ errors: plan.errors }) };
    const commit = await scope.client.branchHead(scope.repo.default_branch, scope.signal);
    if (!commit) return emptyRepository(scope);
    await storePlan(scope, ask, plan.plan, commit, null);
    return { kind: 'planned' };
  }
  if (!planner.model)
    return { kind: 'refused', reason: 'no_model_key', say: (m) => m.noModelKey({ trigger }) };
  const input = await planner.gather(ask);
  if (!input.commit) return emptyRepository(scope);
  const model = planner.model.name;
  const ids = new Map<number, string>();
  const result = await makePlan({
    model: planner.model,
    prompts: planner.prompts,
    input: input.messages,
    commit: input.commit,
    validate: (plan) => validatePlan(plan, scope.settings, input),
    signal: scope.signal,
    onStart: (number) => recordCall(scope, ask, ids, { number, model, ...UNANSWERED }),
    onCall: (call) => recordCall(scope, ask, ids, call),
  }).catch((error: unknown) => giveUp(scope, ask, error, attempts));
  if ('kind' in result) return result;
  if (!result.ok) return failed(result);
  await storePlan(scope, ask, result.plan, input.commit, result);
  return { kind: 'planned' };
}

/** Told before a model is paid for a plan that cannot become a PR. */
export function emptyRepository({ repo }: Scope): Planned {
  const branch = repo.default_branch;
  return { kind: 'refused', reason: 'repository_empty', say: (m) => m.repositoryEmpty({ branch }) };
}

export async function storePlan(
  scope: Scope,
  ask: AskRow,
  plan: Plan | GoalPlan,
  commit: string,
  made: Extract<PlanResult<unknown>, { ok: true }> | null,
): Promise<void> {
  await scope.store.write(async (tx) => {
    // Read again: it may have been cancelled while the model was thinking.
    const now = await getAsk(tx, ask.key);
    if (now?.state !== 'accepted') return;
    const { retryAt: _, ...data } = askData(now);
    await insertPlan(tx, {
      ask_key: ask.key,
      revision: 1,
      kind: plan.kind,
      body: JSON.stringify(plan),
      prompt_digest: made?.promptDigest ?? '',
      model: made?.model ?? '',
      input_tokens: made?.usage.input ?? 0,
      output_tokens: made?.usage.output ?? 0,
      created_at: scope.now(),
    });
    await patchAsk(tx, ask.key, {
      state: 'planned',
      revision: 1,
      data: withData(data, { commit }),
      updated_at: scope.now(),
    });
  });
}

/** A call that went out; it stays so when a crash swallows its answer. */
export const UNANSWERED = { usage: { input: 0, output: 0 }, outcome: 'unanswered' } as const;

/** Every call is counted, also one that a crash makes us repeat. `ids`: of this pass, by call number. */
export async function recordCall(
  scope: Scope,
  ask: Pick<AskRow, 'key'>,
  ids: Map<number, string>,
  call: Omit<ModelCall, 'outcome'> & { outcome: ModelCall['outcome'] | 'unanswered' },
): Promise<void> {
  const id = ids.get(call.number) ?? randomUUID();
  ids.set(call.number, id);
  await scope.store.write(async (tx) => {
    // With the call's own row, so that of many at once only as many pass as the cap allows.
    if (call.outcome === 'unanswered') await checkModelCap(tx, scope, call.model);
    await recordModelCall(tx, {
      id,
      ask_key: ask.key,
      model: call.model,
      input_tokens: call.usage.input,
      output_tokens: call.usage.output,
      outcome: call.outcome,
      at: scope.now(),
    });
  });
}

/** An endpoint that cannot be called at all is told at once; one that is away is tried a few times. */
export async function giveUp(scope: Scope, ask: AskRow, error: unknown, attempts: number): Promise<Planned> {
  if (error instanceof CapReachedError) return capReached(scope, error);
  if (!(error instanceof ModelError)) throw error;
  if (error.kind === 'auth' || error.kind === 'not_found' || error.kind === 'bad_request') {
    const { message } = error;
    return { kind: 'refused', reason: 'model_misconfigured', say: (m) => m.modelMisconfigured({ message }) };
  }
  const calls = await listModelCalls(scope.store.db, ask.key);
  const tooLong = scope.now() - (calls[0]?.at ?? scope.now()) > MODEL_PATIENCE_MS;
  if (tooLong || (error.kind !== 'rate_limited' && attempts + 1 >= MODEL_ATTEMPTS)) {
    const tries = Math.max(attempts + 1, calls.length);
    return {
      kind: 'refused',
      reason: 'model_unavailable',
      say: (m) => m.modelUnavailable({ attempts: tries }),
    };
  }
  const { retryAt } = error;
  if (retryAt) {
    await scope.store.write(async (tx) => {
      const now = (await getAsk(tx, ask.key)) ?? ask;
      await patchAsk(tx, ask.key, { data: withData(askData(now), { retryAt }) });
      await enqueue(tx, `status:${ask.key}`);
    });
  }
  throw error;
}

function capReached({ settings }: Scope, { cap, usage }: CapReachedError): Planned {
  const { limits, timeZone } = settings;
  const about = { resetsAt: usage.resetsAt, timeZone };
  const limit = cap === 'tokens' ? limits.tokensPerDay : limits.usdPerDay;
  const used = cap === 'tokens' ? usage.tokens : usage.usd;
  return { kind: 'refused', reason: 'cap_reached', say: (m) => m.capModel({ ...about, cap, limit, used }) };
}

export function failed(result: Extract<PlanResult, { ok: false }>): Planned {
  const { errors, usage } = result;
  switch (result.failed) {
    case 'invalid_output':
      return {
        kind: 'refused',
        reason: 'model_invalid_output',
        say: (m) => m.modelInvalidOutput({ calls: usage.calls, errors }),
      };
    case 'refused_by_model':
      return {
        kind: 'refused',
        reason: 'model_refused',
        say: (m) => m.modelRefused({ text: errors.join('\n') }),
      };
    case 'cut_short':
      return { kind: 'refused', reason: 'model_cut_short', say: (m) => m.modelCutShort() };
  }
}
