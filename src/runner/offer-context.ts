import type { RunnerClient } from './client.ts';
import type { Environment } from './job-environment.ts';
import type { Pods } from './kubernetes/pods.ts';
import type { Roots } from './roots.ts';
import type { ShellTiming } from './run-bash.ts';
import type { Sandbox } from './sandbox/sandbox.ts';
import type { StateDirectory } from './state-directory.ts';
import type { SyncTiming } from './sync-run.ts';
import type { VerifyOptions } from './verify-offer.ts';

/** What a runner gives to each run. */
export interface OfferContext {
  client: RunnerClient;
  state: StateDirectory;
  /** This runner process. */
  process: string;
  labels: readonly string[];
  capabilities: readonly string[];
  roots: Roots;
  environment: Environment;
  passOn: readonly string[];
  hide: readonly string[];
  /** Set: only what GitHub itself shows that a person wanted is run. */
  verify?: VerifyOptions | undefined;
  sandbox: Sandbox;
  codexConfig: readonly string[];
  /** Set: runs are pods of a cluster, not processes of this machine. */
  pods?: Pods | undefined;
  shell: Partial<ShellTiming>;
  sync: Partial<SyncTiming>;
  /** Aborted when the runner is to stop now: the job is cancelled. */
  cancel: AbortSignal;
  onDrain: () => void;
  say: (text: string) => void;
}

export interface OngoingRun {
  wake(): void;
}
