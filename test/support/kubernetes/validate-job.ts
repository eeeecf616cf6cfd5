import type { V1PodSpec } from '@kubernetes/client-node';
import type { KubeObject } from './objects.ts';

/** What a real API server would refuse of our Jobs. */
export function invalid(job: KubeObject): string | null {
  const { name, labels = {} } = job.metadata;
  if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name) || name.length > 57) return `metadata.name: ${name}`;
  for (const [label, value] of Object.entries(labels)) {
    if (!/^([a-z0-9.-]+\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/.test(label)) return `label ${label}`;
    if (value.length > 63 || !/^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/.test(value))
      return `label: ${value}`;
  }
  const template = job.spec?.template as { spec?: V1PodSpec } | undefined;
  if (template?.spec?.restartPolicy !== 'Never') return 'spec.template.spec.restartPolicy';
  return null;
}

/** A kubeconfig's text. */
export function kubeconfig(server: string, token: string, cert: string): string {
  const ca = Buffer.from(cert).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority-data': ca } }],
    users: [{ name: 'test', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace: 'default' } }],
  });
}
