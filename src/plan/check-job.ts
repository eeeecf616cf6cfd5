import { completeJob, type PartialJob } from '../job/complete-job.ts';
import type { Finding } from '../job/finding.ts';
import { policyFindings } from '../job/policy.ts';
import type { Settings } from '../job/settings.ts';

/** Stands for the id, which is given only when the job PR is made. */
export const PLACEHOLDER_ID = '2001-01-01-001';

/**
 * Everything wrong with a job that has no id yet, one line each, naming the field; empty = good. Warnings
 * are left out: they are for the person who approves, not for who wrote the job.
 */
export function jobErrors(partial: PartialJob, settings: Settings): string[] {
  const completed = completeJob(partial, { id: PLACEHOLDER_ID, defaults: settings.defaults });
  if (!completed.ok) return completed.errors.map((error) => error.message);
  const path = `jobs/queue/${PLACEHOLDER_ID}.json`;
  return failures(policyFindings(completed.job, completed.text, path, settings)).map(
    (finding) => finding.message,
  );
}

export function failures(findings: readonly Finding[]): Finding[] {
  return findings.filter((finding) => finding.severity === 'failure');
}
