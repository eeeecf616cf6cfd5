import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { parseJob } from '../../src/job/parse-job.ts';
import { openCluster } from '../../src/runner/kubernetes/cluster.ts';
import { executeKubernetes, removeRun } from '../../src/runner/kubernetes/execute-kubernetes.ts';
import { jobName } from '../../src/runner/kubernetes/job-name.ts';
import { kubernetesConfig } from '../../src/runner/kubernetes/kubernetes-config.ts';
import { kubectl } from '../support/kubernetes/kubectl.ts';
import { startCluster } from '../support/kubernetes/start-cluster.ts';
import type { Rule, TestCluster } from '../support/kubernetes/types.ts';

const file = fileURLToPath(new URL('../../deploy/kubernetes/rbac.yaml', import.meta.url));
function rulesOf(role: string): Rule[] {
  const found = parseAllDocuments(readFileSync(file, 'utf8'))
    .map((document) => document.toJS() as { kind: string; metadata: { name: string }; rules?: Rule[] })
    .find((one) => one.kind === 'Role' && one.metadata.name === role);
  if (!found?.rules) throw new Error(`no Role ${role}`);
  return found.rules;
}
const granted = (rules: readonly Rule[]) =>
  rules.flatMap((rule) =>
    rule.apiGroups.flatMap((group) =>
      rule.resources.flatMap((resource) => rule.verbs.map((verb) => `${verb} ${group}/${resource}`)),
    ),
  );

let cluster: TestCluster;
let folder: string;
const before = process.env.KUBECONFIG;
afterEach(async () => {
  if (before === undefined) delete process.env.KUBECONFIG;
  else process.env.KUBECONFIG = before;
  await cluster.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('what the roles in deploy/kubernetes allow', () => {
  it('is what the executor calls: all of it is needed, and it is enough', async () => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'rbac-')));
    const rules = rulesOf('guruguru-executor');
    const runId = `run-${randomUUID()}`;
    cluster = await startCluster({ rules });
    process.env.KUBECONFIG = cluster.kubeconfig;
    const client = await openCluster({ namespace: 'guruguru-jobs' });
    const parsed = parseJob(
      JSON.stringify({
        id: '2025-11-22-001',
        kind: 'run_shell',
        workdir: '/workspace',
        script: ['echo hello'],
        dod: 'exit_code == 0',
        report_path: 'reports/jobs/2025-11-22-001.out',
      }),
      { path: 'jobs/queue/2025-11-22-001.json' },
    );
    if (!parsed.ok) throw new Error(parsed.findings[0]?.message);
    const result = await executeKubernetes(parsed.job, {
      runId,
      repository: 'octo/loop',
      runner: 'gke',
      roots: [{ repository: null, path: '/workspace' }],
      environment: {},
      folder: Promise.resolve(folder),
      onRecord: () => undefined,
      signal: new AbortController().signal,
      config: kubernetesConfig.parse({ namespace: 'guruguru-jobs', image: 'jobs:1' }),
      cluster: client,
      resume: false,
      startedAt: '2025-11-22T00:00:00.000Z',
      say: () => undefined,
    });
    expect(result).toMatchObject({ outcome: 'exited', exit_code: 0 });
    await removeRun(client, runId, jobName({ run: runId, job: parsed.job }));
    expect([...cluster.used].sort()).toEqual(granted(rules).sort());
  });

  it.skipIf(!kubectl.found)(
    `lets a job's kubectl read a KService and nothing else${kubectl.why}`,
    async () => {
      folder = realpathSync(mkdtempSync(join(tmpdir(), 'rbac-')));
      cluster = await startCluster({ rules: rulesOf('guruguru-ksvc-reader') });
      cluster.objects.put('ksvc', {
        apiVersion: 'serving.knative.dev/v1',
        kind: 'Service',
        metadata: { name: 'hello', namespace: 'default' },
      });
      const run = promisify(execFile);
      const env = { PATH: process.env.PATH, HOME: folder, KUBECONFIG: cluster.kubeconfig };
      const read = await run('kubectl', ['get', 'ksvc', 'hello', '--output', 'json'], { env });
      expect(JSON.parse(read.stdout)).toMatchObject({ kind: 'Service', metadata: { name: 'hello' } });
      await expect(run('kubectl', ['get', 'pods'], { env })).rejects.toThrow(/[Ff]orbidden/);
      await expect(run('kubectl', ['delete', 'ksvc', 'hello'], { env })).rejects.toThrow(/[Ff]orbidden/);
      expect([...cluster.used]).toEqual(['get serving.knative.dev/services']);
    },
  );
});
