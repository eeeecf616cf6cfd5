import { repositoryUrl, type Scope } from '../github/scope.ts';
import type { ChangeRecord } from '../job/change/agent-entry.ts';
import { type Job, scriptOf } from '../job/job.ts';
import { decodeLog, type RunEntry, renderLog, runEntry } from '../job/report-format.ts';
import { recordPath } from '../job/report-paths.ts';
import { redactPublished } from '../job/secrets/redact-published.ts';
import type { Locale, Outcome, RunLinks, RunnerMatch, ShownChange } from '../messages/views.ts';
import { getAsk } from '../store/asks.ts';
import { listJobsByState } from '../store/jobs.ts';
import { readLogTail } from '../store/logs.ts';
import { matchLiveRunner } from '../store/match-live-runner.ts';
import { getPublished } from '../store/published.ts';
import { askData } from '../store/row-data.ts';
import { runsOnMac } from '../store/runners.ts';
import type { AskRow, JobRow, RunRow } from '../store/tables.ts';
import { outcomeOf } from './job-outcome.ts';
import { jobOf } from './judge-run.ts';

/** What the renderings of one job share. */
export interface JobView extends Locale {
  job: Job;
  row: JobRow;
  run: RunRow | undefined;
  ask: AskRow | undefined;
  entry: RunEntry | null;
  outcome: Outcome | null;
  /** It runs on a machine that may fall asleep. */
  onMac: boolean;
  /** Of an agent's run. */
  change: ShownChange | null;
  links: RunLinks;
}

/** Bytes of the log that a check run or a reply can show. */
const TAIL_BYTES = 96 * 1024;

export async function jobView(scope: Scope, row: JobRow, run: RunRow | undefined): Promise<JobView> {
  const job = jobOf(row);
  const ask = row.ask_key ? await getAsk(scope.store.db, row.ask_key) : undefined;
  const entry = row.verdict ? runEntry.parse(JSON.parse(row.verdict)) : null;
  const check = row.head_sha ? await getPublished(scope.store.db, checkKey(row, row.head_sha)) : undefined;
  const onMac = run?.state === 'running' && (await runsOnMac(scope.store.db, run));
  const report = entry && row.report_sha ? (entry.log ?? recordPath(job.report_path)) : null;
  return {
    language: ask?.language ?? (scope.settings.language === 'ja' ? 'ja' : 'en'),
    timeZone: scope.settings.timeZone,
    trigger: scope.settings.trigger,
    job,
    row,
    run,
    ask,
    entry,
    outcome: entry ? outcomeOf(job, entry, run) : null,
    onMac,
    change: entry?.agent ? shownChange(scope, row, entry.agent.change) : null,
    links: {
      ...(entry?.agent?.change.state === 'proposed'
        ? { change: { number: entry.agent.change.pull, url: entry.agent.change.url } }
        : {}),
      ...(report ? { report: `${repositoryUrl(scope)}/blob/${row.report_sha}/${report}` } : {}),
      ...(check && check.github_id > 0 && row.pr_number
        ? { check: `${repositoryUrl(scope)}/pull/${row.pr_number}/checks?check_run_id=${check.github_id}` }
        : {}),
    },
  };
}

function shownChange(scope: Scope, row: JobRow, change: ChangeRecord): ShownChange {
  if (change.state !== 'kept') return change;
  const { state, code, detail, diff } = change;
  const url =
    diff !== null && row.report_sha ? `${repositoryUrl(scope)}/blob/${row.report_sha}/${diff}` : undefined;
  return { state, code, detail, ...(url === undefined ? {} : { url }) };
}

/** Since when (ms) nothing was heard of a run whose lease has run out; undefined: it is in touch. */
export function silentSince(
  run: Pick<RunRow, 'lease_expires_at' | 'seen_at'>,
  now: number,
): number | undefined {
  return run.lease_expires_at <= now ? run.seen_at : undefined;
}

export function checkKey(row: Pick<JobRow, 'repo_id' | 'id' | 'attempt'>, sha: string): string {
  return `check:${row.repo_id}:${sha}:${row.id}:${Math.max(1, row.attempt)}`;
}

/** The heads that show a job's check run: the job PR's, and that of the PR where the ask was written. */
export function checkTargets(view: JobView): string[] {
  const heads = [view.row.head_sha, view.ask ? askData(view.ask).pullHead : undefined];
  return [...new Set(heads.filter((sha): sha is string => Boolean(sha)))];
}

export async function readableTail(scope: Scope, view: JobView): Promise<string> {
  if (!view.run) return '';
  const bytes = await readLogTail(scope.store.db, view.run.id, TAIL_BYTES);
  return redactPublished(renderLog(decodeLog(bytes), scriptOf(view.job)));
}

export function matchFor(scope: Scope, { job, run }: Pick<JobView, 'job' | 'run'>): Promise<RunnerMatch> {
  return matchLiveRunner(scope.store.db, scope.repo, job, scope.now(), run?.id);
}

/** 1 = next. */
export async function queuePosition(scope: Scope, row: JobRow): Promise<number> {
  const queued = await listJobsByState(scope.store.db, ['queued'], row.repo_id);
  return queued.filter((other) => (other.queued_at ?? 0) < (row.queued_at ?? 0)).length + 1;
}
