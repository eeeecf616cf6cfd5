import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { repositoryUrl } from '../github/scope.ts';
import { type RunEntry, runEntry } from '../job/report-format.ts';
import { recordPath } from '../job/report-paths.ts';
import { ModelError } from '../llm/model-error.ts';
import { type Reading, reading, withLine } from '../plan/contradiction-wire.ts';
import { CapReachedError } from '../plan/model-cap.ts';
import { readContradiction } from '../plan/read-contradiction.ts';
import { type JobView, jobView, readableTail } from '../report/job-view.ts';
import { proposeCorrection } from '../report/propose-correction.ts';
import { getJob } from '../store/jobs.ts';
import { latestPlan } from '../store/plans.ts';
import { getReading, insertReading } from '../store/readings.ts';
import { latestRun } from '../store/runs.ts';
import type { ReadingRow } from '../store/tables.ts';
import { PAUSED_LOOK_MS, type WorkContext, type WorkResult } from './work.ts';

/** Nobody waits for it: what could not be asked for so long is let be. */
const PATIENCE_MS = 24 * 3_600_000;
const TRIES = 5;
/** Files looked at for one report, and their size. */
const FILES_MAX = 3;
const FILE_BYTES_MAX = 64 * 1024;
const GONE_BY_ITSELF = ['timeout', 'unavailable', 'rate_limited'];

/**
 * `contradiction:<repository>:<job>:<run>`: asks the model whether what was just reported contradicts a file that
 * the job serves, and if so opens a pull request against that file. Without a model nothing happens.
 */
export async function workOnContradiction(c: WorkContext): Promise<WorkResult> {
  const { model } = c.planner;
  const end = c.rest.lastIndexOf(':');
  const [id, attempt] = [c.rest.slice(c.rest.indexOf(':') + 1, end), Number(c.rest.slice(end + 1))];
  const row = await getJob(c.store.db, c.repo.id, id);
  if (!model || !row?.verdict || row.report_sha === null || Math.max(1, row.attempt) !== attempt)
    return 'done';
  if (c.now() - row.updated_at > PATIENCE_MS) return 'done';
  if (c.paused) return { dueAt: c.now() + PAUSED_LOOK_MS };
  const view = await jobView(c, row, await latestRun(c.store.db, c.repo.id, id));
  const entry = runEntry.parse(JSON.parse(row.verdict));
  if (!['met', 'unmet'].includes(entry.dod.verdict)) return 'done';
  try {
    for (const file of await servedFiles(c, view)) {
      const row = await readOnce(c, view, entry, file);
      const read = reading.parse(JSON.parse(row.body));
      if (read.kind === 'contradicts') await propose(c, view, entry, { ...row, text: file.text }, read);
    }
  } catch (error) {
    if (error instanceof CapReachedError) return { dueAt: error.usage.resetsAt };
    if (!(error instanceof ModelError)) throw error;
    if (GONE_BY_ITSELF.includes(error.kind) && c.attempts + 1 < TRIES) throw error;
    c.log.info({ err: error, job: id }, 'the model was not asked what a result contradicts');
  }
  return 'done';
}

interface ServedFile {
  path: string;
  /** Commit and blob it was read at. */
  base: string;
  blob: string;
  text: string;
}

/** The files of STATE and the docs, as the settings name them, that a job serves; as they are now. */
async function servedFiles(c: WorkContext, { job }: JobView): Promise<ServedFile[]> {
  const named = [...new Set((job.serves ?? []).map((text) => text.replace(/@[0-9a-f]{7,40}$/, '')))];
  const paths = named.filter((path) => isStateOrDocs(path, c.settings.context.files)).slice(0, FILES_MAX);
  const base = paths.length > 0 ? await c.client.branchHead(c.repo.default_branch, c.signal) : null;
  if (base === null) return [];
  const { entries } = await c.client.tree(base, { recursive: true }, c.signal);
  const files: ServedFile[] = [];
  for (const { path, sha: blob, mode, size } of entries) {
    if (!paths.includes(path) || mode !== '100644' || size > FILE_BYTES_MAX) continue;
    const text = decode(await c.client.readBlob(blob, c.signal));
    if (text !== null) files.push({ path, base, blob, text });
  }
  return files;
}

/** null: it is not text, and an edit would spoil it. */
function decode(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Never what guruguru or GitHub acts on. */
function isStateOrDocs(path: string, globs: readonly string[]): boolean {
  if (/^(\.|jobs\/|reports\/)/i.test(path) || !/\.(md|markdown|txt|rst|adoc)$/i.test(path)) return false;
  return globs.some((glob) => posix.matchesGlob(path, glob));
}

/**
 * What the model made of it. It is asked once for a file as it is, a job that does the same, and one verdict:
 * what a schedule finds every morning costs one call.
 */
async function readOnce(
  c: WorkContext,
  view: JobView,
  entry: RunEntry,
  file: ServedFile,
): Promise<ReadingRow> {
  const about = JSON.stringify([file.path, file.blob, whatItDoes(view), entry.state, entry.reason]);
  const key = `reading:${c.repo.id}:${createHash('sha256').update(about).digest('hex')}`;
  const known = await getReading(c.store.db, key);
  if (known) return known;
  const { model, contradictionPrompt } = c.planner;
  if (!model) throw new Error('no model is configured');
  const made = await readContradiction(c, model, contradictionPrompt, {
    askKey: view.row.ask_key ?? `job:${c.repo.id}:${view.row.id}`,
    path: file.path,
    text: file.text,
    passages: await passagesOf(c, view, file.path),
    job: view.row.file,
    verdict: `${entry.state} (${entry.reason})`,
    report: entry.report === undefined ? '' : JSON.stringify(entry.report),
    log: await readableTail(c, view),
    language: view.language,
  });
  const row = {
    key,
    base: file.base,
    blob: file.blob,
    path: file.path,
    body: JSON.stringify(made),
    model: model.name,
    at: c.now(),
  };
  await c.store.write((tx) => insertReading(tx, row));
  return row;
}

/** The job without what differs from run to run of one schedule, or from ask to ask. */
function whatItDoes({ job }: JobView): string {
  const { id: _id, report_path: _path, asked: _asked, serves: _serves, ...rest } = job;
  return JSON.stringify(rest);
}

/** The words that the planner named, where there is a plan. */
async function passagesOf(c: WorkContext, { row }: JobView, path: string): Promise<string[]> {
  const plan = row.ask_key ? await latestPlan(c.store.db, row.ask_key) : undefined;
  const serves = plan
    ? (JSON.parse(plan.body) as { serves?: { path: string; passage?: string }[] }).serves
    : [];
  return (serves ?? []).flatMap((one) => (one.path === path && one.passage ? [one.passage] : []));
}

async function propose(
  c: WorkContext,
  view: JobView,
  entry: RunEntry,
  row: ReadingRow & { text: string },
  read: Extract<Reading, { kind: 'contradicts' }>,
): Promise<void> {
  const report = entry.log ?? recordPath(view.job.report_path);
  await proposeCorrection(c, {
    path: row.path,
    passage: read.passage,
    why: read.why,
    text: withLine(row.text, read),
    base: row.base,
    evidence: whatItDoes(view),
    jobId: view.row.id,
    report,
    reportUrl: `${repositoryUrl(c)}/blob/${view.row.report_sha}/${report}`,
    model: row.model,
    language: view.language,
  });
}
