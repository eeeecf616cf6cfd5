import { z } from 'zod';
import { GOAL_ID, JOB_KINDS, shellJobSchema } from './job.ts';
import { commandWords } from './match-command.ts';

const label = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/);
/** A file, or a folder with everything below it, as `docs/**`. */
const path = z
  .string()
  .min(1)
  .max(300)
  .refine((text) => !/^[/~.]|\\|[[\]{}?!]|(?:^|\/)\.\.(?:\/|$)|\/$/.test(text));
const command = z
  .string()
  .min(1)
  .max(200)
  .refine((text) => commandWords(text) !== null);

/** What a goal's jobs may be without another click. Everything in it narrows. */
const envelope = z
  .strictObject({
    runners: z.array(label).min(1).max(20).describe('Labels its jobs may ask for in runs_on.'),
    workdirs: z
      .array(z.string().min(1).max(4096))
      .min(1)
      .max(20)
      .describe('Absolute directories they may start in, and what is below.'),
    kinds: z.array(z.enum(JOB_KINDS)).min(1).max(10).default(['run_shell']).describe('Kinds of jobs.'),
    commands: z
      .array(command)
      .max(200)
      .describe('Commands they may run, by their first words, such as git status; what follows is free.'),
    effect: z.enum(['read', 'change']).describe('read: its jobs only look.'),
    paths: z
      .array(path)
      .max(100)
      .default([])
      .describe('Files an agent or a redirection may change, such as docs/**; below the workdir.'),
    network: z
      .enum(['on', 'off'])
      .optional()
      .describe("on: its jobs may ask for the network in a runner's sandbox."),
    timeout_minutes: z.int().min(1).max(720).default(30).describe('The longest time limit of one job.'),
    max_jobs: z.int().min(1).max(1000).default(5).describe('Jobs, the first one included.'),
    max_usd: z
      .number()
      .min(0)
      .max(1_000_000)
      .default(1)
      .describe('What planning and judging may cost in USD.'),
    max_hours: z.number().min(0.1).max(8760).default(24).describe('Hours since its approval.'),
  })
  .describe('What runs without another click; a job outside it waits for a person.');

/**
 * A goal file, version 1: `jobs/goals/<id>.json`. Approving the PR that adds it approves its first job and
 * every later one inside the envelope.
 */
export const goalSchema = z.strictObject({
  id: z.string().regex(GOAL_ID).describe('The file is called <id>.json.'),
  title: z.string().min(1).max(120).optional().describe('One line that says what the goal is.'),
  goal: z.string().min(1).max(4000).describe('What should be true, in words.'),
  dod: z
    .string()
    .min(1)
    .max(4000)
    .optional()
    .describe(
      'The goal as a CEL expression over the last job (exit_code, stdout, stderr, duration_seconds, steps, report). Absent: the model judges.',
    ),
  envelope,
  first_job: z
    .record(z.string(), z.unknown())
    .describe('The first job: a job file without id, report_path, goal and asked.'),
  asked: shellJobSchema.shape.asked,
});

/** A validated goal with its defaults filled in; `first_job` was judged as a job is. */
export type Goal = z.output<typeof goalSchema>;
export type Envelope = Goal['envelope'];

/** What a goal's job has of its own, not of the goal file. */
export const GIVEN_BY_APP = ['id', 'report_path', 'goal', 'asked'] as const;
