import { createHash } from 'node:crypto';

/** The Job's name: one run, one name, so that creating it twice is refused by the cluster. */
export function jobName(run: { run: string; job: { id: string } }): string {
  const hash = createHash('sha256').update(run.run).digest('hex').slice(0, 12);
  const id = run.job.id
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 34)
    .replace(/^-+|-+$/g, '');
  // Pods are called <Job>-<5 letters>, and a label takes 63 characters.
  return `guruguru-${id}-${hash}`;
}
