import type { Job } from './job.ts';

/** What a runner whose Codex CLI works has proved. */
export const CODEX_CAPABILITY = 'codex';
/** What a runner with a working sandbox has proved. */
export const SANDBOX_CAPABILITY = 'sandbox';

/**
 * Whether a runner may take a job. `runs_on` is a wish list: one label in common is enough, and an empty
 * list means any runner. `requires` are capabilities the runner must have proved: all of them. Only a sandbox
 * can keep a job from the network: a script the runner's, an agent its own.
 */
export function suits(
  job: {
    kind?: Job['kind'] | undefined;
    runs_on?: readonly string[] | undefined;
    requires?: readonly string[] | undefined;
    network?: 'on' | 'off' | undefined;
  },
  runner: { labels: readonly string[]; capabilities: readonly string[] },
): boolean {
  const wished = job.runs_on ?? [];
  const label = wished.length === 0 || wished.some((name) => runner.labels.includes(name));
  return label && requiredOf(job).every((name) => runner.capabilities.includes(name));
}

/** The place of the most wished label that a runner has; the number of wishes when it has none. */
export function wishRank(wished: readonly string[], labels: readonly string[]): number {
  const place = wished.findIndex((label) => labels.includes(label));
  return place < 0 ? wished.length : place;
}

/** The capabilities a job asks for, in words or by what else it says. */
export function requiredOf(job: {
  kind?: Job['kind'] | undefined;
  requires?: readonly string[] | undefined;
  network?: 'on' | 'off' | undefined;
}): string[] {
  const implied =
    job.kind === 'codex' ? [CODEX_CAPABILITY] : job.network === 'off' ? [SANDBOX_CAPABILITY] : [];
  return [...new Set([...(job.requires ?? []), ...implied])];
}

/** What a runner has proved of a cluster, beside programs. */
const CLUSTER_CAPABILITY = /^(kubectl|cluster|ksvc|ns\..+)$/;

/** What a person should see a runner to have proved before the job is approved: what it asks for, and its cluster. */
export function provedFor(job: Parameters<typeof requiredOf>[0], capabilities: readonly string[]): string[] {
  const required = requiredOf(job);
  const cluster = required.some((name) => CLUSTER_CAPABILITY.test(name));
  return capabilities.filter((name) => required.includes(name) || (cluster && CLUSTER_CAPABILITY.test(name)));
}
