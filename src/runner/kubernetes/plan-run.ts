import { isAbsolute, posix } from 'node:path';
import type { Job } from '../../job/job.ts';
import type { Environment } from '../job-environment.ts';
import { ROOTS_SETTING, type Roots } from '../roots.ts';
import { shellDriver } from '../shell-driver.ts';
import { DRIVER_MAX_BYTES, type RunPod, unexpanded } from './job-manifest.ts';
import { CONFIG_SETTING, type KubernetesConfig } from './kubernetes-config.ts';

/**
 * Whether this runner may make a pod for the job, and which. Paths are compared as text, since the runner does not
 * see the pod's files; the wrapper resolves links there and looks again.
 */
export function planRun(
  job: Job,
  options: {
    runId: string;
    repository: string | null;
    runner: string;
    roots: Roots;
    environment: Environment;
    config: KubernetesConfig;
  },
): { ok: true; run: RunPod } | { ok: false; message: string } {
  const { config, environment } = options;
  const refuse = (message: string) => ({ ok: false as const, message });
  if (job.kind !== 'run_shell')
    return refuse(`kind: a runner with --executor kubernetes runs run_shell only, not ${job.kind}`);
  const root = rootOf(job.workdir, options.roots, options.repository);
  if (root === null) {
    return refuse(
      `workdir: ${job.workdir} is outside the directories this runner allows for ${options.repository ?? 'this job'}. ` +
        `Correct the job file, or add the directory to ${ROOTS_SETTING} on the runner.`,
    );
  }
  const texts = [...job.script, ...Object.values(job.env ?? {})];
  if (texts.some((text) => text.includes('\0')))
    return refuse('script, env: a NUL character cannot be given to a shell. Remove it from the job file.');
  if (job.timeout_minutes > config.max_timeout_minutes) {
    return refuse(
      `timeout_minutes: ${job.timeout_minutes} is more than this runner allows (max_timeout_minutes: ${config.max_timeout_minutes})`,
    );
  }
  const secrets = job.secrets ?? [];
  if (secrets.length > 0 && config.secrets === undefined) {
    return refuse(
      `secrets: this runner's pods have none. Name the Secret that holds them as "secrets" in ${CONFIG_SETTING}, then /retry.`,
    );
  }
  const missing = secrets.filter((name) => (environment[name] ?? '') === '');
  if (missing.length > 0) {
    return refuse(
      `secrets: this runner has no ${missing.join(', ')} in its environment, so it could not hide it in the log. ` +
        'Give the runner the same Secret, restart it, then /retry.',
    );
  }
  const driver = shellDriver(job.script, false).text;
  const size = Buffer.byteLength(unexpanded(driver));
  if (size > DRIVER_MAX_BYTES)
    return refuse(
      `script: its ${size} bytes do not fit into a pod (at most ${DRIVER_MAX_BYTES}). Shorten it.`,
    );
  const { runId: run, repository, runner } = options;
  return { ok: true, run: { run, repository, runner, root, job, driver } };
}

/** The root that the workdir is at or below; the longest, when several are. GitHub names compare without case. */
function rootOf(workdir: string, roots: Roots, repository: string | null): string | null {
  if (!isAbsolute(workdir) || workdir.split('/').includes('..')) return null;
  const all = roots === 'anything' ? [{ repository: null, path: workdir }] : roots;
  const fitting = all
    .filter((root) => root.repository === null || root.repository.toLowerCase() === repository?.toLowerCase())
    .map((root) => trimmed(root.path))
    .filter(
      (path) => trimmed(workdir) === path || trimmed(workdir).startsWith(path === '/' ? '/' : `${path}/`),
    )
    .sort((a, b) => b.length - a.length);
  return fitting[0] ?? null;
}

function trimmed(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 ? normal.replace(/\/+$/, '') : normal;
}
