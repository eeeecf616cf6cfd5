import { createHash } from 'node:crypto';
import type { Node } from 'jsonc-parser';
import { describe, type Problem, problemsOf, quote } from './describe-problem.ts';
import type { Finding } from './finding.ts';
import { isJobKind, JOB_SCHEMAS, type Job, type JobKind } from './job.ts';
import { JOB_HINTS, jobFields } from './job-hints.ts';
import { type Broken, brokenRules } from './job-rules.ts';
import { fieldName, keyNode, nearestNode, placeAt } from './locate.ts';
import { keysNamed, parseJsonTree, repeatedKeys } from './parse-tree.ts';
import { readText } from './read-text.ts';
import type { JobDefaults } from './settings.ts';
import { parseTickId } from './tick-id.ts';

/** A larger job file is refused unread. */
export const JOB_FILE_MAX_BYTES = 256 * 1024;
/** As many as GitHub takes annotations in one request. */
const MAX_FINDINGS = 50;

export type ParsedJob =
  | {
      ok: true;
      job: Job;
      /** `sha256:<hex>` of the exact bytes. */
      digest: string;
      text: string;
    }
  | { ok: false; findings: Finding[] };

export interface ParseJobOptions {
  /**
   * Where the file is, for findings. Below jobs/queue or jobs/done its name must be `<id>.json`; what a tick runs
   * stands under its schedule's path, and only there a tick's id is one.
   */
  path: string;
  /**
   * Values for fields the text leaves out. Only for a text that will be written out in full (a pasted
   * brief): a queue file must say everything itself, because the runner reads it without the settings.
   */
  defaults?: JobDefaults & { id?: string; kind?: JobKind; report_path?: string };
}

export interface Found {
  rule: string;
  offset: number;
  field?: string;
  message: string;
}

/** The only judge of whether a job file is valid: app, runner and command line all ask here. Never throws. */
export function parseJob(bytes: Uint8Array | string, options: ParseJobOptions): ParsedJob {
  const refused = (findings: Finding[]): ParsedJob => ({ ok: false, findings });
  const read = readText(bytes, JOB_FILE_MAX_BYTES);
  if ('problem' in read) {
    return refused([finding(options.path, read.rule, { line: read.line, column: 1 }, read.problem)]);
  }
  const { text } = read;
  const tree = parseJsonTree(text);
  if ('problem' in tree) {
    return refused([finding(options.path, 'json', placeAt(text, tree.offset), tree.problem)]);
  }
  if (tree.root.type !== 'object') {
    const message = `the file ${describe(JSON.parse(text))}: write one JSON object, { "id": … }`;
    return refused([finding(options.path, 'json', placeAt(text, tree.root.offset), message)]);
  }

  const input: Record<string, unknown> = { ...options.defaults, ...JSON.parse(text) };
  const judged = isTick(options.path, input.id) ? { ...input, id: DATED_ID } : input;
  const { kind } = input;
  const parsed = JOB_SCHEMAS[isJobKind(kind) ? kind : 'run_shell'].safeParse(judged);
  const problems = parsed.success
    ? []
    : problemsOf(parsed.error.issues, judged, JOB_HINTS, (path) => jobFields(kind, path));
  const found = [
    ...keyProblems(tree.root),
    // Another kind has other fields; naming them all as wrong would hide the one thing that is.
    ...(isOtherKind(kind)
      ? problems.filter((problem) => fieldName(problem.path) === 'kind')
      : [...problems, ...brokenRules(judged), ...fileNameProblem(options.path, input.id)]
    ).map((problem) => located(tree.root, problem)),
  ];
  if (!parsed.success || found.length > 0) {
    const findings = found
      .sort((a, b) => a.offset - b.offset)
      .slice(0, MAX_FINDINGS)
      .map(({ rule, offset, field, message }) =>
        finding(options.path, rule, placeAt(text, offset), message, field),
      );
    return refused(findings);
  }
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return { ok: true, job: { ...parsed.data, id: String(input.id) }, digest, text };
}

/** Stands for a tick's id where the schema wants a dated one. */
const DATED_ID = '2001-01-01-001';

function isTick(path: string, id: unknown): boolean {
  return path.startsWith('jobs/schedules/') && typeof id === 'string' && parseTickId(id) !== null;
}

/** Names that are there twice, or that zod would drop in silence. */
export function keyProblems(root: Node): Found[] {
  const twice = repeatedKeys(root).map((key) => ({
    rule: 'duplicate-key',
    offset: key.offset,
    field: String(key.value),
    message: `\`${String(key.value).slice(0, 80)}\` is there twice: keep one`,
  }));
  // zod drops this name from objects and records instead of refusing it.
  const proto = keysNamed(root, '__proto__').map((key) => ({
    rule: 'unknown-field',
    offset: key.offset,
    field: '__proto__',
    message: '`__proto__` is not a known field: remove it',
  }));
  return [...twice, ...proto];
}

function isOtherKind(kind: unknown): boolean {
  return typeof kind === 'string' && !isJobKind(kind);
}

/** Rule: design section 3, a job's file is named after its id, so that neither can hide the other. */
function fileNameProblem(path: string, id: unknown): Broken[] {
  const name = /(?:^|\/)jobs\/(?:queue|done)\/(?:.*\/)?([^/]+)$/.exec(path)?.[1];
  if (name === undefined || typeof id !== 'string' || name === `${id}.json`) return [];
  const message = `\`id\` ${describe(id)} in a file called ${quote(name)}: the file must be called <id>.json`;
  return [{ rule: 'file-name', path: ['id'], message }];
}

/** A problem at its place in the text. */
export function located(root: Node, problem: Problem | Broken): Found {
  const { rule, path, message } = problem;
  const node = rule === 'unknown-field' ? keyNode(root, path) : nearestNode(root, path);
  return { rule, offset: node.offset, field: fieldName(path), message };
}

export function finding(
  path: string,
  rule: string,
  place: { line: number; column: number },
  message: string,
  field?: string,
): Finding {
  const named = field === undefined || field === '' ? {} : { field };
  return { rule: `job/${rule}`, severity: 'failure', path, ...place, ...named, message };
}
