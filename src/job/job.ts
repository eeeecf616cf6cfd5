import { z } from 'zod';

/** `YYYY-MM-DD-NNN`: the date in the repository's time zone, then three digits or more. */
export const JOB_ID = /^\d{4}-\d{2}-\d{2}-\d{3,}$/;

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

/**
 * A job file, version 1, kind `run_shell` (design section 4). Times are minutes. What is absent has the
 * default named here; unknown fields are refused, because a field that is ignored is a promise broken.
 * What is wrong is said by job-hints.ts; the texts here are help for editors.
 */
export const jobSchema = z.strictObject({
  id: z
    .string()
    .regex(JOB_ID)
    .describe('YYYY-MM-DD-NNN, unique in the repository; the file is called <id>.json.'),
  kind: z.literal('run_shell').describe('The only kind this version runs.'),
  workdir: z
    .string()
    .min(1)
    .max(4096)
    .describe('Absolute directory the script starts in, below a root that the runner allows.'),
  script: z
    .array(line)
    .min(1)
    .max(500)
    .describe('Lines run in one bash, which stops at the first that fails. cd and export carry over.'),
  dod: z
    .string()
    .min(1)
    .max(4000)
    .describe(
      'Definition of done: a CEL expression over exit_code, stdout, stderr, duration_seconds, steps and report. Usually exit_code == 0.',
    ),
  report_path: z
    .string()
    .min(1)
    .max(1024)
    .describe('Where the log goes: below reports/, ending in .out. Usually reports/jobs/<id>.out.'),
  title: z.string().min(1).max(120).optional().describe('One line that says what the job is for.'),
  why: z.array(z.string().max(1000)).max(500).optional().describe('A reason for each script line.'),
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
  asked: asked.optional(),
});

/** A validated job with its defaults filled in. */
export type Job = z.output<typeof jobSchema>;
