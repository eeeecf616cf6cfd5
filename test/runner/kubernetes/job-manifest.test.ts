import { describe, expect, it } from 'vitest';
import { parseJob } from '../../../src/job/parse-job.ts';
import { jobManifest, type RunPod } from '../../../src/runner/kubernetes/job-manifest.ts';
import { jobName } from '../../../src/runner/kubernetes/job-name.ts';
import { kubernetesConfig, parseKubernetesConfig } from '../../../src/runner/kubernetes/kubernetes-config.ts';
import { wrapperCommand } from '../../../src/runner/kubernetes/pod-wrapper.ts';

const file = {
  id: '2025-11-22-001',
  kind: 'run_shell',
  workdir: '/workspace/site',
  script: ['echo hello'],
  dod: 'exit_code == 0',
  report_path: 'reports/jobs/2025-11-22-001.out',
  timeout_minutes: 5,
};
function run(more: object = {}, change: Partial<RunPod> = {}): RunPod {
  const parsed = parseJob(JSON.stringify({ ...file, ...more }), { path: `jobs/queue/${file.id}.json` });
  if (!parsed.ok) throw new Error(parsed.findings[0]?.message);
  const { job } = parsed;
  return {
    run: 'r-1',
    repository: 'octo/loop',
    runner: 'gke',
    root: '/workspace',
    job,
    driver: 'text',
    ...change,
  };
}
const config = (more: object = {}) =>
  kubernetesConfig.parse({ namespace: 'jobs', image: 'image:1', ...more });

describe('jobManifest', () => {
  it('is one pod, once, with a deadline, and goes by itself', () => {
    const made = jobManifest(config({ start_seconds: 100, ttl_seconds: 700 }), run());
    expect(made.spec).toMatchObject({
      parallelism: 1,
      completions: 1,
      backoffLimit: 0,
      podReplacementPolicy: 'Failed',
      activeDeadlineSeconds: 100 + 300 + 60,
      ttlSecondsAfterFinished: 700,
    });
    expect(made.spec?.template.spec).toMatchObject({ restartPolicy: 'Never', enableServiceLinks: false });
    expect(made.metadata).toMatchObject({
      namespace: 'jobs',
      annotations: { 'guruguru/run-id': 'r-1', 'guruguru/repository': 'octo/loop' },
    });
  });

  it('is not root, keeps no capability, and writes only where it is given room', () => {
    const pod = jobManifest(config(), run()).spec?.template.spec;
    expect(pod?.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 10001,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(pod?.containers[0]?.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(pod?.containers[0]?.volumeMounts?.map((mount) => mount.mountPath)).toEqual([
      '/guruguru',
      '/tmp',
      '/workspace',
    ]);
  });

  it('gives the token of a service account only to a pod that is to have one', () => {
    const none = jobManifest(config(), run()).spec?.template.spec;
    expect(none).toMatchObject({ automountServiceAccountToken: false });
    expect(none?.serviceAccountName).toBeUndefined();
    const named = jobManifest(config({ service_account: 'checker' }), run()).spec?.template.spec;
    expect(named).toMatchObject({ automountServiceAccountToken: true, serviceAccountName: 'checker' });
  });

  it('takes image, selector, resources, claim and pull secrets from the configuration', () => {
    const pod = jobManifest(
      config({
        node_selector: { pool: 'jobs' },
        resources: { requests: { cpu: '250m' }, limits: { cpu: 1, memory: '512Mi' } },
        workspace: { claim: 'work' },
        image_pull_secrets: ['pull'],
      }),
      run(),
    ).spec?.template.spec;
    expect(pod).toMatchObject({ nodeSelector: { pool: 'jobs' }, imagePullSecrets: [{ name: 'pull' }] });
    expect(pod?.containers[0]).toMatchObject({
      image: 'image:1',
      resources: { requests: { cpu: '250m' }, limits: { cpu: '1', memory: '512Mi' } },
    });
    expect(pod?.volumes?.[2]).toEqual({ name: 'workspace', persistentVolumeClaim: { claimName: 'work' } });
  });

  it('lets nothing in the job override what the wrapper is told', () => {
    // The first two no job file may name; they are held back here as well.
    const env_ = { GURUGURU_LIMIT: '9', GURUGURU_ROOT: '/', KEY: 'plain', WORD: '$(X)' };
    const given = run({ secrets: ['KEY'] });
    const made = jobManifest(config({ secrets: 'vault' }), { ...given, job: { ...given.job, env: env_ } });
    const env = made.spec?.template.spec?.containers[0]?.env;
    const values = (name: string) => env?.filter((one) => one.name === name);
    expect(values('GURUGURU_LIMIT')).toEqual([{ name: 'GURUGURU_LIMIT', value: '300' }]);
    expect(values('GURUGURU_ROOT')).toEqual([{ name: 'GURUGURU_ROOT', value: '/workspace' }]);
    expect(values('WORD')).toEqual([{ name: 'WORD', value: '$$(X)' }]);
    expect(values('KEY')).toEqual([
      { name: 'KEY', valueFrom: { secretKeyRef: { name: 'vault', key: 'KEY' } } },
    ]);
  });

  it('names a run as Kubernetes takes it, always the same, never as another', () => {
    const names = [
      jobName({ run: 'r-1', job: { id: '2025-11-22-001' } }),
      jobName({ run: 'r-2', job: { id: '2025-11-22-001' } }),
      jobName({ run: 'r-1', job: { id: `Morning@2025-11-22T22:00:00Z${'x'.repeat(80)}` } }),
    ];
    expect(new Set(names).size).toBe(3);
    expect(jobName({ run: 'r-1', job: { id: '2025-11-22-001' } })).toBe(names[0]);
    for (const name of names) expect(name).toMatch(/^[a-z0-9]([-a-z0-9]{0,55}[a-z0-9])$/);
    const long = jobManifest(config(), run({}, { runner: `${'r'.repeat(70)}.` })).metadata?.labels;
    for (const value of Object.values(long ?? {}))
      expect(value).toMatch(/^[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?$/);
  });

  it('cuts a long script into arguments that Linux takes, and never a character', () => {
    const text = `${'あ'.repeat(70_000)}end`;
    const parts = wrapperCommand(text).slice(6);
    expect(parts.join('')).toBe(text);
    for (const part of parts) expect(Buffer.byteLength(part)).toBeLessThanOrEqual(100_000);
  });
});

describe('parseKubernetesConfig', () => {
  it('tells all mistakes at once, each with the file and the field', () => {
    const parsed = parseKubernetesConfig(
      'namespace: Jobs\nresources: { limits: { memory: lots } }\nrun_as_user: 0\nimages: x\n',
      'pods.yaml',
    );
    expect(parsed.ok).toBe(false);
    const errors = parsed.ok ? [] : parsed.errors;
    for (const field of ['namespace', 'image', 'resources.limits.memory', 'run_as_user', 'images'])
      expect(errors.some((error) => error.startsWith('pods.yaml: ') && error.includes(field))).toBe(true);
    expect(errors).toHaveLength(5);
  });

  it.each([
    ['no YAML', '{ namespace: ['],
    ['a list', '- a'],
    ['nothing', ''],
  ])('refuses %s', (_name, text) => {
    expect(parseKubernetesConfig(text, 'pods.yaml').ok).toBe(false);
  });
});
