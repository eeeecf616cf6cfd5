import type { Finding } from './finding.ts';
import type { Job } from './job.ts';
import { holdsSecret, LINE_RULES } from './line-rules.ts';
import { fieldName, type JsonPath, lineOf, placesIn } from './locate.ts';
import type { Settings } from './settings.ts';

export { lineOf };

/** What the repository's limits and the guard-rail say about a valid job, each at its line of the file. */
export function policyFindings(job: Job, text: string, path: string, settings: Settings): Finding[] {
  const place = placesIn(text);
  const at = (rule: string, severity: Finding['severity'], where: JsonPath, message: string): Finding => ({
    rule: `policy/${rule}`,
    severity,
    path,
    ...place(where),
    field: fieldName(where),
    message,
  });
  const findings: Finding[] = [];
  const { maxTimeoutMinutes, maxScriptLines } = settings.limits;
  if (job.timeout_minutes > maxTimeoutMinutes) {
    const message = `\`timeout_minutes\` is ${job.timeout_minutes}: this repository allows at most ${maxTimeoutMinutes} (limits.max_timeout_minutes)`;
    findings.push(at('timeout', 'failure', ['timeout_minutes'], message));
  }
  if (job.script.length > maxScriptLines) {
    const message = `\`script\` has ${job.script.length} lines: this repository allows at most ${maxScriptLines} (limits.max_script_lines); put them into a file and call it`;
    findings.push(at('script-lines', 'failure', ['script'], message));
  }
  for (const [index, line] of job.script.entries()) {
    for (const { rule, severity, test, message } of LINE_RULES) {
      if (!line.split('\n').some(test)) continue;
      findings.push(at(rule, severity, ['script', index], `\`script[${index}]\` ${message}`));
    }
  }
  for (const [name, value] of Object.entries(job.env ?? {})) {
    if (!holdsSecret(value)) continue;
    const message = `\`env.${name}\` looks like a secret, which everyone who reads the repository sees: revoke it, and name it in \`secrets\``;
    findings.push(at('secret', 'warning', ['env', name], message));
  }
  return findings.sort((a, b) => a.line - b.line || a.column - b.column);
}
