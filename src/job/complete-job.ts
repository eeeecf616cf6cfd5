import { type CodexJob, DEFAULT_CODEX_SANDBOX, JOB_SCHEMAS, type Job, type ShellJob } from './job.ts';
import { parseJob } from './parse-job.ts';
import type { JobDefaults } from './settings.ts';

/** A job before it has an id: only what it does must be known. */
export type PartialJob =
  | (Partial<Omit<ShellJob, 'id' | 'asked'>> & { script: string[] })
  | (Partial<Omit<CodexJob, 'id' | 'asked'>> & { kind: 'codex'; prompt: string });

export type CompletedJob =
  | {
      ok: true;
      job: Job;
      /** The file: two spaces, fields in the order of the design's table, a newline at the end. */
      text: string;
      digest: string;
    }
  | { ok: false; errors: { field: string; message: string }[] };

const DEFAULT_DOD = 'exit_code == 0';
const DEFAULT_TIMEOUT_MINUTES = 30;

/**
 * The job file of a fenced ask or a plan, completed from the repository's defaults and judged by parseJob.
 * The file says everything itself, so that what runs is what was approved.
 */
export function completeJob(
  partial: PartialJob,
  options: { id: string; defaults: JobDefaults; asked?: Job['asked'] },
): CompletedJob {
  const { id, defaults, asked } = options;
  const workdir = partial.workdir ?? defaults.workdir;
  if (workdir === undefined) {
    const message =
      '`workdir` is missing: add `workdir`, or set `defaults.workdir` in .github/guruguru.yml for every job';
    return { ok: false, errors: [{ field: 'workdir', message }] };
  }
  const filled: Record<string, unknown> = {
    ...partial,
    id,
    kind: partial.kind ?? 'run_shell',
    workdir,
    ...(partial.kind === 'codex' ? { sandbox: partial.sandbox ?? DEFAULT_CODEX_SANDBOX } : {}),
    dod: partial.dod ?? defaults.dod ?? DEFAULT_DOD,
    report_path: partial.report_path ?? `reports/jobs/${id}.out`,
    runs_on: partial.runs_on ?? defaults.runs_on,
    timeout_minutes: partial.timeout_minutes ?? defaults.timeout_minutes ?? DEFAULT_TIMEOUT_MINUTES,
    network: partial.network ?? (partial.kind === 'codex' ? undefined : defaults.network),
    idempotent: partial.idempotent === true ? true : undefined,
    asked,
  };
  const text = `${JSON.stringify(inOrder(filled), null, 2)}\n`;
  const parsed = parseJob(text, { path: `jobs/queue/${id}.json` });
  if (parsed.ok) return parsed;
  return {
    ok: false,
    errors: parsed.findings.map(({ field, message }) => ({ field: field ?? '', message })),
  };
}

/** Known fields in the schema's order, then whatever else was given, for parseJob to refuse by name. */
function inOrder(job: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const known = Object.keys(JOB_SCHEMAS[job.kind === 'codex' ? 'codex' : 'run_shell'].shape);
  const rest = Object.keys(job).filter((field) => !known.includes(field));
  const written = [...known, ...rest].filter((field) => !isEmpty(job[field]));
  return Object.fromEntries(written.map((field) => [field, job[field]]));
}

/** An empty list or object says as much as none. */
function isEmpty(value: unknown): boolean {
  if (value === undefined) return true;
  if (typeof value !== 'object' || value === null) return false;
  return Object.keys(value).length === 0;
}
