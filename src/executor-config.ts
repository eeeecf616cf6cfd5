import { readFileSync } from 'node:fs';
import { z } from 'zod';
import {
  CONFIG_SETTING,
  type KubernetesConfig,
  parseKubernetesConfig,
} from './runner/kubernetes/kubernetes-config.ts';

const EXECUTORS = ['shell', 'kubernetes'] as const;

/** The runner's variables on what runs its jobs. */
export const executorEnvironment = {
  GURUGURU_EXECUTOR: z.enum(EXECUTORS, { error: `must be one of ${EXECUTORS.join(', ')}` }).default('shell'),
  GURUGURU_KUBERNETES_CONFIG: z.string().optional(),
};

/** What the pods of a runner are made of; null: its jobs are processes of its machine. Mistakes one line each. */
export function readExecutor(env: Record<string, string | undefined>): {
  kubernetes: KubernetesConfig | null;
  problems: string[];
} {
  const none = (...problems: string[]) => ({ kubernetes: null, problems });
  const path = env.GURUGURU_KUBERNETES_CONFIG;
  if (env.GURUGURU_EXECUTOR !== 'kubernetes') {
    return path === undefined
      ? none()
      : none(`${CONFIG_SETTING}: needs GURUGURU_EXECUTOR (--executor) kubernetes`);
  }
  const problems =
    (env.GURUGURU_SANDBOX ?? 'none') === 'none'
      ? []
      : ['GURUGURU_SANDBOX: is for the shell executor; with kubernetes the pod is the sandbox. Remove it'];
  if (path === undefined)
    return none(
      ...problems,
      `${CONFIG_SETTING}: is missing; the file that says what pods are made of (docs/kubernetes.md)`,
    );
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    return none(...problems, `${CONFIG_SETTING}: cannot read ${path} (${(cause as Error).message})`);
  }
  const parsed = parseKubernetesConfig(text, path);
  return parsed.ok
    ? { kubernetes: problems.length === 0 ? parsed.config : null, problems }
    : none(...problems, ...parsed.errors.map((error) => `${CONFIG_SETTING}: ${error}`));
}
