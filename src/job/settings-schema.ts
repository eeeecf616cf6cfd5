import { z } from 'zod';
import type { Hints } from './describe-problem.ts';
import { jobSchema } from './job.ts';
import type { JsonPath } from './locate.ts';
import { POLICY_HINTS, policyShape } from './policy-settings.ts';

/** Commands of our own: the trigger word must not be one of them. */
const COMMANDS = ['/approve', '/cancel', '/retry', '/status', '/help'];

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
      workdir: jobSchema.shape.workdir.optional(),
      runs_on: jobSchema.shape.runs_on,
      timeout_minutes: z.int().min(1).max(720).optional(),
      dod: jobSchema.shape.dod.optional(),
    })
    .nullish(),
  gate: z
    .strictObject({
      fenced: z.enum(['merge', 'approve']).optional(),
      report_on_every_pr: z.boolean().optional(),
      direct_push: z.enum(['refuse', 'run']).optional(),
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
    })
    .nullish(),
  ...policyShape,
});
export type SettingsFile = z.output<typeof settingsSchema>;

/** What to write instead, by key. */
export const SETTINGS_HINTS: Hints = {
  language: 'use auto, en or ja',
  time_zone: 'use an IANA time zone such as Asia/Tokyo',
  trigger:
    'use a slash, a lower-case letter and up to 30 letters, digits or dashes, such as /ask, and none of approve, cancel, retry, status, help',
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
  gate: 'use the keys fenced, report_on_every_pr and direct_push',
  'gate.fenced': 'use merge or approve',
  'gate.report_on_every_pr': 'use true or false',
  'gate.direct_push': 'use refuse or run',
  dispatch: 'use app or git',
  reports: 'use the keys branch and skip_ci',
  'reports.branch': 'use a branch name such as guruguru-reports, or null',
  'reports.skip_ci': 'use true or false',
  limits: 'use the keys max_timeout_minutes and max_script_lines',
  'limits.max_timeout_minutes': 'use 1 to 720',
  'limits.max_script_lines': 'use 1 to 500',
  ...POLICY_HINTS,
};

/** The keys known at a place of the file, for "did you mean". */
export function settingsFields(path: JsonPath): readonly string[] {
  const [first] = path;
  if (first === undefined) return Object.keys(settingsSchema.shape);
  const prefix = `${String(first)}${path.length > 1 ? '[]' : ''}.`;
  return Object.keys(SETTINGS_HINTS)
    .filter((key) => key.startsWith(prefix) && !key.endsWith('[]'))
    .map((key) => key.slice(prefix.length));
}
