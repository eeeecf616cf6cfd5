import type { z } from 'zod';
import type { Message, Model, StructuredReply, Usage } from '../llm/client.ts';
import type { Plan } from './plan.ts';
import type { Prompts } from './prompts.ts';
import { fromWire, type WirePlan, wirePlan } from './wire.ts';

/** How one model call ended, for the ledger. */
type CallOutcome = 'ok' | 'refusal' | 'cut_short' | 'not_json' | 'empty' | 'wrong_schema' | 'invalid';

export interface ModelCall {
  model: string;
  /** 1, 2, 3: the first call and at most two repairs. */
  number: number;
  usage: Usage;
  outcome: CallOutcome;
}

/** What a conversation is about: its prompt, what the model may say, and what that means. */
export interface Task<W, P> {
  instructions: string;
  /** Visible to the model. */
  name: string;
  schema: z.ZodType<W>;
  fromWire: (wire: W) => P;
}

interface ConversationRequest<P> {
  model: Model;
  prompts: Prompts;
  /** The rendered context, see renderContext of src/ask. */
  input: Message[];
  /** Errors for the model to mend, empty = good. See validatePlan. */
  validate: (plan: P) => string[] | Promise<string[]>;
  signal: AbortSignal;
  /** Called and awaited before a call goes out; `number` as in ModelCall. */
  onStart: (number: number) => void | Promise<void>;
  /** Called and awaited after every call, before anything else happens. */
  onCall: (call: ModelCall) => void | Promise<void>;
  /** Tokens, reasoning included. Default 16,000; doubled after a reply that was cut short. */
  maxOutputTokens?: number;
}

export interface PlanRequest extends ConversationRequest<Plan> {
  /** Full SHA the context was read at. */
  commit: string;
}

interface PlanRecord {
  usage: Usage & { calls: number };
  model: string;
  promptDigest: string;
}

type PlanFailure = 'invalid_output' | 'refused_by_model' | 'cut_short';

/** `raw`: the model's text as it came. */
type Made<P> = { ok: true; plan: P; raw: string } & PlanRecord;
/** `errors`: of the last try, or the model's own words of refusal; one line each. */
type NotMade = { ok: false; failed: PlanFailure; errors: string[] } & PlanRecord;
export type PlanResult<P = Plan> = Made<P> | NotMade;

/** The first call and two repairs. */
const CALLS_MAX = 3;
const OUTPUT_TOKENS = 16_000;
/** Characters of an invalid answer that are shown to the model again. */
const ECHO_MAX = 20_000;
const ERRORS_MAX = 20;

/** Asks the model for a plan. @throws ModelError as the model does; the work item decides when to try again */
export function makePlan(request: PlanRequest): Promise<PlanResult> {
  const task: Task<WirePlan, Plan> = {
    instructions: request.prompts.plan,
    name: 'plan',
    schema: wirePlan,
    fromWire: (wire) => fromWire(wire, request.commit),
  };
  return converse(task, request);
}

/**
 * Asks the model. What comes back invalid goes back to it with its errors, at most twice.
 *
 * @throws ModelError as the model does; the work item decides when to try again
 */
export async function converse<W, P>(
  task: Task<W, P>,
  request: ConversationRequest<P>,
): Promise<PlanResult<P>> {
  const { model, prompts } = request;
  const messages = [...request.input];
  const usage = { input: 0, output: 0, calls: 0 };
  const record = { usage, model: model.name, promptDigest: prompts.digest };
  let maxOutputTokens = request.maxOutputTokens ?? OUTPUT_TOKENS;
  let last: Judgement<P> = { outcome: 'empty', errors: [], text: '' };

  while (usage.calls < CALLS_MAX) {
    await request.onStart(usage.calls + 1);
    const reply = await model.structured({
      instructions: task.instructions,
      input: messages,
      schema: task.schema,
      name: task.name,
      signal: request.signal,
      maxOutputTokens,
    });
    usage.calls += 1;
    usage.input += reply.usage.input;
    usage.output += reply.usage.output;
    last = await judge(reply, task, request.validate);
    await request.onCall({
      model: model.name,
      number: usage.calls,
      usage: reply.usage,
      outcome: last.outcome,
    });

    if (last.plan) return { ok: true, plan: last.plan, raw: last.text, ...record };
    if (last.outcome === 'refusal') {
      return { ok: false, failed: 'refused_by_model', errors: last.errors, ...record };
    }
    if (last.outcome === 'cut_short') maxOutputTokens *= 2;
    if (last.text) messages.push({ role: 'assistant', text: last.text.slice(0, ECHO_MAX) });
    messages.push({ role: 'user', text: repairText(prompts.repair, last.errors) });
  }
  const failed = last.outcome === 'cut_short' ? 'cut_short' : 'invalid_output';
  return { ok: false, failed, errors: last.errors, ...record };
}

interface Judgement<P> {
  outcome: CallOutcome;
  errors: string[];
  text: string;
  plan?: P;
}

async function judge<W, P>(
  reply: StructuredReply,
  task: Task<W, P>,
  validate: ConversationRequest<P>['validate'],
): Promise<Judgement<P>> {
  switch (reply.kind) {
    case 'refusal':
      return { outcome: 'refusal', errors: [reply.text || 'no reason given'], text: '' };
    case 'cut_short':
      return {
        outcome: 'cut_short',
        errors: ['The answer was cut short at the token limit: plan something shorter.'],
        text: '',
      };
    case 'empty':
      return { outcome: 'empty', errors: ['The answer was empty.'], text: '' };
    case 'not_json':
      return { outcome: 'not_json', errors: ['The answer was not JSON.'], text: reply.text };
    case 'ok': {
      const wire = task.schema.safeParse(reply.value);
      if (!wire.success) return { outcome: 'wrong_schema', errors: issues(wire.error), text: reply.text };
      const plan = task.fromWire(wire.data);
      const errors = await validate(plan);
      if (errors.length > 0) return { outcome: 'invalid', errors, text: reply.text };
      return { outcome: 'ok', errors, text: reply.text, plan };
    }
  }
}

function issues(error: z.ZodError): string[] {
  return error.issues.map((issue) => `${issue.path.join('.') || 'the root'}: ${issue.message}`);
}

function repairText(template: string, errors: string[]): string {
  const shown = errors.slice(0, ERRORS_MAX).map((error) => `- ${error}`);
  if (errors.length > ERRORS_MAX) shown.push(`- and ${errors.length - ERRORS_MAX} more`);
  return template.replace('{{errors}}', () => shown.join('\n'));
}
