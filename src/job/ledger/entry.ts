import { z } from 'zod';
import { dayOf } from '../day.ts';
import { type ModelPrice, usdOf } from '../model-prices.ts';
import type { ResultRecord, RunEntry } from '../report-format.ts';
import { parseTickId } from '../tick-id.ts';
import { dayBefore } from './months.ts';

/** `YYYY-MM-DD` in the repository's time zone. */
const day = z.string().regex(/^\d{4}-\d{2}-\d{2}$/);
const count = z.int().min(0);
/** For what the money was: one of these, or nothing but an ask. */
const credit = {
  job: z.string().optional(),
  goal: z.string().optional(),
  schedule: z.string().optional(),
};
/** Tokens, and what they cost; null: no price of the model is known. */
const tokens = {
  model: z.string(),
  input_tokens: count,
  output_tokens: count,
  usd: z.number().min(0).nullable(),
};

/** One call of a model: `model:<id of the call>`. */
const modelEntry = z.strictObject({
  id: z.string().startsWith('model:'),
  kind: z.literal('model'),
  day,
  ...tokens,
  /** A crash took its answer: what it cost is not known. */
  unanswered: z.literal(true).optional(),
  ...credit,
});

/** One run of a job that ended: `run:<job>:<attempt>`. */
const runEntry = z.strictObject({
  id: z.string().startsWith('run:'),
  kind: z.literal('run'),
  day,
  ...credit,
  job: z.string(),
  state: z.enum(['succeeded', 'failed', 'cancelled', 'lost']),
  /** It came to its end and was looked at by its DoD: only then it counts as having looked at anything. */
  judged: z.boolean(),
  /** Only a job that says so changes something. */
  changes: z.boolean(),
  touches: z.array(z.string()),
  /** On the runner. */
  seconds: z.number().min(0),
  runner: z.string().nullable(),
  /** Of an agent, which knows what it used. */
  agent: z.strictObject(tokens).optional(),
});

/** A day of a fixed cost: `fixed:<name>:<day>`. */
const fixedEntry = z.strictObject({
  id: z.string().startsWith('fixed:'),
  kind: z.literal('fixed'),
  day,
  name: z.string(),
  amount: z.number().min(0),
  currency: z.string(),
});

/** One line of the ledger. Its id says what it is for: the same thing never stands in it twice. */
export const ledgerEntry = z.discriminatedUnion('kind', [modelEntry, runEntry, fixedEntry]);
export type LedgerEntry = z.infer<typeof ledgerEntry>;
export type ModelEntry = z.infer<typeof modelEntry>;
export type LedgerRun = z.infer<typeof runEntry>;
export type FixedEntry = z.infer<typeof fixedEntry>;

export type Prices = Readonly<Record<string, ModelPrice>>;

/** A model call as the database or a record has it; `at`: ms since the epoch. */
export interface CountedCall {
  id: string;
  model: string;
  input: number;
  output: number;
  at: number;
  answered: boolean;
  job?: string | undefined;
  goal?: string | undefined;
  schedule?: string | undefined;
}

export function modelEntryOf(call: CountedCall, prices: Prices, timeZone: string): ModelEntry {
  return {
    id: `model:${call.id}`,
    kind: 'model',
    day: dayOf(call.at, timeZone).name,
    model: call.model,
    input_tokens: call.input,
    output_tokens: call.output,
    usd: usdOf(prices, call.model, call),
    ...(call.answered ? {} : { unanswered: true as const }),
    ...creditOf(call),
  };
}

type AgentUsage = { input_tokens: number; output_tokens: number };
/** What an agent's job runs on that names no model: the tool's own default, whose price is not known. */
const NO_MODEL = 'codex';

/** What an agent used, as it counted; tokens from a cache are counted in full. null: it used nothing that is known. */
export function agentTokens(
  usage: AgentUsage | null | undefined,
  model: string | undefined,
  prices: Prices,
): NonNullable<LedgerRun['agent']> | null {
  if (!usage) return null;
  const { input_tokens, output_tokens } = usage;
  const name = model ?? NO_MODEL;
  const usd = usdOf(prices, name, { input: input_tokens, output: output_tokens });
  return { model: name, input_tokens, output_tokens, usd };
}

/** What the ledger reads of a record. */
export type LedgerRecord = Pick<
  ResultRecord,
  'id' | 'touches' | 'effect' | 'model' | 'goal' | 'schedule' | 'planning'
> & {
  runs: readonly (Pick<
    RunEntry,
    'attempt' | 'state' | 'runner' | 'started_at' | 'finished_at' | 'duration_seconds'
  > & {
    dod: Pick<RunEntry['dod'], 'verdict'>;
    agent?: { usage: AgentUsage | null } | undefined;
  })[];
};

/** What a record tells of money: its runs, and the calls that planned it. */
export function entriesOfRecord(record: LedgerRecord, prices: Prices, timeZone: string): LedgerEntry[] {
  const tick = parseTickId(record.id);
  const credit = creditOf({
    job: record.id,
    goal: record.goal,
    schedule: record.schedule ?? tick?.name,
  });
  const runs = record.runs.map((run): LedgerRun => {
    const agent = agentTokens(run.agent?.usage, record.model, prices);
    return {
      id: `run:${record.id}:${run.attempt}`,
      kind: 'run',
      day: dayOfRun(madeOn(record.id, timeZone), run, timeZone),
      ...credit,
      job: record.id,
      state: run.state,
      judged: run.dod.verdict !== 'not_judged',
      changes: record.effect === 'change',
      touches: record.touches ?? [],
      seconds: run.duration_seconds ?? 0,
      runner: run.runner,
      ...(agent ? { agent } : {}),
    };
  });
  const calls = (record.planning ?? []).map((call) =>
    modelEntryOf(
      {
        id: call.id,
        model: call.model,
        input: call.input_tokens,
        output: call.output_tokens,
        at: Date.parse(call.at),
        answered: true,
        // What was asked for a goal is no single job's.
        ...(record.goal ? { goal: record.goal } : credit),
      },
      prices,
      timeZone,
    ),
  );
  return [...calls, ...runs];
}

/** The day in a job's id, or of a tick. */
function madeOn(jobId: string, timeZone: string): string {
  const tick = parseTickId(jobId);
  if (tick) return dayOf(tick.at, timeZone).name;
  return /\d{4}-\d{2}-\d{2}/.exec(jobId)?.[0] ?? '1970-01-02';
}

/**
 * The day it ended on; a lost one has no end, so that of its start, and else of its job's id. Before that day it
 * cannot have ended, whatever the runner's clock said.
 */
function dayOfRun(
  made: string,
  run: { finished_at: string | null; started_at: string | null },
  timeZone: string,
): string {
  const at = [run.finished_at, run.started_at]
    .map((time) => Date.parse(time ?? ''))
    .find((time) => !Number.isNaN(time));
  const day = at === undefined ? made : dayOf(at, timeZone).name;
  // An id's day may be one of another time zone.
  return day < dayBefore(made) ? made : day;
}

type Credit = { job?: string | undefined; goal?: string | undefined; schedule?: string | undefined };

function creditOf({ job, goal, schedule }: Credit): { job?: string; goal?: string; schedule?: string } {
  return {
    ...(job === undefined ? {} : { job }),
    ...(goal === undefined ? {} : { goal }),
    ...(schedule === undefined ? {} : { schedule }),
  };
}

/** A cost that runs whether or not anything is done: `costs` of the settings. */
export interface FixedCost {
  /** As jobs name it in `touches`. */
  name: string;
  perDay: number;
  currency: string;
  /** First and last day it is paid for, `YYYY-MM-DD`; null: always. */
  from: string | null;
  until: string | null;
}

/** One entry for each cost and day. A day has 23 to 25 hours and costs the same. */
export function fixedEntries(costs: readonly FixedCost[], days: readonly string[]): FixedEntry[] {
  return costs.flatMap((cost) =>
    days
      .filter((day) => (cost.from ?? day) <= day && day <= (cost.until ?? day))
      .map((day) => ({
        id: `fixed:${cost.name}:${day}`,
        kind: 'fixed' as const,
        day,
        name: cost.name,
        amount: cost.perDay,
        currency: cost.currency,
      })),
  );
}
