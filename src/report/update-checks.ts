import { isPublished, publishCheck } from '../github/publish.ts';
import type { Scope } from '../github/scope.ts';
import type { EnsureCheckRun } from '../github/types.ts';
import { decodeLog } from '../job/report-format.ts';
import { readLogTail } from '../store/logs.ts';
import { renderJobCheck } from './check-run.ts';
import { checkKey, checkTargets, type JobView, matchFor, queuePosition, readableTail } from './job-view.ts';

const STEPS_TAIL_BYTES = 1024 * 1024;

type Check = Omit<EnsureCheckRun, 'knownId' | 'search'> & { key: string };

/** The check runs as they should stand now, one for each target. */
export async function jobChecks(scope: Scope, view: JobView): Promise<Check[]> {
  const content = await renderContent(scope, view);
  return checkTargets(view).map((sha) => ({
    key: checkKey(view.row, sha),
    name: `guruguru / ${view.row.id}`,
    headSha: sha,
    externalId: `job:${view.row.repo_id}:${view.row.id}:${Math.max(1, view.row.attempt)}`,
    ...content,
  }));
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

async function renderContent(
  scope: Scope,
  view: JobView,
): Promise<Omit<Check, 'key' | 'name' | 'headSha' | 'externalId'>> {
  const { row, run, job } = view;
  const base = {
    language: view.language,
    timeZone: view.timeZone,
    trigger: view.trigger,
    jobId: row.id,
    ...(job.title ? { title: job.title } : {}),
    links: view.links,
  };
  const check = view.outcome
    ? renderJobCheck({
        ...base,
        state: 'ended',
        outcome: view.outcome,
        runner: run?.runner ?? null,
        attempt: Math.max(1, row.attempt),
        log: await readableTail(scope, view),
      })
    : run && run.state === 'running' && row.state === 'running'
      ? renderJobCheck({
          ...base,
          state: 'running',
          runner: run.runner,
          startedAt: run.started_at ?? run.seen_at,
          stepsDone: await stepsDone(scope, run.id),
          stepsTotal: job.script.length,
          log: await readableTail(scope, view),
          ...(run.cancelled_by ? { cancelling: true } : {}),
        })
      : renderJobCheck({
          ...base,
          state: 'queued',
          match: await matchFor(scope, view),
          position: await queuePosition(scope, row),
        });
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
