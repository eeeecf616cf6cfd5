import { isBroad } from './envelope-script.ts';
import type { Finding } from './finding.ts';
import { envelopeFindings } from './goal-envelope.ts';
import { holdsSecret } from './line-rules.ts';
import { type JsonPath, placesIn } from './locate.ts';
import { commandWords } from './match-command.ts';
import { inFirstJob, type ParsedGoal } from './parse-goal.ts';
import { policyFindings } from './policy.ts';
import type { Settings } from './settings.ts';

/**
 * What the policy says of a valid goal, each at its line: its caps, its first job as of every job, and that
 * this job stays inside the envelope it opens.
 */
export function goalFindings(
  { goal, firstJob, text }: Extract<ParsedGoal, { ok: true }>,
  path: string,
  settings: Settings,
): Finding[] {
  const place = placesIn(text);
  const at = (
    rule: string,
    severity: Finding['severity'],
    where: JsonPath,
    field: string,
    message: string,
  ) => ({
    rule,
    severity,
    path,
    ...place(where),
    field,
    message,
  });
  const found: Finding[] = [];
  const { jobsPerGoal, maxTimeoutMinutes } = settings.limits;
  const { max_jobs: jobs, timeout_minutes: minutes, commands } = goal.envelope;
  const limit = (field: string, value: number, most: number, setting: string) => {
    if (value > most)
      found.push(
        at(
          `policy/goal-${field.replace(/^max_|_minutes$/, '')}`,
          'failure',
          ['envelope', field],
          `envelope.${field}`,
          `\`envelope.${field}\` is ${value}: this repository allows at most ${most} (${setting})`,
        ),
      );
  };
  limit('max_jobs', jobs, jobsPerGoal, 'limits.jobs_per_goal');
  limit('timeout_minutes', minutes, maxTimeoutMinutes, 'limits.max_timeout_minutes');
  for (const field of ['goal', 'title'] as const) {
    if (holdsSecret(goal[field] ?? ''))
      found.push(
        at(
          'policy/secret',
          'failure',
          [field],
          field,
          `\`${field}\` looks like it holds a secret: revoke it and remove it`,
        ),
      );
  }
  for (const [index, command] of commands.entries()) {
    const where = ['envelope', 'commands', index];
    const name = `envelope.commands[${index}]`;
    if (isBroad(commandWords(command) ?? []))
      found.push(
        at(
          'goal/broad',
          'warning',
          where,
          name,
          `\`${name}\` is ${command}, which runs nearly anything: name what follows it too`,
        ),
      );
  }
  for (const { field, message } of envelopeFindings(goal, firstJob)) {
    const why = `first_job leaves the envelope: ${message}`;
    found.push(at('goal/envelope', 'failure', inFirstJob(field), `first_job.${field}`, why));
  }
  for (const one of policyFindings(firstJob, '', path, settings)) {
    const name = `first_job.${one.field ?? ''}`;
    found.push(at(one.rule, one.severity, inFirstJob(one.field), name, `first_job: ${one.message}`));
  }
  return found.toSorted((a, b) => a.line - b.line || a.column - b.column);
}
