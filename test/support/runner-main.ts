import { defaultLabels, probeCapabilities } from '../../src/runner/capabilities.ts';
import { openCluster } from '../../src/runner/kubernetes/cluster.ts';
import { kubernetesConfig } from '../../src/runner/kubernetes/kubernetes-config.ts';
import type { Pods } from '../../src/runner/kubernetes/pods.ts';
import { runResident, trapSignals } from '../../src/runner/resident.ts';

/** A runner as a process of its own, for tests that kill it. Settings come as one JSON argument. */
const settings: unknown = JSON.parse(process.argv[2] ?? '{}');
const text = (name: string): string => {
  const found = Object.entries(settings ?? {}).find(([key]) => key === name)?.[1];
  if (typeof found !== 'string') throw new Error(`${name} is missing`);
  return found;
};

const say = (line: string) => process.stderr.write(`${line}\n`);
const { drain, cancel } = trapSignals(say);

if (text('mode') === 'git') {
  const { runGitMode } = await import('../../src/runner/git-mode.ts');
  process.exitCode = await runGitMode(
    {
      checkout: text('checkout'),
      name: 'r1',
      labels: ['r1'],
      capabilities: [],
      roots: [{ repository: null, path: text('root') }],
      once: false,
      intervalSeconds: 0.1,
    },
    { environment: process.env, say, drain, cancel },
  );
} else {
  const end = await runResident(
    {
      url: text('url'),
      token: text('token'),
      name: 'r1',
      labels: defaultLabels('r1'),
      capabilities: [...probeCapabilities(process.env.PATH ?? ''), 'codex'],
      version: 'test',
      roots: [{ repository: null, path: text('root') }],
      stateDirectory: text('state'),
      timing: { shell: { graceMs: 500 }, farewellMs: 2000 },
      ...(text('mode') === 'pods' ? { pods: await pods() } : {}),
    },
    { environment: process.env, say, drain, cancel },
  );
  say(`${end.reason}: ${end.message}`);
  process.exitCode = end.code;
}

/** The cluster of KUBECONFIG. */
async function pods(): Promise<Pods> {
  const config = kubernetesConfig.parse({ namespace: 'guruguru-jobs', image: 'jobs:1' });
  return { cluster: await openCluster(config), config, runner: 'r1' };
}
