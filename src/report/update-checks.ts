import { isPublished, publishCheck } from '../github/publish.ts';
import type { Scope } from '../github/scope.ts';
import type { EarlierTry, EnsureCheckRun } from '../github/types.ts';
import { scriptOf } from '../job/job.ts';
import { decodeLog } from '../job/report-format.ts';
import { runsAgain } from '../job/state.ts';
import { readLogTail } from '../store/logs.ts';
import { listRuns } from '../store/runs.ts';
import type { JobRow, RunRow } from '../store/tables.ts';
import { type JobCheck, renderJobCheck } from './check-run.ts';
import {
  checkKey,
  checkTargets,
  type JobView,
  matchFor,
  queuePosition,
  readableTail,
  silentSince,
} from './job-view.ts';

const STEPS_TAIL_BYTES = 1024 * 1024;

type Check = Omit<EnsureCheckRun, 'knownId' | keyof EarlierTry> & { key: string };

type Content = Omit<Check, 'key' | 'name' | 'headSha' | 'externalId'>;

/** The check runs as they should stand now: one for each target and attempt that is not closed for good. */
export async function jobChecks(scope: Scope, view: JobView): Promise<Check[]> {
  const { row } = view;
  const attempts = [{ attempt: row.attempt, content: toContent(await renderContent(scope, view)) }];
  for (const run of await replacedRuns(scope, row)) {
    const log = await readableTail(scope, { ...view, run });
    const next = run.attempt + 1;
    const check = renderJobCheck({ ...base(view), state: 'replaced', runner: run.runner, next, log });
    attempts.push({ attempt: run.attempt, content: toContent(check) });
  }
  return attempts.flatMap(({ attempt, content }) =>
    checkTargets(view).map((sha) => ({
      key: checkKey({ ...row, attempt }, sha),
      name: `guruguru / ${row.id}`,
      headSha: sha,
      externalId: `job:${row.repo_id}:${row.id}:${Math.max(1, attempt)}`,
      ...content,
    })),
  );
}

/** Runs that fell silent and were followed by another without a report of their own: nothing else closes their check runs. */
async function replacedRuns(scope: Scope, row: JobRow): Promise<RunRow[]> {
  if (row.attempt < 2 || row.idempotent !== 1) return [];
  const runs = await listRuns(scope.store.db, row.repo_id, row.id);
  return runs.filter(
    ({ state, cancelled_by, attempt }) =>
      state === 'lost' && attempt < row.attempt && runsAgain({ idempotent: cancelled_by === null, attempt }),
  );
}

export async function checksCurrent(scope: Scope, checks: Check[]): Promise<boolean> {
  for (const { key, ...content } of checks) {
    if (!(await isPublished(scope.store, key, JSON.stringify(content)))) return false;
  }
  return true;
}

export async function updateChecks(scope: Scope, checks: Check[]): Promise<void> {
  await Promise.all(checks.map((check) => publishCheck(scope, check)));
}

function base(view: JobView) {
  return {
    language: view.language,
    timeZone: view.timeZone,
    trigger: view.trigger,
    jobId: view.row.id,
    ...(view.job.title ? { title: view.job.title } : {}),
    links: view.links,
  };
}

async function renderContent(scope: Scope, view: JobView): Promise<JobCheck> {
  const { row, run, job } = view;
  if (view.outcome) {
    return renderJobCheck({
      ...base(view),
      state: 'ended',
      outcome: view.outcome,
      runner: run?.runner ?? null,
      attempt: Math.max(1, row.attempt),
      ...(view.change ? { change: view.change } : {}),
      log: await readableTail(scope, view),
    });
  }
  if (run && run.state === 'running' && row.state === 'running') {
    return renderJobCheck({
      ...base(view),
      state: 'running',
      runner: run.runner,
      startedAt: run.started_at ?? run.seen_at,
      stepsDone: await stepsDone(scope, run.id),
      stepsTotal: scriptOf(job).length,
      log: await readableTail(scope, view),
      silentSince: silentSince(run, scope.now()),
      ...(run.cancelled_by ? { cancelling: true } : {}),
      ...(view.onMac ? { sleeps: true } : {}),
    });
  }
  return renderJobCheck({
    ...base(view),
    state: 'queued',
    match: await matchFor(scope, view),
    position: await queuePosition(scope, row),
  });
}

function toContent(check: JobCheck): Content {
  return {
    status: check.status,
    ...(check.status === 'completed' ? { conclusion: check.conclusion } : {}),
    title: check.title,
    summary: check.summary,
    ...(check.text ? { text: check.text } : {}),
    actions: check.actions,
  };
}

/** From the end of the log alone: a log may be 16 MiB, and this is asked again and again while it grows. */
async function stepsDone(scope: Scope, runId: string): Promise<number> {
  const records = decodeLog(await readLogTail(scope.store.db, runId, STEPS_TAIL_BYTES));
  return records.reduce(
    (done, record) => (record.s === 'done' ? record.line + 1 : record.s === 'step' ? record.line : done),
    0,
  );
}
