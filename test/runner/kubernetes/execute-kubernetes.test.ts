import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Job } from '../../../src/job/job.ts';
import { parseJob } from '../../../src/job/parse-job.ts';
import type { LogRecord } from '../../../src/job/run-result.ts';
import { type Cluster, openCluster } from '../../../src/runner/kubernetes/cluster.ts';
import { executeKubernetes } from '../../../src/runner/kubernetes/execute-kubernetes.ts';
import { type KubernetesConfig, kubernetesConfig } from '../../../src/runner/kubernetes/kubernetes-config.ts';
import type { KubeObject } from '../../support/kubernetes/objects.ts';
import { startCluster } from '../../support/kubernetes/start-cluster.ts';
import type { ClusterOptions, KubeFault, TestCluster } from '../../support/kubernetes/types.ts';

let cluster: TestCluster;
let client: Cluster;
let folder: string;
let records: LogRecord[];
let said: string[];
let cancel: AbortController;
const before = process.env.KUBECONFIG;

async function start(options: ClusterOptions = {}): Promise<void> {
  cluster = await startCluster(options);
  process.env.KUBECONFIG = cluster.kubeconfig;
  client = await openCluster({ namespace: 'guruguru-jobs' });
}
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'pods-')));
  records = [];
  said = [];
  cancel = new AbortController();
});
afterEach(async () => {
  if (before === undefined) delete process.env.KUBECONFIG;
  else process.env.KUBECONFIG = before;
  await cluster.close();
  rmSync(folder, { recursive: true, force: true });
});

function job(script: string[], more: object = {}): Job {
  const file = {
    id: '2025-11-22-001',
    kind: 'run_shell',
    workdir: '/workspace/site',
    script,
    dod: 'exit_code == 0',
    report_path: 'reports/jobs/2025-11-22-001.out',
    ...more,
  };
  const parsed = parseJob(JSON.stringify(file), { path: 'jobs/queue/2025-11-22-001.json' });
  if (!parsed.ok) throw new Error(parsed.findings[0]?.message);
  return parsed.job;
}
const config = (more: object = {}): KubernetesConfig =>
  kubernetesConfig.parse({ namespace: 'guruguru-jobs', image: 'jobs:1', ...more });

/** Whoever else runs here must not have this id: leftovers of a run are found by it. */
function run(given: Job, more: object = {}) {
  return executeKubernetes(given, {
    runId: `run-${randomUUID()}`,
    repository: 'octo/loop',
    runner: 'gke',
    roots: [{ repository: null, path: '/workspace' }],
    environment: {},
    folder: Promise.resolve(folder),
    onRecord: (record) => records.push(record),
    signal: cancel.signal,
    config: config(),
    cluster: client,
    resume: false,
    startedAt: '2025-11-22T00:00:00.000Z',
    say: (text) => said.push(text),
    ...more,
  });
}
const told = () =>
  records.map((record) => ('d' in record ? `${record.s} ${record.d}` : `${record.s} ${record.line}`));
const notes = () => records.flatMap((record) => (record.s === 'note' ? [record.d] : []));

describe('executeKubernetes', () => {
  it('runs a job in one pod: steps, both streams, exit codes and the report come by its log', async () => {
    await start();
    const result = await run(
      job([
        'echo hello; echo oops >&2',
        'cd /tmp; export WORD=carried',
        'echo $WORD; echo \'{"ready":true}\' > "$GURUGURU_REPORT"',
        'exit 3',
        'echo never',
      ]),
    );
    expect(result).toMatchObject({ outcome: 'exited', exit_code: 3, report: { ready: true }, message: null });
    expect(result.steps.map(({ line, exit_code }) => [line, exit_code])).toEqual([
      [0, 0],
      [1, 0],
      [2, 0],
      [3, 3],
    ]);
    expect(told()).toEqual([
      'step 0',
      'out hello',
      'err oops',
      'done 0',
      'step 1',
      'done 1',
      'step 2',
      'out carried',
      'done 2',
      'step 3',
      'done 3',
    ]);
    expect(cluster.started).toBe(1);
  });

  it('gives a pod no secret value but its reference, and hides the value in the log', async () => {
    await start({ secrets: { 'job-secrets': { API_KEY: 'hunter2-hunter2' } } });
    const result = await run(
      job(['echo "key $API_KEY" >&2; printf %s "$PLAIN"'], {
        secrets: ['API_KEY'],
        env: { PLAIN: '$(API_KEY) stays' },
      }),
      {
        config: config({ secrets: 'job-secrets' }),
        environment: { API_KEY: 'hunter2-hunter2' },
      },
    );
    expect(result).toMatchObject({ outcome: 'exited', exit_code: 0 });
    expect(told()).toContain('err key ***');
    expect(told()).toContain('out $(API_KEY) stays');
    expect(JSON.stringify([cluster.jobs(), cluster.pods()])).not.toContain('hunter2');
  });

  it('gives the shell its script as it is written, whatever the kubelet makes of a $', async () => {
    await start();
    const script = [
      '[ $$ -gt 1 ] && echo "$(HOME)$$(printf x)" 2>/dev/null | tr -d 0-9',
      "echo '$$ $(WORD) \\n あ'",
    ];
    await run(job(script, { env: { WORD: 'word' } }));
    expect(told()).toContain('out (printf x)');
    expect(told()).toContain('out $$ $(WORD) \\n あ');
  });

  it('ends a job at its timeout and says so', async () => {
    await start();
    // The wrapper counts whole seconds; a job file counts minutes.
    const given = { ...job(['echo begun; sleep 60']), timeout_minutes: 1 / 60 };
    const result = await run(given);
    expect(result).toMatchObject({ outcome: 'timeout', exit_code: 143 });
    expect(result.message).toContain('timeout_minutes');
    expect(told()).toContain('out begun');
  });

  it('cancels: the pod gets SIGTERM, its last words are in the log, and the Job is gone', async () => {
    await start();
    const running = run(job([`trap 'echo farewell' TERM`, 'echo begun; sleep 60 & wait']));
    await cluster.until(() => told().includes('out begun'));
    cancel.abort('cancelled by /cancel');
    expect(await running).toMatchObject({ outcome: 'cancelled', message: 'cancelled by /cancel' });
    expect(told()).toContain('out farewell');
    expect(cluster.jobs()).toEqual([]);
  });

  it.each([
    ['an image that cannot be pulled', { missingImages: ['jobs:1'] }, {}, ['refused', 'ImagePullBackOff']],
    ['a namespace that is not there', { namespaces: ['default'] }, {}, ['refused', 'not found']],
    ['permissions it has not', { rules: [] }, {}, ['refused', 'forbidden']],
    [
      'a workdir outside its roots',
      {},
      { roots: [{ repository: 'octo/loop', path: '/work' }] },
      ['refused', 'GURUGURU_WORKDIR_ROOTS'],
    ],
  ])('refuses with %s, and runs nothing', async (_name, options, more, [outcome, word]) => {
    await start(options);
    const result = await run(job(['echo never']), more);
    expect(result.outcome).toBe(outcome);
    expect(result.message).toContain(word);
    expect(result.exit_code).toBeNull();
    expect(cluster.started).toBe(0);
    expect(cluster.jobs()).toEqual([]);
  });

  it('refuses what needs a secret it has not, and what is no shell job', async () => {
    await start();
    const needs = job(['echo never'], { secrets: ['API_KEY'] });
    expect((await run(needs)).message).toContain('Name the Secret');
    expect((await run(needs, { config: config({ secrets: 's' }) })).message).toContain('no API_KEY');
    expect(
      (await run({ ...job(['true']), timeout_minutes: 60 }, { config: config({ max_timeout_minutes: 30 }) }))
        .message,
    ).toContain('max_timeout_minutes');
    expect(cluster.jobs()).toEqual([]);
  });

  it('refuses a workdir that leads out of the workspace by a link, in the pod', async () => {
    const workspace = join(folder, 'claim');
    mkdirSync(workspace);
    symlinkSync('/', join(workspace, 'out'));
    await start({ claims: { work: workspace } });
    const claimed = { config: config({ workspace: { claim: 'work' } }) };
    const linked = await run(job(['echo never'], { workdir: '/workspace/out/tmp' }), claimed);
    expect(linked).toMatchObject({ outcome: 'refused', exit_code: null });
    expect(linked.message).toContain('outside');
    const missing = await run(job(['echo never'], { workdir: '/workspace/none' }), claimed);
    expect(missing.message).toContain('does not exist in the workspace');
  });

  it('says after a while that no node has room, and removes the Job', async () => {
    await start({ node: { pool: 'small' } });
    const given = { config: { ...config({ node_selector: { pool: 'big' } }), start_seconds: 0.2 } };
    const result = await run(job(['echo never']), given);
    expect(result.outcome).toBe('refused');
    expect(result.message).toContain("didn't match Pod's node affinity");
    expect(cluster.jobs()).toEqual([]);
  });

  describe('when the cluster is in trouble', () => {
    it('makes one Job though the answer to its creation is an error, a cut, then busy', async () => {
      await start();
      const faults: KubeFault[] = [
        { status: 429, retryAfter: 0 },
        { status: 500, after: true },
        {},
        { status: 503, retryAfter: 0 },
      ];
      cluster.fault = (route) =>
        route === 'POST /apis/batch/v1/namespaces/guruguru-jobs/jobs' ? (faults.shift() ?? null) : null;
      expect(await run(job(['echo once']))).toMatchObject({ outcome: 'exited', exit_code: 0 });
      expect(faults).toEqual([]);
      expect(cluster.started).toBe(1);
      expect(cluster.jobs()).toHaveLength(1);
    });

    it('does not take a Job of the same name for its own', async () => {
      await start();
      await run(job(['true']), { runId: 'same' });
      const [theirs] = cluster.jobs();
      Object.assign(theirs?.metadata.annotations ?? {}, { 'guruguru/run-id': 'another' });
      const result = await run(job(['true']), { runId: 'same' });
      expect(result).toMatchObject({ outcome: 'refused', message: expect.stringContaining('another Job') });
      expect(cluster.jobs()).toEqual([theirs]);
      // Nor when an earlier process is said to have made it.
      const resumed = await run(job(['true']), { runId: 'same', resume: true });
      expect(resumed.message).toContain('not in the cluster');
    });

    it('waits as told by a 429, lists again after 410, and loses nothing', async () => {
      await start();
      let busy = 3;
      cluster.fault = (route) =>
        route.endsWith('/pods') && busy-- > 0 ? { status: 429, retryAfter: 0 } : null;
      const go = join(folder, 'go');
      const running = run(job([`echo begun; until [ -e ${go} ]; do sleep 0.1; done; echo ended`]));
      await cluster.until(() => told().includes('out begun'));
      cluster.objects.compact();
      writeFileSync(go, '');
      expect(await running).toMatchObject({ outcome: 'exited', exit_code: 0 });
      expect(told()).toEqual(['step 0', 'out begun', 'out ended', 'done 0']);
      expect(busy).toBeLessThan(0);
    });

    it('reads the log on where its stream was cut: no line twice, none missing', async () => {
      await start();
      const go = join(folder, 'go');
      const running = run(job(['echo one', `until [ -e ${go} ]; do sleep 0.1; done; seq 1 500`, 'echo end']));
      await cluster.until(() => told().includes('step 1'));
      expect(cluster.cutLogs()).toBeGreaterThan(0);
      writeFileSync(go, '');
      expect(await running).toMatchObject({ outcome: 'exited', exit_code: 0 });
      const out = records.flatMap((record) => (record.s === 'out' ? record.d.split('\n') : []));
      expect(out).toEqual(['one', ...Array.from({ length: 500 }, (_, n) => String(n + 1)), 'end']);
    });

    it('says that parts of the log are gone from the node', async () => {
      await start();
      const go = join(folder, 'go');
      const running = run(job(['echo one', `until [ -e ${go} ]; do sleep 0.1; done`]));
      await cluster.until(() => told().includes('step 1'));
      cluster.logFrom(10_000);
      cluster.fault = (route) => (route.endsWith('/log') ? { status: 500 } : null);
      cluster.cutLogs();
      writeFileSync(go, '');
      const result = await running;
      // The container's own exit code is left, and is said to be all there is.
      expect(result).toMatchObject({ outcome: 'exited', exit_code: 0 });
      expect(notes().join()).toContain("the end of the pod's log is missing");
    });

    it.each([
      ['evicted', (pod: KubeObject) => cluster.evict(pod), 'evicted (The node was low on resource: memory.)'],
      ['deleted', (pod: KubeObject) => void cluster.deletePod(pod), 'its pod was deleted'],
    ])('tells honestly that the pod was %s', async (_how, disturb, words) => {
      await start();
      const running = run(job(['echo begun; sleep 60']));
      await cluster.until(() => told().includes('out begun'));
      for (const pod of cluster.pods()) disturb(pod);
      const result = await running;
      expect(result.outcome).toBe('runner_error');
      expect(result.message).toContain(words);
      expect(result.message).toContain('How far the job came is not known');
      expect(cluster.started).toBe(1);
    });

    it('tells that the Job was deleted before it had a pod', async () => {
      await start({ missingImages: [], node: {} });
      const given = { config: config({ node_selector: { pool: 'big' } }) };
      const running = run(job(['echo never']), given);
      await cluster.until(() => said.join().includes('node affinity'));
      await client.deleteJob(cluster.jobs()[0]?.metadata.name ?? '');
      expect(await running).toMatchObject({ outcome: 'runner_error' });
      expect(notes().join()).toContain('was deleted');
    });
  });

  it('resumes by looking, never by creating', async () => {
    await start();
    const result = await run(job(['echo never']), { resume: true });
    expect(result).toMatchObject({ outcome: 'runner_error' });
    expect(result.message).toContain('not in the cluster');
    expect(cluster.jobs()).toEqual([]);
  });
});
