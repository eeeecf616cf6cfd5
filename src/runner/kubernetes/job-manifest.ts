import type { V1Container, V1EnvVar, V1Job, V1PodSpec } from '@kubernetes/client-node';
import type { Job } from '../../job/job.ts';
import { RUN_TAG } from '../tagged-processes.ts';
import { jobName } from './job-name.ts';
import type { KubernetesConfig } from './kubernetes-config.ts';
import { wrapperCommand } from './pod-wrapper.ts';

export const CONTAINER = 'job';
/** On the Job and its pod; its value is the Job's name. */
export const RUN_LABEL = 'guruguru/run';
/** The run as the app calls it: a Job of this name with another is not ours. */
export const RUN_ANNOTATION = 'guruguru/run-id';
/** Between SIGTERM and SIGKILL inside the container; the pod's own limit leaves room for the log's end. */
export const GRACE_SECONDS = 10;
const POD_GRACE_SECONDS = 20;
/** The wrapper ends the job at its timeout; the deadline is for a wrapper that does not. */
const DEADLINE_SLACK_SECONDS = 60;
/** An object is at most 1.5 MiB in etcd, and a program's arguments about 2 MB together. */
export const DRIVER_MAX_BYTES = 900_000;
/** Where the wrapper's pipes, the script and the report are. */
export const POD_FOLDER = '/guruguru';

export interface RunPod {
  /** The run's id. */
  run: string;
  repository: string | null;
  runner: string;
  /** Where the workspace is mounted: a root the runner allows, and the job's workdir is below it. */
  root: string;
  job: Job;
  /** Text of the shell driver for `job.script`. */
  driver: string;
}

/** The Kubernetes Job of one run. Pure: the same run gives the same Job. */
export function jobManifest(config: KubernetesConfig, run: RunPod): V1Job {
  const name = jobName(run);
  const labels = {
    'app.kubernetes.io/managed-by': 'guruguru',
    'guruguru/runner': labelValue(run.runner),
    'guruguru/job': labelValue(run.job.id),
    [RUN_LABEL]: name,
  };
  const timeoutSeconds = run.job.timeout_minutes * 60;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name,
      namespace: config.namespace,
      labels,
      annotations: {
        [RUN_ANNOTATION]: run.run,
        ...(run.repository === null ? {} : { 'guruguru/repository': run.repository }),
      },
    },
    spec: {
      // One pod, once: a job is never started again unasked.
      parallelism: 1,
      completions: 1,
      backoffLimit: 0,
      podReplacementPolicy: 'Failed',
      activeDeadlineSeconds: config.start_seconds + timeoutSeconds + DEADLINE_SLACK_SECONDS,
      ttlSecondsAfterFinished: config.ttl_seconds,
      template: { metadata: { labels }, spec: podSpec(config, run, timeoutSeconds) },
    },
  };
}

function podSpec(config: KubernetesConfig, run: RunPod, timeoutSeconds: number): V1PodSpec {
  return {
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: POD_GRACE_SECONDS,
    enableServiceLinks: false,
    automountServiceAccountToken: config.service_account !== undefined,
    ...(config.service_account === undefined ? {} : { serviceAccountName: config.service_account }),
    ...(config.image_pull_secrets.length === 0
      ? {}
      : { imagePullSecrets: config.image_pull_secrets.map((name) => ({ name })) }),
    ...(Object.keys(config.node_selector).length === 0 ? {} : { nodeSelector: config.node_selector }),
    securityContext: {
      runAsNonRoot: true,
      runAsUser: config.run_as_user,
      runAsGroup: config.run_as_user,
      fsGroup: config.run_as_user,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [container(config, run, timeoutSeconds)],
    volumes: [
      { name: 'guruguru', emptyDir: {} },
      { name: 'tmp', emptyDir: {} },
      {
        name: 'workspace',
        ...(config.workspace === undefined
          ? { emptyDir: {} }
          : { persistentVolumeClaim: { claimName: config.workspace.claim } }),
      },
    ],
  };
}

function container(config: KubernetesConfig, run: RunPod, timeoutSeconds: number): V1Container {
  return {
    name: CONTAINER,
    image: config.image,
    command: wrapperCommand(run.driver).map(unexpanded),
    env: environment(config, run, timeoutSeconds),
    resources: { requests: defined(config.resources.requests), limits: defined(config.resources.limits) },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [
      { name: 'guruguru', mountPath: POD_FOLDER },
      { name: 'tmp', mountPath: '/tmp' },
      { name: 'workspace', mountPath: run.root },
    ],
  };
}

/** As the shell executor's: the job's own values, its secrets, and last what nothing overrides. */
function environment(config: KubernetesConfig, run: RunPod, timeoutSeconds: number): V1EnvVar[] {
  const { job } = run;
  const own: Record<string, string> = {
    [RUN_TAG]: run.run,
    GURUGURU_JOB: job.id,
    GURUGURU_REPORT: `${POD_FOLDER}/report.json`,
    GURUGURU_FOLDER: POD_FOLDER,
    GURUGURU_ROOT: run.root,
    GURUGURU_WORKDIR: job.workdir,
    GURUGURU_MAKE_WORKDIR: config.workspace === undefined ? '1' : '0',
    GURUGURU_LIMIT: String(timeoutSeconds),
    GURUGURU_GRACE: String(GRACE_SECONDS),
  };
  const values = { HOME: '/tmp', TMPDIR: '/tmp', ...job.env };
  const secrets = job.secrets ?? [];
  return [
    ...Object.entries(values)
      .filter(([name]) => !secrets.includes(name) && !(name in own))
      .map(([name, value]) => ({ name, value: unexpanded(value) })),
    ...secrets.map((name) => ({
      name,
      valueFrom: { secretKeyRef: { name: config.secrets ?? '', key: name } },
    })),
    ...Object.entries(own).map(([name, value]) => ({ name, value: unexpanded(value) })),
  ];
}

/** The kubelet makes `$(NAME)` a variable's value and `$$` a `$`, in commands and values: a shell's text must come whole. */
export function unexpanded(text: string): string {
  return text.replaceAll('$', () => '$$');
}

function defined(amounts: Record<string, string | undefined>): Record<string, string> {
  const given: Record<string, string> = {};
  for (const [name, amount] of Object.entries(amounts)) if (amount !== undefined) given[name] = amount;
  return given;
}

function labelValue(text: string): string {
  return text
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .slice(0, 63)
    .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '');
}
