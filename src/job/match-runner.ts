/**
 * Whether a runner may take a job. `runs_on` is a wish list: one label in common is enough, and an empty
 * list means any runner. `requires` are capabilities the runner must have proved: all of them.
 */
export function suits(
  job: { runs_on?: readonly string[] | undefined; requires?: readonly string[] | undefined },
  runner: { labels: readonly string[]; capabilities: readonly string[] },
): boolean {
  const wished = job.runs_on ?? [];
  const required = job.requires ?? [];
  const label = wished.length === 0 || wished.some((name) => runner.labels.includes(name));
  return label && required.every((name) => runner.capabilities.includes(name));
}
