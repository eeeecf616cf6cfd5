import { z } from 'zod';

/** `YYYY-MM-DD-NNN`: the date in the repository's time zone, then three digits or more. */
export const JOB_ID = /^\d{4}-\d{2}-\d{2}-\d{3,}$/;

/** The name of a goal's file; never like a job id, so that a command can name either. */
export const GOAL_ID = /^[a-z][a-z0-9-]{0,62}$/;

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/);
const names = z.array(name).max(20);
const line = z.string().min(1).max(20_000);
const environmentName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/);

/** Where the job came from; written by the app, absent in a job file written by hand. */
const asked = z
  .strictObject({
    thread: z.int().positive().describe('Number of the issue or pull request.'),
    comment: z.string().max(200).describe('Kind and id of the comment: c, r or i and a number.'),
    login: z.string().max(100).describe('Who asked.'),
    commit: z
      .string()
      .regex(/^[0-9a-f]{40}$/)
      .describe('The commit the plan was made on.'),
  })
  .describe('Where the job came from. Written by the app.');

const id = z
  .string()
  .regex(JOB_ID)
  .describe('YYYY-MM-DD-NNN, unique in the repository; the file is called <id>.json.');
const workdir = z
  .string()
  .min(1)
  .max(4096)
  .describe('Absolute directory the job works in, below a root that the runner allows.');
const dod = z
  .string()
  .min(1)
  .max(4000)
  .describe(
    'Definition of done: a CEL expression over exit_code, stdout, stderr, duration_seconds, steps and report. Usually exit_code == 0.',
  );
const reportPath = z
  .string()
  .min(1)
  .max(1024)
  .describe('Where the log goes: below reports/, ending in .out. Usually reports/jobs/<id>.out.');
const title = z.string().min(1).max(120).optional().describe('One line that says what the job is for.');

/** What every kind may say, in the order of the file. */
const rest = {
  serves: z
    .array(z.string().max(1000))
    .max(50)
    .optional()
    .describe('Passages of STATE or docs it serves, as path@commit.'),
  runs_on: names.optional().describe('Runner labels, the most wished for first; one of them is enough.'),
  requires: names
    .optional()
    .describe('Capabilities the runner must have proved, such as kubectl; all of them.'),
  touches: names.optional().describe('What it works on, such as gke.'),
  effect: z.enum(['read', 'change']).optional().describe('Whether it only looks or changes something.'),
  timeout_minutes: z.int().min(1).max(720).default(30).describe('Minutes after which the run is stopped.'),
  env: z
    .record(environmentName, z.string().max(32_768))
    .optional()
    .describe('Environment variables with their values, for everyone to read. Secrets go to secrets.'),
  secrets: z
    .array(environmentName)
    .max(50)
    .optional()
    .describe("Names taken from the runner's own environment; their values are redacted from the log."),
  network: z
    .enum(['on', 'off'])
    .optional()
    .describe("off: none, in a runner's sandbox. Default: what the runner says; on without a sandbox."),
  concurrency: name.optional().describe('Jobs with one key never overlap.'),
  idempotent: z.boolean().default(false).describe('May be run again unasked when a runner falls silent.'),
  undo: z
    .union([z.string().min(1).max(4000), z.array(line).min(1).max(500)])
    .optional()
    .describe('How to take it back, or that one cannot: a text or command lines.'),
  goal: z.string().regex(GOAL_ID).optional().describe('The goal whose step it is: jobs/goals/<goal>.json.'),
  asked: asked.optional(),
};

/**
 * A job file, version 1 (design section 4), one schema a kind. Times are minutes. What is absent has the
 * default named here; unknown fields are refused, because a field that is ignored is a promise broken.
 * What is wrong is said by job-hints.ts; the texts here are help for editors.
 */
export const shellJobSchema = z.strictObject({
  id,
  kind: z.literal('run_shell').describe('Script lines, run in one bash.'),
  workdir,
  script: z
    .array(line)
    .min(1)
    .max(500)
    .describe('Lines run in one bash, which stops at the first that fails. cd and export carry over.'),
  dod,
  report_path: reportPath,
  title,
  why: z.array(z.string().max(1000)).max(500).optional().describe('A reason for each script line.'),
  ...rest,
});

/** Codex's own words (`codex exec --sandbox`), the most careful first. */
export const CODEX_SANDBOXES = ['read-only', 'workspace-write', 'danger-full-access'] as const;
export const DEFAULT_CODEX_SANDBOX = 'workspace-write';

export const codexJobSchema = z.strictObject({
  id,
  kind: z.literal('codex').describe('A brief that the Codex CLI of the runner carries out.'),
  workdir: workdir.describe(
    'Absolute directory of a git checkout. The agent works on a copy of its newest commit, which is removed afterwards.',
  ),
  prompt: z.string().min(1).max(100_000).describe('The brief, given to the agent as it is.'),
  sandbox: z
    .enum(CODEX_SANDBOXES)
    .default(DEFAULT_CODEX_SANDBOX)
    .describe("Codex's own sandbox for the commands it runs."),
  model: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}$/)
    .optional()
    .describe("The model; absent: the Codex CLI's own default."),
  dod,
  report_path: reportPath,
  title,
  ...rest,
  network: z
    .enum(['on', 'off'])
    .optional()
    .describe("Whether the agent's commands reach the network in workspace-write. Default: off."),
});

export const JOB_SCHEMAS = { run_shell: shellJobSchema, codex: codexJobSchema } as const;
export type JobKind = keyof typeof JOB_SCHEMAS;
export const JOB_KINDS = Object.keys(JOB_SCHEMAS) as JobKind[];

/** What the schemas of all kinds say of a field alike. */
export const JOB_FIELDS = { workdir, dod, runs_on: rest.runs_on };

/** A validated job with its defaults filled in. */
export type ShellJob = z.output<typeof shellJobSchema>;
export type CodexJob = z.output<typeof codexJobSchema>;
export type Job = ShellJob | CodexJob;

export function isJobKind(kind: unknown): kind is JobKind {
  return typeof kind === 'string' && Object.hasOwn(JOB_SCHEMAS, kind);
}

/** The lines a job runs in a shell; an agent's job has none. */
export function scriptOf(job: Job): readonly string[] {
  return job.kind === 'run_shell' ? job.script : [];
}

/** What a job is called where it has no title: its first line. */
export function firstLineOf(job: Job): string {
  const text = job.kind === 'run_shell' ? (job.script[0] ?? job.id) : job.prompt;
  return text.trim().split('\n', 1)[0] ?? job.id;
}
