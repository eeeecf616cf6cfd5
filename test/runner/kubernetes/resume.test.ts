import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FakeApp, startFakeApp } from '../../support/fake-app.ts';
import { startCluster } from '../../support/kubernetes/start-cluster.ts';
import type { TestCluster } from '../../support/kubernetes/types.ts';

let app: FakeApp;
let cluster: TestCluster;
let work: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  app = await startFakeApp();
  cluster = await startCluster();
  work = realpathSync(mkdtempSync(join(tmpdir(), 'resume-')));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await cluster.close();
  await app.close();
  rmSync(work, { recursive: true, force: true });
});

const state = () => join(work, 'state');
function startRunner(): ChildProcess {
  const settings = { mode: 'pods', url: app.url, token: app.token, root: '/workspace', state: state() };
  const child = spawn(process.execPath, ['test/support/runner-main.ts', JSON.stringify(settings)], {
    stdio: 'ignore',
    env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
  });
  children.push(child);
  return child;
}
async function kill(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}
const job = (script: string[]) => ({
  id: '2025-11-22-001',
  kind: 'run_shell',
  workdir: '/workspace',
  script,
  dod: 'exit_code == 0',
  report_path: 'reports/jobs/2025-11-22-001.out',
});
/** With an id that no other test has: what is left of a run is found by it. */
const offer = (file: object) => app.offer(file, { run: `run-${randomUUID()}` });
const untilFile = (name: string) => `until [ -e ${join(work, name)} ]; do sleep 0.1; done`;

describe('a runner that is killed while its pod runs', () => {
  it('takes the run up again: one pod, one result, the log whole and once', async () => {
    const run = offer(job(['echo one', untilFile('go'), 'seq 1 300', untilFile('on'), 'echo end']));
    const first = startRunner();
    await app.until(() => run.log.includes('"step","t"') && run.log.includes('one'));
    await kill(first);
    // The pod goes on without it.
    writeFileSync(join(work, 'go'), '');
    const second = startRunner();
    await app.until(() => run.log.includes('300'));
    await kill(second);
    startRunner();
    writeFileSync(join(work, 'on'), '');
    await app.until(() => run.result !== null);
    expect(run.result).toMatchObject({ outcome: 'exited', exit_code: 0 });
    expect(run.result?.steps.map((step) => step.line)).toEqual([0, 1, 2, 3, 4]);
    const out = run.records().flatMap((record) => (record.s === 'out' ? record.d.split('\n') : []));
    expect(out).toEqual(['one', ...Array.from({ length: 300 }, (_, n) => String(n + 1)), 'end']);
    expect(run.records().filter((record) => record.s === 'step')).toHaveLength(5);
    expect(cluster.started).toBe(1);
    await cluster.until(() => cluster.jobs().length === 0);
    await app.until(() => readdirSync(join(state(), 'runs')).length === 0);
    expect(app.mistakes).toEqual([]);
  });

  it('delivers what ended meanwhile, and starts nothing', async () => {
    const run = offer(job([untilFile('go'), 'echo end']));
    const first = startRunner();
    await cluster.until(() => cluster.started === 1);
    await kill(first);
    writeFileSync(join(work, 'go'), '');
    await cluster.until(() => cluster.pods().every((pod) => pod.status?.phase === 'Succeeded'));
    startRunner();
    await app.until(() => run.result !== null);
    expect(run.result).toMatchObject({ outcome: 'exited', exit_code: 0 });
    expect(run.log.toString()).toContain('end');
    expect(cluster.started).toBe(1);
  });

  it('does not know what became of a Job that is gone, and does not make it again', async () => {
    const run = offer(job(['sleep 60']));
    const first = startRunner();
    await cluster.until(() => cluster.started === 1);
    await kill(first);
    for (const one of cluster.jobs()) cluster.objects.remove('jobs', one);
    startRunner();
    await app.until(() => run.result !== null);
    expect(run.result).toMatchObject({ outcome: 'runner_error' });
    expect(run.result?.message).toContain('/retry');
    expect(cluster.started).toBe(1);
  });
});
