import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';
import { closeDod, judgeDod } from '../../src/job/dod.ts';
import { outputsOf } from '../../src/job/report-format.ts';
import type { LogRecord } from '../../src/job/run-result.ts';
import { parseSchedule } from '../../src/job/schedule/parse-schedule.ts';
import { openCluster } from '../../src/runner/kubernetes/cluster.ts';
import { executeKubernetes } from '../../src/runner/kubernetes/execute-kubernetes.ts';
import { kubernetesConfig } from '../../src/runner/kubernetes/kubernetes-config.ts';
import { kubectl } from '../support/kubernetes/kubectl.ts';
import { startCluster } from '../support/kubernetes/start-cluster.ts';
import type { TestCluster } from '../support/kubernetes/types.ts';

const jq = spawnSync('jq', ['--version']).status === 0;
const missing = kubectl.found && !jq ? ' (passed over: jq is not installed)' : kubectl.why;
if (missing !== '') console.warn(`the morning check is not tried${missing}`);

const file = fileURLToPath(new URL('../../jobs/examples/schedules/hello-ready.json', import.meta.url));
const before = process.env.KUBECONFIG;
let cluster: TestCluster;
let folder: string;
beforeEach(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'morning-')));
  // The pod's account may read KServices and nothing else; what the runner itself needs comes on top.
  cluster = await startCluster({
    kubeconfigInPods: true,
    rules: [
      { apiGroups: ['serving.knative.dev'], resources: ['services'], verbs: ['get'] },
      { apiGroups: ['batch'], resources: ['jobs'], verbs: ['create', 'get', 'delete'] },
      { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] },
      { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] },
    ],
  });
  process.env.KUBECONFIG = cluster.kubeconfig;
});
afterEach(async () => {
  if (before === undefined) delete process.env.KUBECONFIG;
  else process.env.KUBECONFIG = before;
  await cluster.close();
  rmSync(folder, { recursive: true, force: true });
});
afterAll(() => closeDod());

const SINCE = '2025-11-20T21:13:08Z';
/** As Knative Serving shows it. */
function hello(ready: string, more: object = {}): void {
  const at = { lastTransitionTime: SINCE };
  cluster.objects.put('ksvc', {
    apiVersion: 'serving.knative.dev/v1',
    kind: 'Service',
    metadata: { name: 'hello', namespace: 'default' },
    status: {
      observedGeneration: 1,
      url: 'http://hello.default.example.com',
      conditions: [
        { type: 'ConfigurationsReady', status: ready, ...at },
        { type: 'Ready', status: ready, ...at, ...more },
        { type: 'RoutesReady', status: 'True', ...at },
      ],
    },
  });
}

/** One morning: the example's job in a pod, by the real kubectl, judged by its DoD. */
async function morning() {
  const parsed = parseSchedule(readFileSync(file), { path: 'jobs/schedules/hello-ready.json' });
  if (!parsed.ok) throw new Error(parsed.findings[0]?.message);
  const { job } = parsed;
  const records: LogRecord[] = [];
  const result = await executeKubernetes(job, {
    runId: `run-${crypto.randomUUID()}`,
    repository: 'octo/loop',
    runner: 'gke',
    roots: [{ repository: null, path: '/workspace' }],
    environment: {},
    folder: Promise.resolve(folder),
    onRecord: (record) => records.push(record),
    signal: new AbortController().signal,
    config: kubernetesConfig.parse({ namespace: 'guruguru-jobs', image: 'jobs:1' }),
    cluster: await openCluster({ namespace: 'guruguru-jobs' }),
    resume: false,
    startedAt: '2025-11-22T22:00:00.000Z',
    say: () => undefined,
  });
  const outputs = outputsOf(records);
  const { exit_code, duration_seconds, steps, report } = result;
  const verdict = await judgeDod(job.dod, { exit_code, ...outputs, duration_seconds, steps, report });
  return { result, verdict, stdout: outputs.stdout };
}

it.skipIf(missing !== '')(`the morning check sees READY and since when${missing}`, async () => {
  hello('True');
  const { result, verdict, stdout } = await morning();
  expect(verdict).toEqual({ kind: 'met' });
  expect(result.report).toEqual({ ready: 'True', since: SINCE, reason: '', message: '' });
  expect(stdout).toContain(`hello: READY is True since ${SINCE}`);
});

it.skipIf(missing !== '').each([
  ['False', { reason: 'RevisionMissing', message: 'Configuration "hello" has no ready Revision.' }],
  ['Unknown', { reason: 'Deploying', message: '' }],
])(
  `the morning check is red when READY is %s, though every command exits 0${missing}`,
  async (ready, why) => {
    hello(ready, why);
    const { result, verdict, stdout } = await morning();
    expect(result).toMatchObject({ outcome: 'exited', exit_code: 0 });
    expect(verdict).toMatchObject({ kind: 'unmet' });
    expect(result.report).toEqual({ ready, since: SINCE, ...why });
    expect(stdout).toContain(`READY is ${ready} since ${SINCE} ${why.reason}`);
  },
);

it.skipIf(missing !== '')(`the morning check is red when there is no such service${missing}`, async () => {
  const { result, verdict } = await morning();
  expect(verdict).toMatchObject({ kind: 'unmet' });
  expect(result.report).toBeNull();
});
