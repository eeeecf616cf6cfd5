import { z } from 'zod';
import type { PartialJob } from '../job/complete-job.ts';
import { CODEX_SANDBOXES } from '../job/job.ts';
import type { Passage, Plan, PlannedJob, PlannedSchedule } from './plan.ts';

/*
 * Written for OpenAI's strict mode, which refuses a root union, optional fields and records, and ignores
 * defaults and lengths. So: one root object, `null` for "not given", pairs for records, and a line together
 * with its reason, so that the two lists cannot differ in length. Lengths are the job schema's business.
 */
const names = (text: string) => z.array(z.string()).nullable().describe(text);

const opening = {
  title: z.string().describe('One line, at most 120 characters, in the language of the ask.'),
  summary: z
    .string()
    .describe('Two to five sentences for the person who approves, in the language of the ask.'),
  workdir: z.string().nullable().describe('Absolute path; null for the default of the repository.'),
};

const rest = {
  dod: z.string().describe('CEL expression that is true exactly when the goal of the ask is reached.'),
  runs_on: names('Runner labels, one of them is enough; null for the default of the repository.'),
  requires: names('Capabilities the runner must have, all of them; null for none.'),
  touches: names('Systems outside the workdir that it works on, such as gke; null for none.'),
  effect: z.enum(['read', 'change']).describe('read: looks only. change: anything else.'),
  // Not z.int(): its bounds of 2^53 are more than some endpoints take. The job schema checks it.
  timeout_minutes: z.number().nullable().describe('Whole minutes, 1 to 720; null for the default.'),
  env: z
    .array(z.strictObject({ name: z.string(), value: z.string() }))
    .refine(
      (pairs) => new Set(pairs.map((pair) => pair.name)).size === pairs.length,
      'names one variable twice',
    )
    .nullable()
    .describe('Literal environment values, never secrets; null for none.'),
  secrets: names("Names of variables taken from the runner's own environment; null for none."),
  concurrency: z.string().nullable().describe('Jobs with one key never overlap; null for no key.'),
  idempotent: z.boolean().describe('True only if running it twice does no more than running it once.'),
  undo: z.string().describe('How to take it back, or that one cannot. For a reading job: nothing to undo.'),
  serves: z
    .array(
      z.strictObject({
        path: z.string().describe('A file of the repository tree.'),
        passage: z.string().nullable().describe('The heading or the words it serves.'),
      }),
    )
    .describe('Passages of STATE or the docs that this job serves; empty if none does.'),
};

const script = {
  script: z
    .array(
      z.strictObject({
        run: z.string().describe('One command, or one whole multi-line construct.'),
        why: z.string().describe('Why this line is needed: one short sentence in the language of the ask.'),
      }),
    )
    .describe('The lines of one bash, in order.'),
};

export const wireJob = z.strictObject({ kind: z.literal('job'), ...opening, ...script, ...rest });

const wireSchedule = z.strictObject({
  kind: z.literal('schedule'),
  name: z.string().describe('Lower-case words joined by dashes, at most 50 characters, such as hello-ready.'),
  cron: z.string().describe('Five fields: minute, hour, day of the month, month, day of the week.'),
  time_zone: z.string().nullable().describe('IANA time zone of cron; null for that of the repository.'),
  ...opening,
  ...script,
  ...rest,
});

export const wireAgentJob = z.strictObject({
  kind: z.literal('codex'),
  ...opening,
  prompt: z.string().describe('The whole brief for the agent, which sees nothing else of this thread.'),
  sandbox: z
    .enum(CODEX_SANDBOXES)
    .nullable()
    .describe("The agent's own sandbox; null for workspace-write, which fits most."),
  ...rest,
});

const wireResult = z.discriminatedUnion('kind', [
  wireJob,
  wireAgentJob,
  wireSchedule,
  z.strictObject({ kind: z.literal('answer'), text: z.string().describe('Markdown.') }),
  z.strictObject({ kind: z.literal('question'), text: z.string().describe('Markdown.') }),
  z.strictObject({ kind: z.literal('refusal'), reason: z.string().describe('Markdown.') }),
]);

/** What the planner may say, on the wire. */
export const wirePlan = z.strictObject({ result: wireResult });
export type WirePlan = z.infer<typeof wirePlan>;
export type WireJob = z.infer<typeof wireJob> | z.infer<typeof wireAgentJob>;

/** @param commit full SHA that the context, and with it every passage, was read at */
export function fromWire(wire: WirePlan, commit: string): Plan {
  const { result } = wire;
  switch (result.kind) {
    case 'job':
    case 'codex':
      return jobOfWire(result, commit);
    case 'schedule':
      return plannedSchedule(result, commit);
    default:
      return result;
  }
}

function plannedSchedule(wire: z.infer<typeof wireSchedule>, commit: string): PlannedSchedule {
  const { title, summary, job, serves } = jobOfWire(wire, commit);
  const { name, cron, time_zone } = wire;
  const schedule = { name, title, cron, ...given('time_zone', time_zone), job };
  return { kind: 'schedule', title, summary, schedule, serves };
}

/** A job as the model said it. */
export function jobOfWire(wire: WireJob | z.infer<typeof wireSchedule>, commit: string): PlannedJob {
  const serves = wire.serves.map(
    ({ path, passage }): Passage => ({ path, commit, ...(passage ? { passage } : {}) }),
  );
  const job: PartialJob = {
    ...(wire.kind !== 'codex'
      ? {
          kind: 'run_shell' as const,
          script: wire.script.map((line) => line.run),
          why: wire.script.map((line) => line.why),
        }
      : { kind: 'codex' as const, prompt: wire.prompt, ...given('sandbox', wire.sandbox) }),
    title: wire.title,
    dod: wire.dod,
    effect: wire.effect,
    idempotent: wire.idempotent,
    undo: wire.undo,
    ...given('workdir', wire.workdir),
    ...given('runs_on', filled(wire.runs_on)),
    ...given('requires', filled(wire.requires)),
    ...given('touches', filled(wire.touches)),
    ...given('timeout_minutes', wire.timeout_minutes),
    ...given('env', wire.env && Object.fromEntries(wire.env.map(({ name, value }) => [name, value]))),
    ...given('secrets', filled(wire.secrets)),
    ...given('concurrency', wire.concurrency),
    ...given('serves', filled(serves.map((passage) => `${passage.path}@${passage.commit}`))),
  };
  return { kind: 'job', title: wire.title, summary: wire.summary, job, serves };
}

/** An empty list says no more than none. */
function filled<T>(list: T[] | null): T[] | null {
  return list && list.length > 0 ? list : null;
}

function given<K extends string, V>(key: K, value: V | null): { [key in K]?: V } {
  return value === null ? {} : ({ [key]: value } as { [key in K]: V });
}
