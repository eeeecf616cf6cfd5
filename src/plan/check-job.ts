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
export function jobErrors(
  partial: PartialJob,
  settings: Settings,
  refusing: (findings: readonly Finding[], settings: Settings) => Finding[] = failures,
): string[] {
  const completed = completeJob(partial, { id: PLACEHOLDER_ID, defaults: settings.defaults });
  if (!completed.ok) return completed.errors.map((error) => error.message);
  const path = `jobs/queue/${PLACEHOLDER_ID}.json`;
  return refusing(policyFindings(completed.job, completed.text, path, settings), settings).map(
    (finding) => finding.message,
  );
}

/**
 * What refuses a fenced ask: with owners named, a denial by the policy goes to its PR, where an owner may
 * override it.
 */
export function fenceFailures(findings: readonly Finding[], settings: Settings): Finding[] {
  const all = failures(findings);
  return settings.policy.owners.length > 0 ? all.filter(({ rule }) => !rule.startsWith('policy/')) : all;
}

function failures(findings: readonly Finding[]): Finding[] {
  return findings.filter((finding) => finding.severity === 'failure');
}
