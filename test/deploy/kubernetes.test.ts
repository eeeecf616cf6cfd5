import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments, parseDocument } from 'yaml';
import { z } from 'zod';
import { appEnvironment, parseRunnerConfig, runnerEnvironment } from '../../src/config.ts';
import { parseKubernetesConfig } from '../../src/runner/kubernetes/kubernetes-config.ts';
import { kubectl } from '../support/kubernetes/kubectl.ts';

const folder = fileURLToPath(new URL('../../deploy/kubernetes/', import.meta.url));
const docs = readFileSync(fileURLToPath(new URL('../../docs/kubernetes.md', import.meta.url)), 'utf8');
const object = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }),
});
type Loose = z.infer<typeof object>;

const listed = z
  .object({ resources: z.array(z.string()) })
  .parse(parseDocument(readFileSync(`${folder}kustomization.yaml`, 'utf8')).toJS()).resources;
const all: Loose[] = listed.flatMap((file) =>
  parseAllDocuments(readFileSync(folder + file, 'utf8')).map((document) => {
    expect(document.errors).toEqual([]);
    return object.parse(document.toJS());
  }),
);
const find = (kind: string, name: string, namespace: string | undefined) =>
  all.find((one) => one.kind === kind && one.metadata.name === name && one.metadata.namespace === namespace);
const at = (one: unknown, ...path: (string | number)[]): unknown =>
  path.reduce<unknown>((value, key) => (value as Record<string | number, unknown> | undefined)?.[key], one);

/** The two that run containers. */
const workloads = all.filter((one) => one.kind === 'Deployment' || one.kind === 'StatefulSet');
const pod = (one: Loose) => at(one, 'spec', 'template', 'spec');
const env = (one: Loose) =>
  z
    .array(z.looseObject({ name: z.string(), value: z.string().optional() }))
    .parse(at(pod(one), 'containers', 0, 'env'));

describe('deploy/kubernetes', () => {
  it('applies every file there is', () => {
    const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'));
    expect([...listed, 'kustomization.yaml'].sort()).toEqual(files.sort());
  });

  it('puts everything into a namespace it makes, or the one that is always there', () => {
    const made = all.filter((one) => one.kind === 'Namespace').map((one) => one.metadata.name);
    for (const one of all.filter((each) => each.kind !== 'Namespace'))
      expect([...made, 'default']).toContain(one.metadata.namespace);
    const names = all.map((one) => `${one.kind} ${one.metadata.namespace} ${one.metadata.name}`);
    expect(new Set(names).size).toBe(names.length);
  });

  it.each(workloads.map((one) => [one.metadata.name, one] as const))(
    '%s is not root, writes nowhere but where it must, and gains nothing',
    (_name, one) => {
      expect(at(pod(one), 'securityContext')).toMatchObject({
        runAsNonRoot: true,
        runAsUser: 10001,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      expect(at(pod(one), 'containers')).toHaveLength(1);
      expect(at(pod(one), 'containers', 0, 'securityContext')).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(at(pod(one), 'containers', 0, 'resources', 'limits', 'memory')).toBeDefined();
      expect(at(pod(one), 'hostNetwork')).toBeUndefined();
    },
  );

  it.each(workloads.map((one) => [one.metadata.name, one] as const))(
    '%s refers to what is there, or what docs/kubernetes.md says to make',
    (_name, one) => {
      const { namespace } = one.metadata;
      const spec = pod(one);
      expect(find('ServiceAccount', String(at(spec, 'serviceAccountName')), namespace)).toBeDefined();
      const labels = at(one, 'spec', 'template', 'metadata', 'labels');
      expect(labels).toEqual(at(one, 'spec', 'selector', 'matchLabels'));
      const volumes = z.array(z.looseObject({ name: z.string() })).parse(at(spec, 'volumes'));
      const claimed = (at(one, 'spec', 'volumeClaimTemplates') as Loose[] | undefined) ?? [];
      const there = [...volumes.map((volume) => volume.name), ...claimed.map((claim) => claim.metadata.name)];
      const mounts = z
        .array(z.looseObject({ name: z.string(), mountPath: z.string() }))
        .parse(at(spec, 'containers', 0, 'volumeMounts'));
      expect(mounts.map((mount) => mount.name).sort()).toEqual(there.sort());
      for (const volume of volumes) {
        const claim = at(volume, 'persistentVolumeClaim', 'claimName');
        if (claim) expect(find('PersistentVolumeClaim', String(claim), namespace)).toBeDefined();
        const config = at(volume, 'configMap', 'name');
        if (config) expect(find('ConfigMap', String(config), namespace)).toBeDefined();
        const secret = at(volume, 'secret', 'secretName');
        if (secret) expect(docs).toContain(`create secret generic ${secret} `);
      }
      for (const variable of env(one)) {
        const secret = at(variable, 'valueFrom', 'secretKeyRef');
        if (!secret) continue;
        expect(docs).toContain(`create secret generic ${at(secret, 'name')} `);
        expect(docs).toContain(`${at(secret, 'key')}=`);
      }
    },
  );

  it('sets variables that app and runner know, to values they take', () => {
    const [app, runner] = ['guruguru-app', 'guruguru-runner'].map((name) =>
      env(workloads.find((one) => one.metadata.name === name) as Loose),
    );
    for (const { name } of app ?? []) expect(Object.keys(appEnvironment.shape)).toContain(name);
    const known = [...Object.keys(runnerEnvironment.shape), 'NODE_EXTRA_CA_CERTS'];
    for (const { name } of runner ?? []) expect(known).toContain(name);
    const scratch = mkdtempSync(join(tmpdir(), 'deploy-'));
    const file = join(scratch, 'pods.yaml');
    writeFileSync(file, podsYaml());
    const values = Object.fromEntries((runner ?? []).map(({ name, value }) => [name, value ?? 'given']));
    const config = parseRunnerConfig({ ...values, GURUGURU_KUBERNETES_CONFIG: file });
    rmSync(scratch, { recursive: true });
    expect(config).toMatchObject({ name: 'gke', labels: ['gke'], stateDir: '/state' });
    expect(config.kubernetes?.namespace).toBe('guruguru-jobs');
    // The address is the Service's.
    expect(find('Service', 'guruguru-app', 'guruguru')).toBeDefined();
    expect(config.url).toBe('https://guruguru-app.guruguru.svc:3000');
  });

  it('gives pods an account that is there, within the quota', () => {
    const parsed = parseKubernetesConfig(podsYaml(), 'pods.yaml');
    if (!parsed.ok) throw new Error(parsed.errors.join());
    expect(
      find('ServiceAccount', parsed.config.service_account ?? '', parsed.config.namespace),
    ).toBeDefined();
    expect(find('ResourceQuota', 'guruguru-jobs', parsed.config.namespace)).toBeDefined();
  });

  it('binds roles that are there to accounts that are there, and none in the whole cluster', () => {
    expect(all.filter((one) => one.kind.startsWith('Cluster'))).toEqual([]);
    const bindings = all.filter((one) => one.kind === 'RoleBinding');
    expect(bindings).toHaveLength(all.filter((one) => one.kind === 'Role').length);
    for (const binding of bindings) {
      expect(find('Role', String(at(binding, 'roleRef', 'name')), binding.metadata.namespace)).toBeDefined();
      for (const subject of at(binding, 'subjects') as { name: string; namespace: string }[])
        expect(find('ServiceAccount', subject.name, subject.namespace)).toBeDefined();
    }
    expect(JSON.stringify(all.filter((one) => one.kind === 'Role'))).not.toMatch(/\*|secrets|\/exec/);
  });

  it('lets nobody call a job, and nothing but the runner call the app', () => {
    const policies = all.filter((one) => one.kind === 'NetworkPolicy');
    const closed = policies.filter((one) => JSON.stringify(at(one, 'spec', 'podSelector')) === '{}');
    for (const namespace of ['guruguru', 'guruguru-jobs'])
      expect(closed.some((one) => one.metadata.namespace === namespace)).toBe(true);
    const open = policies.filter((one) => at(one, 'spec', 'ingress') !== undefined);
    expect(open.map((one) => one.metadata.name)).toEqual(['guruguru-app']);
  });

  it.skipIf(!kubectl.found)(`is taken by kubectl kustomize${kubectl.why}`, () => {
    const made = execFileSync('kubectl', ['kustomize', folder], { encoding: 'utf8' });
    const kinds = parseAllDocuments(made).map((document) => object.parse(document.toJS()).kind);
    expect(kinds.sort()).toEqual(all.map((one) => one.kind).sort());
  });
});

function podsYaml(): string {
  return String(at(find('ConfigMap', 'guruguru-pods', 'guruguru'), 'data', 'pods.yaml'));
}
