import type { AppConfig, Credentials } from '../../src/config.ts';
import type { LeaseTimes } from '../../src/dispatch/lease.ts';

/** The first message to `app-process.ts`. */
export interface AppStart {
  /** Sent to GitHub in the header `x-chaos-app`. */
  name: string;
  config: AppConfig & { credentials: Credentials };
  leases: LeaseTimes;
  modelTimeoutMs: number;
  /** The work items' wait after failure n is `firstMs * 2 ** (n - 1)`, at most `mostMs`, half of it random. */
  backoff: { firstMs: number; mostMs: number };
}

/** The first message to `runner-process.ts`. */
export interface RunnerStart {
  url: string;
  token: string;
  name: string;
  root: string;
  stateDirectory: string;
  /** Added to the runner's environment. */
  environment: Record<string, string>;
  syncSeconds: number;
  renewalMs: number;
  /** Its jobs are pods of this cluster; null: processes of its own. */
  kubeconfig: string | null;
}

/** Further messages. */
export interface Order {
  clockMs?: number;
  /** Answered with `{ token }`; for a runner of this name. */
  token?: { name: string; repository: string };
}

/** What the processes say. */
export interface Said {
  ready?: true;
  token?: string;
}

/** Of the cluster, with what jobs' `secrets` name. */
export const SECRET = 'job-secrets';
