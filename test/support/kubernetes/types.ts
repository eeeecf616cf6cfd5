import type { KubeObject, Objects } from './objects.ts';

/** What a request meets: an answer instead (`after`: once it was done), or a cut connection. */
export interface KubeFault {
  status?: number;
  retryAfter?: number;
  /** It was done before this was said. */
  after?: boolean;
}

/** A rule of a Role, as in RBAC. */
export interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
}

export interface ClusterOptions {
  /** What the token may do in its namespaces; default: everything. */
  rules?: readonly Rule[];
  namespaces?: string[];
  knative?: boolean;
  secrets?: Record<string, Record<string, string>>;
  claims?: Record<string, string>;
  /** Labels of the one node. */
  node?: Record<string, string>;
  /** Images that cannot be pulled. */
  missingImages?: string[];
  /** Whether containers get KUBECONFIG, as a stand-in for their service account's token. */
  kubeconfigInPods?: boolean;
}

export interface TestCluster {
  url: string;
  token: string;
  /** Path of a kubeconfig. */
  kubeconfig: string;
  objects: Objects;
  /** `VERB group/resource` of each call that was allowed, once. */
  used: Set<string>;
  /** Decides about each request. `route`: method and path without its query. */
  fault: (route: string) => KubeFault | null;
  /** How often a job's container was started. */
  started: number;
  pods: () => KubeObject[];
  jobs: () => KubeObject[];
  /** Cuts all open log streams. */
  cutLogs: () => number;
  evict: (pod: KubeObject) => void;
  deletePod: (pod: KubeObject) => Promise<void>;
  /** The node throws the log's beginning away, as when it rotates it. */
  logFrom: (bytes: number) => void;
  /** Resolves once it holds; looked at whenever something changed. */
  until: (condition: () => boolean, what?: string) => Promise<void>;
  close: () => Promise<void>;
}
