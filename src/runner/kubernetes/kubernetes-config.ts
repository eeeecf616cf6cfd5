import { parseDocument } from 'yaml';
import { z } from 'zod';

export const CONFIG_SETTING = 'GURUGURU_KUBERNETES_CONFIG';

const dnsLabel = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'must be a Kubernetes name: lower-case letters, digits, dashes');
const objectName = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'must be a Kubernetes name: lower-case letters, digits, dashes');
const quantity = z.union([
  z
    .string()
    .regex(
      /^\d+(\.\d+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$/,
      'must be a Kubernetes quantity, such as 250m, "1" or 512Mi',
    ),
  z.number().positive().transform(String),
]);
const amounts = z.strictObject({
  cpu: quantity.optional(),
  memory: quantity.optional(),
  'ephemeral-storage': quantity.optional(),
});
const between = (least: number, most: number) => z.int().min(least).max(most);

/** The file a runner with `--executor kubernetes` is given: who its pods are and what they may use. */
export const kubernetesConfig = z.strictObject({
  namespace: dnsLabel,
  /** With bash 4 or newer and coreutils, and whatever jobs need. */
  image: z.string().regex(/^[^\s]+$/, 'must be an image, such as registry.example.com/jobs:1'),
  /** Its token is in the pod only if it is named. */
  service_account: objectName.optional(),
  node_selector: z.record(z.string(), z.string()).default({}),
  resources: z
    .strictObject({ requests: amounts.default({}), limits: amounts.default({}) })
    .default({ requests: {}, limits: {} }),
  /** A volume claim mounted at the workdir root. Without one, a run begins in an empty folder. */
  workspace: z.strictObject({ claim: objectName }).optional(),
  /** The Secret in the namespace that holds jobs' `secrets`; the runner has the same values in its environment. */
  secrets: objectName.optional(),
  image_pull_secrets: z.array(objectName).default([]),
  /** Not 0: no job is root. */
  run_as_user: z.int().min(1).max(2_147_483_647).default(10_001),
  /** A kubeconfig's context; default: the current one, or the cluster the runner itself is in. */
  context: z.string().min(1).optional(),
  /** How long a pod may take until it runs: the image is pulled, a node is added. */
  start_seconds: between(10, 3600).default(600),
  /** A job that asks for more is refused. */
  max_timeout_minutes: between(1, 720).default(720),
  /** How long an ended Job stays when the runner does not remove it. */
  ttl_seconds: between(600, 604_800).default(86_400),
});
export type KubernetesConfig = z.output<typeof kubernetesConfig>;

export type ParsedKubernetesConfig = { ok: true; config: KubernetesConfig } | { ok: false; errors: string[] };

/** Reads the file's YAML (or JSON); all mistakes at once, each with its field. `path` is named in them. */
export function parseKubernetesConfig(text: string, path: string): ParsedKubernetesConfig {
  const document = parseDocument(text, { prettyErrors: true });
  if (document.errors.length > 0) {
    return { ok: false, errors: document.errors.map((error) => `${path}: ${error.message.split('\n')[0]}`) };
  }
  const parsed = kubernetesConfig.safeParse(document.toJS() ?? {});
  if (parsed.success) return { ok: true, config: parsed.data };
  return {
    ok: false,
    errors: parsed.error.issues.map(
      (issue) => `${path}: ${issue.path.join('.') || 'the file'}: ${describe(issue)}`,
    ),
  };
}

function describe(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys')
    return `${issue.keys.join(', ')} is no setting; there are ${Object.keys(kubernetesConfig.shape).join(', ')}`;
  if (issue.code === 'invalid_type' && issue.input === undefined) return 'is missing';
  return issue.message;
}
