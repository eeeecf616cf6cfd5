import { readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { type Finding, renderFinding } from '../job/finding.ts';
import { goalFindings } from '../job/goal-findings.ts';
import { parseGoal } from '../job/parse-goal.ts';
import { parseJob } from '../job/parse-job.ts';
import { policyFindings } from '../job/policy.ts';
import { parseSchedule, schedulePolicyFindings } from '../job/schedule/parse-schedule.ts';
import { parseSettings, type Settings } from '../job/settings.ts';

const SETTINGS = '.github/guruguru.yml';

/** Prints findings as `file:line:column`, as compilers do. Exit code 1 when one is a failure. */
export async function jobCheckCommand(files: string[]): Promise<number> {
  let failed = false;
  for (const file of files) {
    const findings = await checkFile(file);
    for (const finding of findings) console.log(renderFinding(finding));
    const failure = findings.some((finding) => finding.severity === 'failure');
    if (!failure) console.log(`${file}: valid${findings.length > 0 ? ', with the remarks above' : ''}`);
    failed ||= failure;
  }
  return failed ? 1 : 0;
}

async function checkFile(file: string): Promise<Finding[]> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    const message = `cannot be read (${(cause as NodeJS.ErrnoException).code ?? cause}): give the path of a job file`;
    return [{ rule: 'readable', severity: 'failure', path: file, line: 1, column: 1, message }];
  }
  const settings = await settingsNear(file);
  if (!settings.ok) return settings.findings;
  if (/(?:^|\/)jobs\/goals\/[^/]+$/.test(resolve(file).replaceAll('\\', '/'))) {
    const goal = parseGoal(bytes, { path: file });
    return goal.ok ? goalFindings(goal, file, settings.settings) : goal.findings;
  }
  if (/(?:^|\/)jobs\/schedules\/[^/]+$/.test(resolve(file).replaceAll('\\', '/'))) {
    const schedule = parseSchedule(bytes, { path: file });
    return schedule.ok ? schedulePolicyFindings(schedule, file, settings.settings) : schedule.findings;
  }
  const parsed = parseJob(bytes, { path: file });
  return parsed.ok ? policyFindings(parsed.job, parsed.text, file, settings.settings) : parsed.findings;
}

/** The settings of the repository a file is in: the nearest `.github/guruguru.yml` above it. */
async function settingsNear(
  file: string,
): Promise<{ ok: true; settings: Settings } | { ok: false; findings: Finding[] }> {
  for (let folder = dirname(resolve(file)); ; folder = dirname(folder)) {
    const text = await readFile(join(folder, SETTINGS), 'utf8').catch(() => null);
    if (text !== null || folder === dirname(folder)) {
      const parsed = parseSettings(text, relative(process.cwd(), join(folder, SETTINGS)));
      return parsed.ok ? parsed : { ok: false, findings: parsed.findings };
    }
  }
}
