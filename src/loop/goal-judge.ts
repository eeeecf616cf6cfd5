import { cancelJob } from '../dispatch/cancel.ts';
import { idsOnDefaultBranch } from '../gate/propose-job.ts';
import { reserveStep } from '../gate/propose-step.ts';
import { recordPull } from '../gate/record-pull.ts';
import { completeJob, type PartialJob } from '../job/complete-job.ts';
import { envelopeFindings } from '../job/goal-envelope.ts';
import { nextJobId } from '../job/job-id.ts';
import { policyFindings } from '../job/policy.ts';
import { recordPath } from '../job/report-paths.ts';
import { ModelError } from '../llm/model-error.ts';
import { type JudgedReport, judgeGoal } from '../plan/judge-goal.ts';
import { goalStop, type StopReason } from '../schedule/goal-stops.ts';
import { goalCost, goalOf } from '../schedule/goal-view.ts';
import { getAsk } from '../store/asks.ts';
import { getGoal, goalCallsKey, goalKey, goalTopic, patchGoal } from '../store/goals.ts';
import { getJob, listJobIds, patchJob } from '../store/jobs.ts';
import {
  type Approval,
  type GoalData,
  type GoalStep,
  type GoalVerdict,
  goalData,
} from '../store/row-data.ts';
import type { Tx } from '../store/store.ts';
import type { AskRow, GoalRow } from '../store/tables.ts';
import { enqueue } from '../store/work.ts';
import { type GoalReport, readGoalReport } from './goal-report.ts';
import type { WorkContext } from './work.ts';

/** Fixes the first job of an approved goal: its id, its bytes and what it is built on. */
export async function startGoal(c: WorkContext, goal: GoalRow): Promise<void> {
  const { goal: file } = goalOf(goal);
  await addStep(c, goal, null, { job: file.first_job as unknown as PartialJob, why: '' });
}

/** What follows the report of a goal's current job: its DoD, its caps, then the model, in this order. */
export async function judgeStep(c: WorkContext, goal: GoalRow): Promise<void> {
  const { goal: file } = goalOf(goal);
  const data = goalData(goal);
  const step = data.steps.at(-1);
  const row = step && (await getJob(c.store.db, c.repo.id, step.jobId));
  if (!step || !row) return;
  const report = await readGoalReport(c, file, row);
  const at = c.now();
  const dod = report.dod ? { dod: report.dod } : {};
  const say = (verdict: Omit<GoalVerdict, 'at' | 'dod'>): Decided => ({
    jobId: step.jobId,
    verdict: { ...verdict, ...dod, at },
    prints: report.prints,
  });
  if (report.dod?.verdict === 'met')
    return end(c, goal, 'reached', say({ kind: 'reached', by: 'dod', evidence: [report.path] }));
  const { usd } = await goalCost(c, goal);
  const steps = [...data.steps.slice(0, -1), { ...step, prints: report.prints }];
  const stop = goalStop(steps, file.envelope, { usd, startedAt: data.startedAt ?? goal.created_at, now: at });
  // Only the model can say that a goal without a usable DoD is reached by its last job.
  if (stop !== null && (stop !== 'jobs' || report.dod?.verdict === 'unmet'))
    return end(c, goal, 'stopped', say({ kind: 'stopped', by: 'rule', reason: stop }), { reason: stop });
  if (!c.planner.model) return stuck(c, goal, say({ kind: 'stuck', by: 'rule', reason: 'no_model' }));
  const judged = await ask(c, goal, data, report, row.file);
  if (judged.kind === 'mute')
    return stuck(c, goal, say({ kind: 'stuck', by: 'rule', reason: 'mute', text: judged.why }));
  const { next } = judged;
  switch (next.kind) {
    case 'reached':
      return end(c, goal, 'reached', say({ ...next, by: 'model' }));
    case 'stuck':
      return stuck(c, goal, say({ kind: 'stuck', by: 'model', text: next.question }));
    case 'next':
      // What the model cost may have been the last of it.
      if (stop ?? (await goalCost(c, goal)).usd >= file.envelope.max_usd) {
        const reason: StopReason = stop ?? 'money';
        return end(c, goal, 'stopped', say({ kind: 'stopped', by: 'rule', reason }), { reason });
      }
      await addStep(c, goal, say({ kind: 'next', by: 'model' }), next);
  }
}

interface Decided {
  jobId: string;
  verdict: GoalVerdict;
  prints: NonNullable<GoalStep['prints']>;
}

async function ask(c: WorkContext, goal: GoalRow, data: GoalData, report: GoalReport, file: string) {
  const { goal: parsed } = goalOf(goal);
  const { entry } = report;
  const last = data.steps.at(-1);
  const judged: JudgedReport = {
    goal: parsed,
    before: data.steps.slice(0, -1).map(({ jobId, verdict, why }) => ({
      job: jobId,
      report: recordPath(`reports/jobs/${jobId}.out`),
      verdict: [why, verdict?.kind, verdict?.text].filter(Boolean).join('; ') || 'first job',
    })),
    last: {
      job: last?.jobId ?? '',
      file,
      report: report.path,
      state: entry.state,
      reason: entry.reason,
      exitCode: entry.exit_code,
      json: entry.report ?? null,
      log: report.log,
      dod: report.dod,
    },
    left: parsed.envelope.max_jobs - data.steps.length,
  };
  const input = await c.planner.gather(await askOf(c, goal, parsed.goal));
  try {
    return await judgeGoal(c, goalCallsKey(goal), c.planner, input, judged);
  } catch (error) {
    // An endpoint that is away is tried again with the work item; one that cannot be called at all is told.
    if (error instanceof ModelError && ['auth', 'not_found', 'bad_request'].includes(error.kind))
      return { kind: 'mute' as const, why: error.message };
    throw error;
  }
}

/** The context is gathered as for an ask: where it was written, by whom, in which words. */
async function askOf(c: WorkContext, goal: GoalRow, words: string): Promise<AskRow> {
  const ask = goal.ask_key ? await getAsk(c.store.db, goal.ask_key) : undefined;
  if (ask) return ask;
  const approval = goal.approval ? (JSON.parse(goal.approval) as Approval) : null;
  return {
    key: goalCallsKey(goal),
    repo_id: goal.repo_id,
    thread: goal.thread,
    source: 'i',
    source_id: goal.thread,
    on_pull: goal.thread === goal.pr_number ? 1 : 0,
    login: approval?.login ?? 'ghost',
    text: `/goal ${words}`,
    edited: 0,
    language: goal.language,
    state: 'queued',
    reason: null,
    revision: 0,
    job_id: null,
    pr_number: goal.pr_number,
    data: '{}',
    created_at: goal.created_at,
    updated_at: goal.updated_at,
  };
}

/** The next job, with the verdict that it follows from, in one transaction. */
async function addStep(
  c: WorkContext,
  goal: GoalRow,
  decided: Decided | null,
  { job, why }: { job: PartialJob; why: string },
): Promise<void> {
  const { goal: file } = goalOf(goal);
  const base = await c.client.branchHead(c.repo.default_branch, c.signal);
  if (!base) throw new Error(`the default branch ${c.repo.default_branch} has no commit`);
  const onBranch = await idsOnDefaultBranch(c, base);
  await write(c, goal, decided, async (tx, data) => {
    const taken = new Set([...onBranch, ...(await listJobIds(tx, c.repo.id, ''))]);
    const id = nextJobId(taken, new Date(c.now()), c.settings.timeZone);
    const done = completeJob({ ...job, goal: goal.id }, { id, defaults: c.settings.defaults });
    if (!done.ok) throw new Error(`the next job of goal ${goal.id} is invalid: ${done.errors[0]?.message}`);
    const path = `jobs/queue/${id}.json`;
    const outside = [
      ...envelopeFindings(file, done.job),
      ...policyFindings(done.job, done.text, path, c.settings),
    ].map(({ message }) => message);
    const step: GoalStep = { jobId: id, file: done.text, base, why, outside };
    await reserveStep(tx, c, step);
    const { asked: _, pausedUntil: __, ...rest } = data;
    return { state: 'running', job_id: id, data: { ...rest, steps: [...data.steps, step] } };
  });
}

function stuck(c: WorkContext, goal: GoalRow, decided: Decided): Promise<void> {
  return write(c, goal, decided, async (_, data) => {
    const { asked: __, pausedUntil: ___, ...rest } = data;
    return { state: 'waiting', data: rest };
  });
}

function end(
  c: WorkContext,
  goal: GoalRow,
  state: 'reached' | 'stopped',
  decided: Decided,
  ended: NonNullable<GoalData['ended']> = { reason: state },
): Promise<void> {
  return write(c, goal, decided, async (_, data) => ({ state, data: { ...data, ended } }));
}

/** Ends a goal between two reports; what of its current job can be taken back is. */
export function endGoal(
  c: WorkContext,
  goal: GoalRow,
  state: 'stopped' | 'cancelled',
  ended: NonNullable<GoalData['ended']>,
): Promise<void> {
  return write(c, goal, null, async (tx, data) => {
    const step = data.steps.at(-1);
    const job = step && (await getJob(tx, c.repo.id, step.jobId));
    if (job?.state === 'proposed' && job.pr_number) {
      await recordPull(tx, c, job.pr_number, { cancelled: true });
      await enqueue(tx, `pr:${c.repo.id}:${job.pr_number}`);
    } else if (job?.state === 'proposed') {
      await patchJob(tx, c.repo.id, job.id, { state: 'rejected', reason: 'cancelled', updated_at: c.now() });
    } else if (job && state === 'cancelled') {
      await cancelJob(tx, c.repo.id, job.id, ended.by ?? '', c.now());
    }
    return { state, data: { ...data, ended } };
  });
}

/** Writes a decision down, unless somebody ended the goal or another decision was faster. */
async function write(
  c: WorkContext,
  goal: GoalRow,
  decided: Decided | null,
  patch: (tx: Tx, data: GoalData) => Promise<{ state: GoalRow['state']; job_id?: string; data: GoalData }>,
): Promise<void> {
  await c.store.write(async (tx) => {
    const now = await getGoal(tx, goal.repo_id, goal.id);
    if (!now || (now.state !== 'running' && now.state !== 'waiting')) return;
    const data = goalData(now);
    const known = goalData(goal);
    if (data.steps.length !== known.steps.length) return;
    const last = data.steps.at(-1);
    if (decided && (last?.jobId !== decided.jobId || (last.verdict && last.verdict.kind !== 'closed')))
      return;
    const steps =
      decided && last
        ? [...data.steps.slice(0, -1), { ...last, verdict: decided.verdict, prints: decided.prints }]
        : data.steps;
    const wanted = await patch(tx, { ...data, steps });
    await patchGoal(tx, goal.repo_id, goal.id, {
      state: wanted.state,
      ...(wanted.job_id ? { job_id: wanted.job_id } : {}),
      data: JSON.stringify(wanted.data),
      updated_at: c.now(),
    });
    await enqueue(tx, goalKey(goal));
    await enqueue(tx, `status:${goalTopic(goal)}`);
  });
}
