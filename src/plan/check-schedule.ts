import type { Finding } from '../job/finding.ts';
import { completeSchedule, type PartialSchedule } from '../job/schedule/complete-schedule.ts';
import { schedulePolicyFindings } from '../job/schedule/parse-schedule.ts';
import type { Settings } from '../job/settings.ts';
import { schedulePath } from '../job/tick-id.ts';

/** Everything wrong with a planned schedule, one line each, naming the field; empty = good. */
export function scheduleErrors(
  partial: PartialSchedule,
  settings: Settings,
  refusing: (findings: readonly Finding[], settings: Settings) => Finding[] = (findings) =>
    findings.filter(({ severity }) => severity === 'failure'),
): string[] {
  const completed = completeSchedule(partial, settings);
  if (!completed.ok) return completed.errors.map(({ message }) => message);
  const findings = schedulePolicyFindings(completed, schedulePath(partial.name), settings);
  return refusing(findings, settings).map(({ message }) => message);
}
