import type { Pods } from '../../src/runner/kubernetes/pods.ts';
import { shiftClock, skewClock } from '../support/skewed-clock.ts';
import { type Order, type RunnerStart, type Said, SECRET } from './messages.ts';

/** A resident runner with its times scaled down, told what to do by its parent and gone when that is gone. */
skewClock();
const { defaultLabels, probeCapabilities } = await import('../../src/runner/capabilities.ts');
const { openCluster } = await import('../../src/runner/kubernetes/cluster.ts');
const { kubernetesConfig } = await import('../../src/runner/kubernetes/kubernetes-config.ts');
const { runResident, trapSignals } = await import('../../src/runner/resident.ts');

process.on('disconnect', () => process.exit(1));
process.on('SIGXFSZ', () => {});

const start = await new Promise<RunnerStart & Order>((resolve) => process.once('message', resolve));
if (start.clockMs) shiftClock(start.clockMs);
process.on('message', (order: Order) => {
  if (order.clockMs !== undefined) shiftClock(order.clockMs);
});
const say = (line: string) => {
  process.stdout.write(`${new Date().toISOString()} ${line}\n`);
  if (line.includes(' ready: ')) process.send?.({ ready: true } satisfies Said);
};
const { drain, cancel } = trapSignals(say);
const pods = start.kubeconfig === null ? {} : { pods: await podsOf(start.kubeconfig) };
const end = await runResident(
  {
    url: start.url,
    token: start.token,
    name: start.name,
    labels: defaultLabels(start.name),
    capabilities: probeCapabilities(process.env.PATH ?? ''),
    version: 'chaos',
    roots: [{ repository: null, path: start.root }],
    stateDirectory: start.stateDirectory,
    ...pods,
    timing: {
      acquireSeconds: start.syncSeconds,
      farewellMs: 2_000,
      shell: { graceMs: 500 },
      sync: { waitSeconds: start.syncSeconds, renewalMs: start.renewalMs },
    },
  },
  { environment: { ...process.env, ...start.environment }, say, drain, cancel },
);
say(`${end.reason}: ${end.message}`);
process.exit(end.code);

async function podsOf(kubeconfig: string): Promise<Pods> {
  process.env.KUBECONFIG = kubeconfig;
  const config = kubernetesConfig.parse({ namespace: 'guruguru-jobs', image: 'jobs:1', secrets: SECRET });
  return { cluster: await openCluster(config), config, runner: start.name };
}
