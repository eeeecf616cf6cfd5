import type { Git } from './git.ts';
import type { Environment } from './job-environment.ts';
import type { Roots } from './roots.ts';
import type { ShellTiming } from './run-bash.ts';
import type { Sandbox } from './sandbox/sandbox.ts';

export interface GitModeOptions {
  /** A clone of the repository, on its default branch, that may push. */
  checkout: string;
  name: string;
  labels: readonly string[];
  capabilities: readonly string[];
  roots: Roots;
  /** Probed. Default: none. */
  sandbox?: Sandbox;
  /** Run at most one job, then end. */
  once: boolean;
  /** Between two pulls; 10. */
  intervalSeconds: number;
  passOn?: readonly string[];
  /** As in CodexOptions. */
  codexConfig?: readonly string[];
  timing?: Partial<ShellTiming>;
}

export interface GitModeDeps {
  environment: Environment;
  say: (text: string) => void;
  drain: AbortSignal;
  cancel: AbortSignal;
}

/** What the parts of `--git` mode share. */
export interface GitRunner {
  options: GitModeOptions;
  deps: GitModeDeps;
  git: Git;
  /** `guruguru/` in the checkout's git directory: lock, journal, logs. */
  directory: string;
  /** What was said already, so that a poll does not repeat it. */
  told: Set<string>;
}
