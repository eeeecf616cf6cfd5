import type { Job } from '../job/job.ts';
import { RUN_TAG } from './tagged-processes.ts';

/** What a job sees of the runner's own environment (design section 4); `LC_*` is a prefix. */
export const PASSED_ON = [
  'HOME',
  'PATH',
  'USER',
  'LOGNAME',
  'SHELL',
  'LANG',
  'LC_*',
  'TZ',
  'TMPDIR',
  'SSH_AUTH_SOCK',
  'KUBECONFIG',
] as const;

export type Environment = Readonly<Record<string, string | undefined>>;

export type JobEnvironment =
  | { ok: true; env: Record<string, string>; secrets: string[] }
  | { ok: false; message: string };

/**
 * The environment of a job: the named list, `passOn` (names, or prefixes ending in `*`), the job's `env`,
 * its secrets, and last the runner's own names, which nothing overrides. A secret the runner does not have
 * is a refusal: a job that runs without it would fail later, and less clearly.
 */
export function jobEnvironment(options: {
  environment: Environment;
  passOn?: readonly string[];
  job: Pick<Job, 'id' | 'env' | 'secrets'>;
  runId: string;
  reportFile: string;
}): JobEnvironment {
  const { environment, job } = options;
  const missing = (job.secrets ?? []).filter((name) => (environment[name] ?? '') === '');
  if (missing.length > 0) {
    return {
      ok: false,
      message:
        `secrets: this runner has no ${missing.join(', ')} in its environment. ` +
        'Set it where the runner is started (its service file), restart the runner, then /retry.',
    };
  }
  const passed = [...PASSED_ON, ...(options.passOn ?? [])];
  const env: Record<string, string> = { PATH: '/usr/local/bin:/usr/bin:/bin' };
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && passed.some((rule) => matches(rule, name))) env[name] = value;
  }
  const secrets = (job.secrets ?? []).map((name) => [name, environment[name] ?? ''] as const);
  return {
    ok: true,
    env: {
      ...env,
      ...job.env,
      ...Object.fromEntries(secrets),
      [RUN_TAG]: options.runId,
      GURUGURU_JOB: job.id,
      GURUGURU_REPORT: options.reportFile,
    },
    secrets: secrets.map(([, value]) => value),
  };
}

function matches(rule: string, name: string): boolean {
  return rule.endsWith('*') ? name.startsWith(rule.slice(0, -1)) : rule === name;
}
