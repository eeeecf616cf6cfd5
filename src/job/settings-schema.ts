import { z } from 'zod';
import { canBeAuto } from './auto-commands.ts';
import { COST_HINTS, costShape } from './cost-settings.ts';
import type { Hints } from './describe-problem.ts';
import { JOB_FIELDS } from './job.ts';
import type { JsonPath } from './locate.ts';
import { commandWords } from './match-command.ts';
import { POLICY_HINTS, policyShape } from './policy-settings.ts';

/** Commands of our own: the trigger word must not be one of them. */
const COMMANDS = ['/approve', '/cancel', '/retry', '/pause', '/resume', '/status', '/help', '/goal'];

const timeZone = z.string().refine((value) => {
  try {
    return Intl.DateTimeFormat('en', { timeZone: value }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
});
const trigger = z
  .string()
  .regex(/^\/[a-z][a-z0-9-]{0,30}$/)
  .refine((value) => !COMMANDS.includes(value));
const glob = z
  .string()
  .min(1)
  .max(300)
  .refine((value) => !value.startsWith('/') && !value.includes('\\') && !value.split('/').includes('..'));
/** Rules: git-check-ref-format(1), the parts a slip can break. */
const branch = z
  .string()
  .min(1)
  .max(200)
  .refine((value) => !/[\s~^:?*[\\\p{Cc}]|\.\.|\/\/|@\{|^[-/]|[/.]$|\.lock$|^refs\//u.test(value));

const autoCommand = z
  .string()
  .min(1)
  .max(200)
  .refine((text) => {
    const words = commandWords(text);
    return words !== null && canBeAuto(words);
  });

/** `.github/guruguru.yml` as it is written. Unknown keys are refused; a section may be left empty. */
export const settingsSchema = z.strictObject({
  language: z.enum(['auto', 'en', 'ja']).optional(),
  time_zone: timeZone.optional(),
  trigger: trigger.optional(),
  context: z
    .strictObject({
      files: z.array(glob).max(100).optional(),
      max_tokens: z.int().min(1000).max(1_000_000).optional(),
    })
    .nullish(),
  defaults: z
    .strictObject({
      workdir: JOB_FIELDS.workdir.optional(),
      runs_on: JOB_FIELDS.runs_on,
      timeout_minutes: z.int().min(1).max(720).optional(),
      dod: JOB_FIELDS.dod.optional(),
    })
    .nullish(),
  gate: z
    .strictObject({
      fenced: z.enum(['merge', 'approve']).optional(),
      report_on_every_pr: z.boolean().optional(),
      direct_push: z.enum(['refuse', 'run']).optional(),
      auto: z.array(autoCommand).max(200).optional(),
    })
    .nullish(),
  dispatch: z.enum(['app', 'git']).optional(),
  reports: z
    .strictObject({ branch: branch.nullable().optional(), skip_ci: z.boolean().optional() })
    .nullish(),
  limits: z
    .strictObject({
      max_timeout_minutes: z.int().min(1).max(720).optional(),
      max_script_lines: z.int().min(1).max(500).optional(),
      asks_per_person_per_day: z.int().min(1).max(100_000).optional(),
      jobs_per_goal: z.int().min(1).max(1000).optional(),
      tokens_per_day: z.int().min(0).max(1_000_000_000).optional(),
      usd_per_day: z.number().min(0).max(1_000_000).optional(),
    })
    .nullish(),
  goals: z.strictObject({ reminder_hours: z.number().min(0.1).max(720).optional() }).nullish(),
  model_prices: z
    .record(
      z.string().min(1).max(100),
      z.strictObject({ input: z.number().min(0).max(10_000), output: z.number().min(0).max(10_000) }),
    )
    .nullish(),
  paused: z.boolean().optional(),
  ...costShape,
  ...policyShape,
});
export type SettingsFile = z.output<typeof settingsSchema>;

/** What to write instead, by key. */
export const SETTINGS_HINTS: Hints = {
  language: 'use auto, en or ja',
  time_zone: 'use an IANA time zone such as Asia/Tokyo',
  trigger:
    'use a slash, a lower-case letter and up to 30 letters, digits or dashes, such as /ask, and none of approve, cancel, retry, pause, resume, status, help, goal',
  context: 'use the keys files and max_tokens',
  'context.files': 'use a list of at most 100 paths or patterns, such as docs/**',
  'context.files[]': 'use a path or pattern inside the repository, such as docs/**',
  'context.max_tokens': 'use 1000 to 1000000',
  defaults: 'use the keys workdir, runs_on, timeout_minutes and dod',
  'defaults.workdir': 'use an absolute path such as /workspace/app',
  'defaults.runs_on': 'use a list of at most 20 runner labels, such as [linux]',
  'defaults.runs_on[]': 'use 1-63 letters, digits, dots, dashes or underscores',
  'defaults.timeout_minutes': 'use 1 to 720',
  'defaults.dod': 'use a CEL expression of 1 to 4000 characters, such as exit_code == 0',
  gate: 'use the keys fenced, report_on_every_pr, direct_push and auto',
  'gate.auto': 'use a list of commands that only read, such as [git status, kubectl get]',
  'gate.auto[]':
    'use a command of plain words that runs no other, with its subcommand, such as kubectl get; see docs/policy.md',
  'gate.fenced': 'use merge or approve',
  'gate.report_on_every_pr': 'use true or false',
  'gate.direct_push': 'use refuse or run',
  dispatch: 'use app or git',
  reports: 'use the keys branch and skip_ci',
  'reports.branch': 'use a branch name such as guruguru-reports, or null',
  'reports.skip_ci': 'use true or false',
  limits:
    'use the keys max_timeout_minutes, max_script_lines, asks_per_person_per_day, jobs_per_goal, tokens_per_day and usd_per_day',
  'limits.max_timeout_minutes': 'use 1 to 720',
  'limits.max_script_lines': 'use 1 to 500',
  'limits.asks_per_person_per_day': 'use 1 to 100000',
  'limits.jobs_per_goal': 'use 1 to 1000',
  'limits.tokens_per_day': 'use 0 to 1000000000',
  'limits.usd_per_day': 'use 0 to 1000000',
  goals: 'use the key reminder_hours',
  'goals.reminder_hours': 'use 0.1 to 720',
  model_prices: 'use model names, each with input and output in USD per million tokens',
  paused: 'use true or false',
  ...COST_HINTS,
  ...POLICY_HINTS,
};

/** The keys known at a place of the file, for "did you mean". */
export function settingsFields(path: JsonPath): readonly string[] {
  const [first] = path;
  if (first === undefined) return Object.keys(settingsSchema.shape);
  const prefix = `${String(first)}${path.length > 1 ? '[]' : ''}.`;
  return Object.keys(SETTINGS_HINTS)
    .filter((key) => key.startsWith(prefix) && !/(\[\]|\.\*| key)$/.test(key))
    .map((key) => key.slice(prefix.length));
}
