import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openCluster } from '../../src/runner/kubernetes/cluster.ts';
import { kubernetesConfig } from '../../src/runner/kubernetes/kubernetes-config.ts';
import { probePods } from '../../src/runner/kubernetes/probe-pods.ts';
import { probeCluster, provedBy } from '../../src/runner/probe-cluster.ts';
import { kubectl } from '../support/kubernetes/kubectl.ts';
import { startCluster } from '../support/kubernetes/start-cluster.ts';
import type { ClusterOptions, TestCluster } from '../support/kubernetes/types.ts';

let cluster: TestCluster | null = null;
let home: string;
const before = process.env.KUBECONFIG;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'probe-'));
});
afterEach(async () => {
  if (before === undefined) delete process.env.KUBECONFIG;
  else process.env.KUBECONFIG = before;
  await cluster?.close();
  cluster = null;
  rmSync(home, { recursive: true, force: true });
});

const READER = { apiGroups: ['serving.knative.dev'], resources: ['services'], verbs: ['get'] };
const LISTER = { apiGroups: [''], resources: ['namespaces'], verbs: ['list'] };
async function here(options: ClusterOptions): Promise<string[]> {
  cluster = await startCluster(options);
  return probeCluster({ PATH: process.env.PATH, HOME: home, KUBECONFIG: cluster.kubeconfig });
}

describe.skipIf(!kubectl.found)(`probeCluster${kubectl.why}`, () => {
  it('proves the cluster, the namespaces it may read in, and Knative', async () => {
    expect(await here({ namespaces: ['default', 'shop'] })).toEqual([
      'cluster',
      'ns.default',
      'ns.shop',
      'ksvc',
    ]);
  });

  it('tries its own namespace where it may not list them', async () => {
    expect(await here({ rules: [READER] })).toEqual(['cluster', 'ns.default', 'ksvc']);
  });

  it('proves no Knative where there is none, or where it may not be read', async () => {
    expect(await here({ knative: false })).not.toContain('ksvc');
    await cluster?.close();
    expect(await here({ rules: [LISTER] })).toEqual(['cluster']);
  });

  it('proves nothing where no cluster answers', async () => {
    cluster = await startCluster();
    cluster.fault = () => ({ status: 503 });
    const given = { PATH: process.env.PATH, HOME: home, KUBECONFIG: cluster.kubeconfig };
    expect(await probeCluster(given)).toEqual([]);
  });

  it('lets a pod prove what there is in pods', async () => {
    cluster = await startCluster({
      rules: [
        READER,
        { apiGroups: ['batch'], resources: ['jobs'], verbs: ['create', 'get', 'delete'] },
        { apiGroups: [''], resources: ['pods'], verbs: ['list', 'watch'] },
        { apiGroups: [''], resources: ['pods/log'], verbs: ['get'] },
      ],
      kubeconfigInPods: true,
    });
    const probe = await probed(cluster);
    expect(probe).toMatchObject({ ok: true });
    const found = probe.ok ? probe.capabilities : [];
    expect(found).toEqual(
      expect.arrayContaining(['linux', 'bash', 'kubectl', 'cluster', 'ns.default', 'ksvc']),
    );
    expect(cluster.jobs()).toEqual([]);
  });
});

it('says why no pod runs', async () => {
  cluster = await startCluster({ missingImages: ['jobs:1'] });
  expect(await probed(cluster)).toMatchObject({
    ok: false,
    why: expect.stringContaining('ImagePullBackOff'),
  });
});

it('passes over what is no capability', () => {
  expect(
    provedBy('proved kubectl\nproved a b\nproved ns.default\nproved kubectl\nelse\nproved ../x'),
  ).toEqual(['kubectl', 'ns.default']);
});

async function probed(on: TestCluster) {
  process.env.KUBECONFIG = on.kubeconfig;
  const pods = {
    cluster: await openCluster({ namespace: 'guruguru-jobs' }),
    config: kubernetesConfig.parse({ namespace: 'guruguru-jobs', image: 'jobs:1' }),
    runner: 'gke',
  };
  return probePods(pods, {
    id: `probe-${randomUUID()}`,
    roots: [{ repository: 'octo/loop', path: '/workspace' }],
    environment: {},
    signal: new AbortController().signal,
    say: () => undefined,
  });
}
