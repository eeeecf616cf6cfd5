import type { Finding } from '../job/finding.ts';
import type { PullData } from '../store/row-data.ts';
import type { FoundJobs } from './find-jobs.ts';

/** The rule's name as people write it: `policy/sudo` and `sudo` are one. */
export function ruleName(rule: string): string {
  return rule.replace(/^policy\//, '');
}

/** Whether a finding is a denial by the policy, which an owner may override; other mistakes nobody can. */
export function isDenial(finding: Finding): boolean {
  return finding.severity === 'failure' && finding.rule.startsWith('policy/');
}

/** The jobs as they are judged once an owner has overridden rules for exactly this head. */
export function withOverride(
  found: FoundJobs,
  override: PullData['override'],
  headSha: string,
  owners: readonly string[],
): FoundJobs {
  if (!override || override.sha !== headSha || !isOwner(override.login, owners)) return found;
  const lifted = (finding: Finding): Finding =>
    isDenial(finding) && override.rules.includes(ruleName(finding.rule))
      ? { ...finding, severity: 'warning', message: `${finding.message}; overridden by ${override.login}` }
      : finding;
  const lift = <T extends { findings: Finding[] }>(file: T): T => ({
    ...file,
    findings: file.findings.map(lifted),
  });
  return { ...found, jobs: found.jobs.map(lift), schedules: found.schedules.map(lift) };
}

/** Asked again whenever it matters: an owner who is named no more has overridden nothing. */
export function isOwner(login: string, owners: readonly string[]): boolean {
  return owners.some((owner) => owner.toLowerCase() === login.toLowerCase());
}

/** `--override sudo,kubectl-delete` and what else was written; without a rule it names an empty one. */
export function parseOverride(args: string): { text: string; override?: string[] } {
  const match = /(?:^|\s)--override(?:[=\s]+(\S+))?/.exec(args);
  if (!match) return { text: args };
  const text = args.replace(match[0], ' ').trim();
  return { text, override: (match[1] ?? '').split(',') };
}
