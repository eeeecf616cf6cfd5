import { createHash } from 'node:crypto';
import { describe, problemsOf, quote } from './describe-problem.ts';
import type { Finding } from './finding.ts';
import { GIVEN_BY_APP, type Goal, goalSchema } from './goal.ts';
import { GOAL_HINTS, goalFields } from './goal-hints.ts';
import type { Job } from './job.ts';
import { type Broken, dodProblem, workdirProblem } from './job-rules.ts';
import { fieldName, type JsonPath, placeAt } from './locate.ts';
import { type Found, finding, keyProblems, located, parseJob } from './parse-job.ts';
import { parseJsonTree } from './parse-tree.ts';
import { readText } from './read-text.ts';

/** A larger goal file is refused unread. */
export const GOAL_FILE_MAX_BYTES = 128 * 1024;
const MAX_FINDINGS = 50;
/** Stands for the id that a goal's first job gets when it is proposed. */
const PLACEHOLDER_ID = '2001-01-01-001';
/** Control, separator and direction-changing characters: a title is one plain line. */
const NOT_ONE_LINE = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u;

export type ParsedGoal =
  | {
      ok: true;
      goal: Goal;
      /** The first job under an id that stands for its own. */
      firstJob: Job;
      /** `sha256:<hex>` of the exact bytes. */
      digest: string;
      text: string;
    }
  | { ok: false; findings: Finding[] };

/** The only judge of whether a goal file is valid; app, runner and command line ask here. Never throws. */
export function parseGoal(bytes: Uint8Array | string, { path }: { path: string }): ParsedGoal {
  const whole = (rule: string, place: { line: number; column: number }, message: string): ParsedGoal => ({
    ok: false,
    findings: [finding(path, rule, place, message)],
  });
  const read = readText(bytes, GOAL_FILE_MAX_BYTES);
  if ('problem' in read) return whole(read.rule, { line: read.line, column: 1 }, read.problem);
  const { text } = read;
  const tree = parseJsonTree(text);
  if ('problem' in tree) return whole('json', placeAt(text, tree.offset), tree.problem);
  if (tree.root.type !== 'object') {
    const message = `the file ${describe(JSON.parse(text))}: write one JSON object, { "id": … }`;
    return whole('json', placeAt(text, tree.root.offset), message);
  }
  const input: Record<string, unknown> = JSON.parse(text);
  const parsed = goalSchema.safeParse(input);
  const problems = parsed.success ? [] : problemsOf(parsed.error.issues, input, GOAL_HINTS, goalFields);
  const first = firstJobOf(input);
  const found: Found[] = [
    ...keyProblems(tree.root),
    ...[...problems, ...brokenRules(input, path), ...first.broken].map((one) => located(tree.root, one)),
  ];
  if (!parsed.success || found.length > 0 || !first.job) {
    const findings = found
      .toSorted((a, b) => a.offset - b.offset)
      .slice(0, MAX_FINDINGS)
      .map(({ rule, offset, field, message }) => finding(path, rule, placeAt(text, offset), message, field));
    return { ok: false, findings };
  }
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return { ok: true, goal: parsed.data, firstJob: first.job, digest, text };
}

/** The first job as the app will write it, judged as every job is. */
function firstJobOf({ id, first_job: given }: Readonly<Record<string, unknown>>): {
  job: Job | null;
  broken: Broken[];
} {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return { job: null, broken: [] };
  const reserved = GIVEN_BY_APP.filter((field) => Object.hasOwn(given, field));
  if (reserved.length > 0) {
    const broken = reserved.map(
      (field): Broken => ({
        rule: 'first-job',
        path: ['first_job', field],
        message: `\`first_job.${field}\` is written by the app: remove it`,
      }),
    );
    return { job: null, broken };
  }
  const full = {
    ...given,
    id: PLACEHOLDER_ID,
    report_path: `reports/jobs/${PLACEHOLDER_ID}.out`,
    ...(typeof id === 'string' ? { goal: id } : {}),
  };
  const parsed = parseJob(JSON.stringify(full), { path: 'first_job' });
  if (parsed.ok) return { job: parsed.job, broken: [] };
  const broken = parsed.findings
    .filter(({ field }) => field !== 'goal')
    .map(
      ({ rule, field, message }): Broken => ({
        rule: rule.replace(/^job\//, ''),
        path: inFirstJob(field),
        message: `first_job: ${message}`,
      }),
    );
  return { job: null, broken };
}

/** `script[2]` → `['first_job', 'script', 2]`. */
export function inFirstJob(field: string | undefined): JsonPath {
  const parts = [...(field ?? '').matchAll(/\[(\d+)\]|([^.[\]]+)/g)].map(([, index, key]) =>
    index === undefined ? (key ?? '') : Number(index),
  );
  return ['first_job', ...parts];
}

/** What a schema cannot say. */
function brokenRules(goal: Readonly<Record<string, unknown>>, file: string): Broken[] {
  const broken: Broken[] = [];
  const say = (rule: string, path: JsonPath, message: string | null) => {
    if (message !== null) broken.push({ rule, path, message });
  };
  const { id, title, dod, envelope } = goal;
  const name = /(?:^|\/)jobs\/goals\/(?:.*\/)?([^/]+)$/.exec(file)?.[1];
  if (name !== undefined && typeof id === 'string' && name !== `${id}.json`)
    say(
      'file-name',
      ['id'],
      `\`id\` ${describe(id)} in a file called ${quote(name)}: the file must be called <id>.json`,
    );
  if (typeof title === 'string' && NOT_ONE_LINE.test(title))
    say('title', ['title'], '`title` has a line break or an invisible character: use one plain line');
  if (typeof dod === 'string' && dod !== '') say('dod', ['dod'], dodProblem(dod, 'dod'));
  const workdirs = isObject(envelope) && Array.isArray(envelope.workdirs) ? envelope.workdirs : [];
  for (const [index, workdir] of workdirs.entries()) {
    if (typeof workdir !== 'string' || workdir === '') continue;
    const at = ['envelope', 'workdirs', index];
    say('workdir', at, workdirProblem(workdir, fieldName(at)));
  }
  return broken;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
