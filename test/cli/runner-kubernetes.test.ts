import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type FakeApp, startFakeApp } from '../support/fake-app.ts';
import { startCluster } from '../support/kubernetes/start-cluster.ts';
import type { TestCluster } from '../support/kubernetes/types.ts';

let app: FakeApp;
let cluster: TestCluster;
let folder: string;
beforeEach(async () => {
  app = await startFakeApp();
  cluster = await startCluster({ kubeconfigInPods: true });
  folder = mkdtempSync(join(tmpdir(), 'pods-cli-'));
});
afterEach(async () => {
  await cluster.close();
  await app.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Resolves to the exit code and what it printed. */
function runner(config: string, ...more: string[]): Promise<{ code: number | null; text: string }> {
  const file = join(folder, 'pods.yaml');
  writeFileSync(file, config);
  const flags = ['--url', app.url, '--token', app.token, '--name', 'gke', '--roots', '/workspace', '--once'];
  const pods = [
    '--executor',
    'kubernetes',
    '--kubernetes-config',
    file,
    '--state-dir',
    join(folder, 'state'),
  ];
  const cli = join(process.cwd(), 'src/cli.ts');
  const child = spawn(process.execPath, [cli, 'runner', ...flags, ...pods, ...more], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: folder, KUBECONFIG: cluster.kubeconfig },
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      text += chunk;
    });
  return new Promise((resolve) => child.on('exit', (code) => resolve({ code, text })));
}

it('registers with what a pod has proved, and runs a job in one', async () => {
  const run = app.offer(
    {
      id: '2025-11-22-001',
      kind: 'run_shell',
      workdir: '/workspace',
      script: ['echo hello'],
      dod: 'exit_code == 0',
      report_path: 'reports/jobs/2025-11-22-001.out',
      requires: ['bash'],
    },
    { run: `run-${randomUUID()}` },
  );
  const { code, text } = await runner('namespace: guruguru-jobs\nimage: jobs:1\n');
  expect(text).toContain('its pods have proved linux, bash');
  expect(code).toBe(0);
  expect(run.result).toMatchObject({ outcome: 'exited', exit_code: 0 });
  expect(app.acquires[0]).toMatchObject({ name: 'gke', capabilities: expect.arrayContaining(['bash']) });
  expect(cluster.started).toBe(1);
  expect(cluster.jobs()).toEqual([]);
});

it('does not start with a kubeconfig that cannot be read, and says which', async () => {
  rmSync(cluster.kubeconfig);
  writeFileSync(cluster.kubeconfig, '');
  const { code, text } = await runner('namespace: jobs\nimage: jobs:1\n');
  expect(text).toMatch(/GURUGURU_EXECUTOR: .*(cluster|KUBECONFIG)/);
  expect(code).toBe(1);
});

it.each([
  ['a file with mistakes', 'image: jobs:1\n', [], 'pods.yaml: namespace: is missing'],
  [
    'a context there is not',
    'namespace: jobs\nimage: jobs:1\ncontext: other\n',
    [],
    'the kubeconfig has no other; it has test',
  ],
  [
    'a claim for several roots',
    'namespace: jobs\nimage: jobs:1\nworkspace: { claim: work }\n',
    ['--roots', '/a,/b'],
    'GURUGURU_WORKDIR_ROOTS',
  ],
  [
    'a checkout',
    'namespace: jobs\nimage: jobs:1\n',
    ['--git', '.'],
    '--executor: is for the runner of an app',
  ],
])('does not start with %s, and says why', async (_name, config, more, words) => {
  const { code, text } = await runner(config, ...more);
  expect(text).toContain(words);
  expect(code).toBe(1);
  expect(app.acquires).toEqual([]);
});
