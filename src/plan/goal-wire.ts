import { z } from 'zod';
import type { PartialJob } from '../job/complete-job.ts';
import { JOB_KINDS } from '../job/job.ts';
import type { GoalPlan } from './plan.ts';
import { jobOfWire, type WireJob, wireAgentJob, wireJob } from './wire.ts';

const job = z.discriminatedUnion('kind', [wireJob, wireAgentJob]);
const names = (text: string) => z.array(z.string()).describe(text);

/** What the planner may say to `/goal`, on the wire; see wire.ts for what strict mode refuses. */
export const wireGoalPlan = z.strictObject({
  result: z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('goal'),
      title: z.string().describe('One line, at most 120 characters, in the language of the goal.'),
      summary: z.string().describe('Two to five sentences for the person who approves, in that language.'),
      goal: z.string().describe('What should be true.'),
      dod: z.string().nullable().describe('CEL over the last job; null where no command can tell.'),
      envelope: z.strictObject({
        runners: names('Runner labels.').nullable(),
        workdirs: names('Absolute paths.').nullable(),
        kinds: z.array(z.enum(JOB_KINDS)).describe('Usually run_shell alone.'),
        commands: names('Commands by their first words, such as git status.'),
        effect: z.enum(['read', 'change']),
        paths: names('Files that may be changed, such as docs/**; empty for none.'),
        timeout_minutes: z.number().describe('The longest time limit of one job.'),
        max_jobs: z.number(),
        max_usd: z.number(),
        max_hours: z.number(),
      }),
      first_job: job,
    }),
    z.strictObject({ kind: z.literal('answer'), text: z.string().describe('Markdown.') }),
    z.strictObject({ kind: z.literal('question'), text: z.string().describe('Markdown.') }),
    z.strictObject({ kind: z.literal('refusal'), reason: z.string().describe('Markdown.') }),
  ]),
});

export function goalPlanOf({ result }: z.infer<typeof wireGoalPlan>, commit: string): GoalPlan {
  if (result.kind !== 'goal') return result;
  const { runners, workdirs, ...envelope } = result.envelope;
  return {
    kind: 'goal',
    title: result.title,
    summary: result.summary,
    goal: result.goal,
    ...(result.dod ? { dod: result.dod } : {}),
    envelope: {
      ...envelope,
      ...(runners && runners.length > 0 ? { runners } : {}),
      ...(workdirs && workdirs.length > 0 ? { workdirs } : {}),
    },
    firstJob: firstOf(result.first_job, commit),
  };
}

function firstOf(wire: WireJob, commit: string): PartialJob {
  return jobOfWire(wire, commit).job;
}

/** What the judge may say, on the wire. */
export const wireGoalNext = z.strictObject({
  result: z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('reached'),
      text: z.string().describe('What shows it, in the language of the goal: one to three sentences.'),
      evidence: names('Paths of reports that show it.'),
    }),
    z.strictObject({
      kind: z.literal('next'),
      why: z.string().describe('Why this job follows, in the language of the goal.'),
      job,
    }),
    z.strictObject({
      kind: z.literal('stuck'),
      question: z.string().describe('What a person has to say, in the language of the goal.'),
    }),
  ]),
});

/** What the judge said. */
export type GoalNext =
  | { kind: 'reached'; text: string; evidence: string[] }
  | { kind: 'next'; why: string; job: PartialJob }
  | { kind: 'stuck'; question: string };

export function goalNextOf({ result }: z.infer<typeof wireGoalNext>, commit: string): GoalNext {
  return result.kind === 'next' ? { ...result, job: firstOf(result.job, commit) } : result;
}
