import type { Cluster } from './cluster.ts';
import type { KubernetesConfig } from './kubernetes-config.ts';

/** What the executor `kubernetes` needs. */
export interface Pods {
  cluster: Cluster;
  config: KubernetesConfig;
  /** This runner's name. */
  runner: string;
}
