import { repositoryUrl, type Scope } from '../github/scope.ts';
import type { Envelope } from '../job/goal.ts';
import { priceOf, usdOf } from '../job/model-prices.ts';
import { parseGoal } from '../job/parse-goal.ts';
import { parseJob } from '../job/parse-job.ts';
import { runEntry } from '../job/report-format.ts';
import { recordPath } from '../job/report-paths.ts';
import type { GoalQuestion } from '../messages/en-goals.ts';
import { goalCallsKey, goalKey } from '../store/goals.ts';
import { getJob } from '../store/jobs.ts';
import { listModelCalls } from '../store/model-calls.ts';
import { type Approval, type GoalData, goalData } from '../store/row-data.ts';
import type { GoalRow } from '../store/tables.ts';
import type { GoalStatusView } from './goal-status.ts';
import { deadlineOf } from './goal-stops.ts';

export interface GoalCost {
  calls: number;
  input: number;
  output: number;
  usd: number;
  /** A model without a known price was used. */
  unpriced: boolean;
}

/** What planning and judging have cost so far. */
export async function goalCost(scope: Scope, goal: GoalRow): Promise<GoalCost> {
  const calls = await listModelCalls(scope.store.db, goalCallsKey(goal));
  const cost = { calls: calls.length, input: 0, output: 0, usd: 0, unpriced: false };
  for (const { model, input_tokens: input, output_tokens: output } of calls) {
    cost.input += input;
    cost.output += output;
    cost.usd += usdOf(scope.settings.modelPrices, model, { input, output }) ?? 0;
    cost.unpriced ||= priceOf(scope.settings.modelPrices, model) === null;
  }
  return cost;
}

/** The goal's file. It was validated before it was admitted, so a failure here is ours. */
export function goalOf(goal: Pick<GoalRow, 'id' | 'file'>) {
  const parsed = parseGoal(goal.file, { path: `jobs/goals/${goal.id}.json` });
  if (!parsed.ok)
    throw new Error(`the stored file of goal ${goal.id} does not parse: ${parsed.findings[0]?.message}`);
  return parsed;
}

/** What a person is asked, null = nothing. */
export async function questionOf(scope: Scope, goal: GoalRow, data: GoalData): Promise<GoalQuestion | null> {
  const step = data.steps.at(-1);
  if (!data.asked || goal.state !== 'waiting') return null;
  if (!step) return { why: 'recalled' };
  const { verdict } = step;
  if (!verdict) {
    const row = await getJob(scope.store.db, scope.repo.id, step.jobId);
    // Approved meanwhile: it runs.
    if (row && row.state !== 'proposed') return null;
    const pull = row?.pr_number
      ? { number: row.pr_number, url: `${repositoryUrl(scope)}/pull/${row.pr_number}` }
      : null;
    return { why: 'outside', pull, job: step.jobId, outside: step.outside };
  }
  if (verdict.kind === 'closed') return { why: 'closed', job: step.jobId, state: verdict.reason ?? '' };
  if (verdict.reason === 'no_model') return { why: 'no_model' };
  if (verdict.reason === 'mute') return { why: 'mute', error: verdict.text ?? '' };
  return { why: 'stuck', text: verdict.text ?? '' };
}

/** A goal as its status comment shows it. */
export async function goalView(
  scope: Scope,
  goal: GoalRow,
  held: GoalStatusView['held'],
): Promise<GoalStatusView> {
  const data = goalData(goal);
  const { goal: file } = goalOf(goal);
  const url = repositoryUrl(scope);
  const approval = goal.approval ? (JSON.parse(goal.approval) as Approval) : null;
  const question = await questionOf(scope, goal, data);
  return {
    language: goal.language,
    timeZone: scope.settings.timeZone,
    trigger: scope.settings.trigger,
    id: goal.id,
    title: file.title ?? file.goal.split('\n')[0] ?? '',
    goal: file.goal,
    dod: file.dod ?? null,
    state: goal.state === 'waiting' && question === null ? 'running' : goal.state,
    pull: { number: goal.pr_number, url: `${url}/pull/${goal.pr_number}` },
    approvedBy: approval?.login ?? null,
    jobs: await Promise.all(data.steps.map((step) => jobOfStep(scope, url, step))),
    cost: { ...(await goalCost(scope, goal)), ...capsOf(file.envelope, data) },
    question,
    held,
    pausedUntil: data.pausedUntil && data.pausedUntil > scope.now() ? data.pausedUntil : null,
    ended: data.ended ?? null,
  };
}

function capsOf(envelope: Envelope, { startedAt }: GoalData) {
  return {
    maxUsd: envelope.max_usd,
    maxJobs: envelope.max_jobs,
    deadline: startedAt === undefined ? null : deadlineOf(envelope, startedAt),
  };
}

async function jobOfStep(
  scope: Scope,
  url: string,
  step: GoalData['steps'][number],
): Promise<GoalStatusView['jobs'][number]> {
  const row = await getJob(scope.store.db, scope.repo.id, step.jobId);
  const parsed = parseJob(step.file, { path: `jobs/queue/${step.jobId}.json` });
  const entry = row?.verdict ? runEntry.parse(JSON.parse(row.verdict)) : null;
  const path = parsed.ok ? (entry?.log ?? recordPath(parsed.job.report_path)) : null;
  const link =
    row?.report_sha && path
      ? `${url}/blob/${row.report_sha}/${path}`
      : row?.pr_number
        ? `${url}/pull/${row.pr_number}`
        : null;
  return {
    id: step.jobId,
    ...(link ? { url: link } : {}),
    title: parsed.ok ? (parsed.job.title ?? '') : '',
    state: row?.state ?? null,
    seconds: entry?.duration_seconds ?? null,
    ...(step.verdict ? { verdict: step.verdict } : {}),
  };
}

/** The key of a comment of a goal that is said once, about its n-th job. */
export function onceKey(kind: 'question' | 'reminder', goal: GoalRow, data: GoalData): string {
  return `${kind}:${goalKey(goal)}:${data.asked?.key ?? ''}`;
}
