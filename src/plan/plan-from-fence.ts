import type { Finding } from '../job/finding.ts';
import { firstLineOf, type Job } from '../job/job.ts';
import { parseJob } from '../job/parse-job.ts';
import { policyFindings } from '../job/policy.ts';
import type { Settings } from '../job/settings.ts';
import { fenceFailures, jobErrors, PLACEHOLDER_ID } from './check-job.ts';
import type { FencedPlan } from './fenced.ts';
import type { Passage, PlannedJob } from './plan.ts';

export type FencePlanResult = { ok: true; plan: PlannedJob } | { ok: false; errors: string[] };

/** What a pasted job file is called in findings; it has no path yet. */
const PASTED = 'job.json';
const PLACEHOLDER_REPORT = `reports/jobs/${PLACEHOLDER_ID}.out`;
const TITLE_MAX = 120;

/**
 * The plan a fenced ask is, checked against schema, defaults and policy: no model is needed. Errors name
 * the field, and for a pasted job file the line of the block.
 */
export function planFromFence(
  fenced: Extract<FencedPlan, { kind: 'shell' | 'job_file' | 'brief' }>,
  settings: Settings,
): FencePlanResult {
  switch (fenced.kind) {
    case 'shell': {
      const { script } = fenced;
      return fromDefaults({ kind: 'run_shell', script }, fenced.title ?? firstCommand(script), settings);
    }
    case 'brief': {
      const { prompt } = fenced;
      return fromDefaults({ kind: 'codex', prompt }, fenced.title ?? firstLine(prompt), settings);
    }
    case 'job_file':
      return fromJobFile(fenced.title, fenced.text, settings);
  }
}

function fromDefaults(what: PlannedJob['job'], words: string, settings: Settings): FencePlanResult {
  const title = oneLine(words);
  const job: PlannedJob['job'] = { ...what, title };
  const errors = jobErrors(job, settings, fenceFailures);
  if (errors.length > 0) return { ok: false, errors };
  return { ok: true, plan: { kind: 'job', title, summary: '', job, serves: [] } };
}

function fromJobFile(given: string | null, text: string, settings: Settings): FencePlanResult {
  const defaults = {
    // The DoD of completeJob, which a shell block gets too.
    dod: 'exit_code == 0',
    ...settings.defaults,
    id: PLACEHOLDER_ID,
    kind: 'run_shell' as const,
    report_path: PLACEHOLDER_REPORT,
  };
  const parsed = parseJob(text, { path: PASTED, defaults });
  if (!parsed.ok) return { ok: false, errors: parsed.findings.map(atLine) };
  const { job } = parsed;
  if (job.asked) return { ok: false, errors: ['`asked` is written by the app: remove it'] };
  const errors = fenceFailures(policyFindings(job, parsed.text, PASTED, settings), settings).map(atLine);
  if (errors.length > 0) return { ok: false, errors };
  return { ok: true, plan: pastedPlan(job, given) };
}

function pastedPlan(job: Job, given: string | null): PlannedJob {
  const { id, asked: _absent, report_path, ...rest } = job;
  const words = job.kind === 'run_shell' ? firstCommand(job.script) : firstLineOf(job);
  const title = oneLine(given ?? job.title ?? words);
  return {
    kind: 'job',
    title,
    summary: '',
    ...(id === PLACEHOLDER_ID ? {} : { id }),
    job: { ...rest, title, ...(report_path === PLACEHOLDER_REPORT ? {} : { report_path }) },
    serves: (job.serves ?? []).map(passage),
  };
}

/** `path@commit`, as it stands in a job file. */
function passage(text: string): Passage {
  const at = text.lastIndexOf('@');
  return at < 0 ? { path: text, commit: '' } : { path: text.slice(0, at), commit: text.slice(at + 1) };
}

function atLine(finding: Finding): string {
  return `line ${finding.line}: ${finding.message}`;
}

function firstCommand(script: readonly string[]): string {
  const lines = script.flatMap((entry) => entry.split('\n'));
  return lines.find((line) => line.trim() !== '' && !line.trim().startsWith('#')) ?? lines[0] ?? '';
}

function firstLine(text: string): string {
  return text.split('\n').find((line) => line.trim() !== '') ?? text;
}

/** Without control and format characters, at most 120 characters. */
function oneLine(text: string): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
  if (clean.length <= TITLE_MAX) return clean;
  const head = clean.slice(0, TITLE_MAX - 1);
  // Not half of a surrogate pair.
  return `${/[\uD800-\uDBFF]$/.test(head) ? head.slice(0, -1) : head}…`;
}
