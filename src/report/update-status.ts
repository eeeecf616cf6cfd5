import { publishComment } from '../github/publish.ts';
import { repositoryUrl, type Scope } from '../github/scope.ts';
import type { Job } from '../job/job.ts';
import type { ReasonCode } from '../messages/reasons.ts';
import type { Cost } from '../messages/views.ts';
import { getAsk } from '../store/asks.ts';
import { getJob } from '../store/jobs.ts';
import { matchLiveRunner } from '../store/match-live-runner.ts';
import { latestPlan } from '../store/plans.ts';
import { getPublished } from '../store/published.ts';
import { getPull } from '../store/pulls.ts';
import { type Approval, askData, type PullData, pullData } from '../store/row-data.ts';
import { latestRun } from '../store/runs.ts';
import type { AskRow, JobRow, PlanRow } from '../store/tables.ts';
import { getWork } from '../store/work.ts';
import { type JobView, jobView, matchFor, queuePosition, silentSince } from './job-view.ts';
import { type AskStage, type AskView, renderStatus } from './status-comment.ts';

/** Edits of one comment are at least this far apart, so that a quick loop costs few of them. */
const EDIT_INTERVAL_MS = 5_000;

/** Writes the status comment as the rows have it now. `dueAt`: too early, look again then. */
export async function updateStatus(scope: Scope, askKey: string): Promise<'done' | { dueAt: number }> {
  const ask = await getAsk(scope.store.db, askKey);
  if (!ask || ask.state === 'received' || ask.state === 'ignored') return 'done';
  if (askData(ask).unheard) return 'done';
  const published = await getPublished(scope.store.db, `status:${askKey}`);
  if (published && published.github_id !== 0 && ask.state !== 'ended') {
    const age = scope.now() - published.updated_at;
    // Edited in the future: the clock was set back since.
    if (age >= 0 && age < EDIT_INTERVAL_MS) return { dueAt: published.updated_at + EDIT_INTERVAL_MS };
  }
  const body = renderStatus(await askView(scope, ask));
  await publishComment(scope, { issue: ask.thread, key: `status:${askKey}`, body });
  return 'done';
}

async function askView(scope: Scope, ask: AskRow): Promise<AskView> {
  const data = askData(ask);
  const plan = await latestPlan(scope.store.db, ask.key);
  const row = ask.job_id ? await getJob(scope.store.db, ask.repo_id, ask.job_id) : undefined;
  const last = row && (await latestRun(scope.store.db, row.repo_id, row.id));
  const run = last?.attempt === Math.max(1, row?.attempt ?? 0) ? last : undefined;
  const job = row ? await jobView(scope, row, run) : undefined;
  const pull = ask.pr_number ? await getPull(scope.store.db, ask.repo_id, ask.pr_number) : undefined;
  const url = pullData(pull).url ?? data.pullUrl;
  const cost = costOf(plan);
  const undo = job?.job.undo;
  const approval = row ? approvalOf(row, pullData(pull)) : undefined;
  return {
    language: ask.language,
    timeZone: scope.settings.timeZone,
    trigger: scope.settings.trigger,
    login: ask.login,
    ...(job?.job.title ? { title: job.job.title } : {}),
    ...(row ? { jobId: row.id } : {}),
    ...(row && pull
      ? { jobUrl: `${repositoryUrl(scope)}/blob/${row.head_sha}/jobs/queue/${row.id}.json` }
      : {}),
    ...(ask.pr_number && url ? { pull: { number: ask.pr_number, url } } : {}),
    ...(approval ? { approval: { login: approval.login, how: approval.how } } : {}),
    ...(row && row.attempt > 0 ? { attempt: row.attempt } : {}),
    ...(cost ? { cost } : {}),
    ...(undo ? { undo: typeof undo === 'string' ? undo : undo.join('\n') } : {}),
    ...(job ? { links: job.links } : {}),
    ...(await askStage(scope, ask, plan, row, job)),
  };
}

/** Of the job, or of the head that is being merged. */
function approvalOf(row: JobRow, pull: PullData): Approval | undefined {
  if (row.approval) return JSON.parse(row.approval) as Approval;
  const given = row.state === 'proposed' && pull.approval?.sha === pull.headSha ? pull.approval : undefined;
  return given && !pull.blocked ? given : undefined;
}

function costOf(plan: PlanRow | undefined): Cost | null {
  if (!plan || plan.model === '') return null;
  return { model: plan.model, inputTokens: plan.input_tokens, outputTokens: plan.output_tokens };
}

async function askStage(
  scope: Scope,
  ask: AskRow,
  plan: PlanRow | undefined,
  row: JobRow | undefined,
  job: JobView | undefined,
): Promise<AskStage> {
  const data = askData(ask);
  const work = await getWork(scope.store.db, ask.key);
  if (work?.stuck) return { stage: 'stuck', error: work.last_error ?? '', since: ask.updated_at };
  if (ask.state === 'ended') {
    // The reply says that it was planned again; the PR's own ask goes on with it.
    if (ask.reason === 'superseded') return { stage: 'answered' };
    if (ask.reason === 'scheduled') return { stage: 'scheduled' };
    if (ask.reason === 'cancelled' && row?.attempt === 0)
      return { stage: 'cancelled', by: data.endedBy ?? null };
    if (data.refusal && !row?.attempt)
      return { stage: 'refused', reason: ask.reason as ReasonCode, text: data.refusal };
    if (ask.reason === 'rejected') return { stage: 'rejected', by: data.endedBy ?? null };
    if (plan?.kind === 'answer') return { stage: 'answered' };
    if (plan?.kind === 'question') return { stage: 'question' };
    if (plan?.kind === 'refusal') {
      return {
        stage: 'refused',
        reason: 'model_refused',
        text: (JSON.parse(plan.body) as { reason: string }).reason,
      };
    }
    if (!row) return { stage: 'cancelled', by: data.endedBy ?? null };
  }
  if (ask.state === 'accepted')
    return { stage: 'planning', ...(data.retryAt ? { retryAt: data.retryAt } : {}) };
  if (plan?.kind === 'schedule' && ask.state === 'proposed') return scheduleStage(scope, ask, plan);
  if (!row || !job || ask.state === 'planned') return { stage: 'planning' };
  return jobStage(scope, ask, plan, row, job);
}

/** Why a fenced ask, which could have been merged at once, was not. */
function fenceWaits(scope: Scope, plan: PlanRow | undefined): { waits?: 'settings' | 'policy' } {
  if (plan?.model !== '') return {};
  if (scope.settings.gate.fenced === 'approve') return { waits: 'settings' };
  const { own, count } = scope.settings.policy.approve;
  return own && count === 1 ? {} : { waits: 'policy' };
}

/** A schedule has no row of its own before it is in force. */
async function scheduleStage(scope: Scope, ask: AskRow, plan: PlanRow): Promise<AskStage> {
  const { job } = (
    JSON.parse(plan.body) as { schedule: { job: Pick<Job, 'runs_on' | 'requires' | 'network'> } }
  ).schedule;
  return {
    stage: 'proposed',
    match: await matchLiveRunner(scope.store.db, scope.repo, job, scope.now()),
    ...fenceWaits(scope, plan),
    ...(await troubleOf(scope, ask)),
  };
}

/** What keeps the PR of an ask from being merged. */
async function troubleOf(scope: Scope, ask: AskRow): Promise<{ blocked?: string; invalid?: number }> {
  const pull = pullData(await getPull(scope.store.db, ask.repo_id, ask.pr_number ?? 0));
  return {
    ...(pull.blocked && pull.blocked.sha === pull.headSha ? { blocked: pull.blocked.message } : {}),
    ...(pull.failures ? { invalid: pull.failures } : {}),
  };
}

async function jobStage(
  scope: Scope,
  ask: AskRow,
  plan: PlanRow | undefined,
  row: JobRow,
  job: JobView,
): Promise<AskStage> {
  const { run, outcome, entry } = job;
  if (outcome && entry) {
    return {
      stage: 'ended',
      outcome,
      runner: run?.runner ?? null,
      startedAt: run?.started_at ?? null,
      reported: row.report_sha !== null,
    };
  }
  if (row.state === 'proposed') {
    return {
      stage: 'proposed',
      match: await matchFor(scope, job),
      ...(row.reason === 'replanned' ? { waits: 'replanned' as const } : fenceWaits(scope, plan)),
      ...(await troubleOf(scope, ask)),
    };
  }
  if (row.state === 'running' && run) {
    return {
      stage: 'running',
      runner: run.runner,
      startedAt: run.started_at ?? run.seen_at,
      silentSince: silentSince(run, scope.now()),
      ...(run.cancelled_by ? { cancelling: true } : {}),
      ...(job.onMac ? { sleeps: true } : {}),
    };
  }
  return {
    stage: 'queued',
    match: await matchFor(scope, job),
    position: await queuePosition(scope, row),
  };
}
