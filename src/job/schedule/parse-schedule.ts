import { createHash } from 'node:crypto';
import type { Node } from 'jsonc-parser';
import { describe, problemsOf, quote } from '../describe-problem.ts';
import type { Finding } from '../finding.ts';
import type { Job } from '../job.ts';
import { brokenRules } from '../job-rules.ts';
import { fieldName, type JsonPath, keyNode, nearestNode, placeAt } from '../locate.ts';
import { JOB_FILE_MAX_BYTES, parseJob } from '../parse-job.ts';
import { keysNamed, parseJsonTree, repeatedKeys } from '../parse-tree.ts';
import { policyFindings } from '../policy.ts';
import { readText } from '../read-text.ts';
import type { Settings } from '../settings.ts';
import { SCHEDULE_NAME } from '../tick-id.ts';
import { cronProblem } from './cron.ts';
import { type Schedule, scheduleSchema, TICK_FIELDS } from './schedule.ts';
import { SCHEDULE_HINTS, scheduleFields } from './schedule-hints.ts';
import { tickJobText } from './tick-job.ts';

export type ParsedSchedule =
  | {
      ok: true;
      schedule: Schedule;
      /** The template as the job of some tick. */
      job: Job;
      /** `sha256:<hex>` of the exact bytes. */
      digest: string;
      text: string;
    }
  | { ok: false; findings: Finding[] };

/** A tick to judge the template by, and the time after which a cron expression must still come. */
const SAMPLE_AT = Date.UTC(2026, 0, 1);
const MAX_FINDINGS = 50;

interface Found {
  rule: string;
  path: JsonPath;
  message: string;
  /** Where it is, when the path does not say it. */
  offset?: number;
  /** A whole finding of the template, of which only the place is another. */
  of?: Finding;
}

/** The only judge of whether a schedule file is valid. `path`: where it is; its name must be `<name>.json`. Never throws. */
export function parseSchedule(bytes: Uint8Array | string, { path }: { path: string }): ParsedSchedule {
  const whole = (rule: string, message: string, line = 1, column = 1): ParsedSchedule => ({
    ok: false,
    findings: [{ rule: `schedule/${rule}`, severity: 'failure', path, line, column, message }],
  });
  const read = readText(bytes, JOB_FILE_MAX_BYTES);
  if ('problem' in read) return whole(read.rule, read.problem, read.line);
  const { text } = read;
  const tree = parseJsonTree(text);
  if ('problem' in tree) {
    const { line, column } = placeAt(text, tree.offset);
    return whole('json', tree.problem, line, column);
  }
  if (tree.root.type !== 'object')
    return whole('json', `the file ${describe(JSON.parse(text))}: write one JSON object, { "name": … }`);

  const input = JSON.parse(text) as Record<string, unknown>;
  const parsed = scheduleSchema.safeParse(input);
  const template = judgeTemplate(input);
  const found: Found[] = [
    ...repeatedKeys(tree.root).map((key) => atKey(key, `is there twice: keep one`, 'duplicate-key')),
    ...keysNamed(tree.root, '__proto__').map((key) => atKey(key, 'is not a known field: remove it')),
    ...(parsed.success ? [] : problemsOf(parsed.error.issues, input, SCHEDULE_HINTS, scheduleFields)),
    ...fileNameProblem(path, input.name),
    ...cronProblems(input.cron),
    ...brokenRules({ title: input.title }),
    ...template.problems,
  ];
  if (!parsed.success || !template.job || found.length > 0) {
    const findings = found
      .map((problem) => located(text, tree.root, path, problem))
      .sort((a, b) => a.line - b.line || a.column - b.column)
      .slice(0, MAX_FINDINGS);
    return { ok: false, findings };
  }
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return { ok: true, schedule: parsed.data, job: template.job, digest, text };
}

/** What limits and rules say about the template, each at its line of the schedule file. */
export function schedulePolicyFindings(
  { schedule, text }: Pick<Extract<ParsedSchedule, { ok: true }>, 'schedule' | 'text'>,
  path: string,
  settings: Settings,
): Finding[] {
  const sample = tickJobText(schedule, SAMPLE_AT);
  const tree = parseJsonTree(text);
  const job = parseJob(sample, { path: 'jobs/schedules/' });
  if (!job.ok || 'problem' in tree) return [];
  return policyFindings(job.job, sample, path, settings)
    .map((finding) => located(text, tree.root, path, ofTemplate(finding)))
    .sort((a, b) => a.line - b.line || a.column - b.column);
}

/** What an agent changes becomes a PR, which nobody would read every morning. */
const ONLY_SHELL: Found = {
  rule: 'kind',
  path: ['job', 'kind'],
  message: '`job.kind` must be "run_shell": a schedule runs no other kind',
};

function judgeTemplate({ name, title, time_zone, job }: Record<string, unknown>): {
  job: Job | null;
  problems: Found[];
} {
  if (typeof job !== 'object' || job === null || Array.isArray(job)) return { job: null, problems: [] };
  const given = TICK_FIELDS.filter((field) => Object.hasOwn(job, field)).map(
    (field): Found => ({
      rule: 'tick-field',
      path: ['job', field],
      message: `\`job.${field}\` is given to every tick by guruguru: remove it`,
    }),
  );
  const kept = Object.fromEntries(
    Object.entries(job).filter(([field]) => !TICK_FIELDS.some((other) => other === field)),
  );
  const sample = {
    name:
      typeof name === 'string' && SCHEDULE_NAME.test(name) ? name.slice(0, 50).replace(/-$/, '') : 'sample',
    // A wrong title or time zone is told as the schedule's own.
    ...(typeof title === 'string' && isTitle(title) ? { title } : {}),
    time_zone: scheduleSchema.shape.time_zone.safeParse(time_zone).success ? String(time_zone) : 'UTC',
    job: kept,
  };
  const parsed = parseJob(tickJobText(sample, SAMPLE_AT), { path: 'jobs/schedules/' });
  if (parsed.ok) {
    const kind = parsed.job.kind === 'run_shell' ? [] : [ONLY_SHELL];
    return { job: parsed.job, problems: [...given, ...kind] };
  }
  return { job: null, problems: [...given, ...parsed.findings.map(ofTemplate)] };
}

function isTitle(title: string): boolean {
  return scheduleSchema.shape.title.safeParse(title).success && brokenRules({ title }).length === 0;
}

function ofTemplate(finding: Finding): Found {
  const { field = '', message } = finding;
  const path = ['job', ...pathOf(field)];
  const named = field !== '' && message.startsWith(`\`${field}\``);
  return {
    rule: finding.rule,
    path,
    message: named ? `\`job.${message.slice(1)}` : message,
    of: finding,
  };
}

/** `script[2]` → `['script', 2]`; a name that holds such signs itself is found by its place all the same, or its object is. */
function pathOf(field: string): JsonPath {
  return field
    .split(/\.|(?=\[\d+\])/)
    .filter((part) => part !== '')
    .map((part) => (/^\[\d+\]$/.test(part) ? Number(part.slice(1, -1)) : part));
}

function atKey(key: Node, what: string, rule = 'unknown-field'): Found {
  const name = String(key.value).slice(0, 80);
  return { rule, path: [name], offset: key.offset, message: `\`${name}\` ${what}` };
}

function cronProblems(cron: unknown): Found[] {
  const message = typeof cron === 'string' && cron !== '' ? cronProblem(cron, SAMPLE_AT) : null;
  return message === null ? [] : [{ rule: 'cron', path: ['cron'], message }];
}

/** As for jobs: a file is called after what is in it, so that neither can hide the other. */
function fileNameProblem(path: string, name: unknown): Found[] {
  const file = /(?:^|\/)jobs\/schedules\/([^/]+)$/.exec(path)?.[1];
  if (file === undefined || typeof name !== 'string' || file === `${name}.json`) return [];
  const message = `\`name\` ${describe(name)} in a file called ${quote(file)}: the file must be called <name>.json`;
  return [{ rule: 'file-name', path: ['name'], message }];
}

function located(text: string, root: Node, file: string, problem: Found): Finding {
  const { rule, path, message, of } = problem;
  const named = rule.endsWith('unknown-field') || rule.endsWith('tick-field');
  const node = named ? keyNode(root, path) : nearestNode(root, path);
  const field = fieldName(path);
  return {
    rule: of ? rule : `schedule/${rule}`,
    severity: of?.severity ?? 'failure',
    path: file,
    ...placeAt(text, problem.offset ?? node.offset),
    ...(field === '' ? {} : { field }),
    message,
  };
}
