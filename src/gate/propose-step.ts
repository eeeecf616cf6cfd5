import { repositoryUrl, type Scope } from '../github/scope.ts';
import { parseGoal } from '../job/parse-goal.ts';
import { parseJob } from '../job/parse-job.ts';
import { policyFindings } from '../job/policy.ts';
import { jobCommitMessage } from '../messages/commit-messages.ts';
import { messagesFor } from '../messages/messages.ts';
import { getGoal, goalTopic, patchGoal } from '../store/goals.ts';
import { getJob, insertJob, patchJob } from '../store/jobs.ts';
import { matchLiveRunner } from '../store/match-live-runner.ts';
import { getPull, putPull } from '../store/pulls.ts';
import { type GoalStep, goalData, pullData, withData } from '../store/row-data.ts';
import type { Tx } from '../store/store.ts';
import type { GoalRow } from '../store/tables.ts';
import { enqueue } from '../store/work.ts';
import { expectedRun } from './expected-run.ts';
import { stepBranch } from './goal-step.ts';
import { jobColumns } from './job-columns.ts';
import { openPull } from './propose-job.ts';
import { pullTitle, renderPullBody } from './pull-body.ts';

/**
 * Opens the PR of a goal's current job: an ordinary job PR, which the goal's approval merges if it stays
 * inside the envelope. Id, bytes, base and branch are fixed in the step.
 */
export async function proposeStep(scope: Scope, goal: GoalRow): Promise<void> {
  const { steps } = goalData(goal);
  const step = steps.at(-1);
  const parsed = step && parseJob(step.file, { path: `jobs/queue/${step.jobId}.json` });
  const envelope = parseGoal(goal.file, { path: `jobs/goals/${goal.id}.json` });
  if (!step || !parsed?.ok || !envelope.ok) throw new Error(`the step of goal ${goal.id} cannot be read`);
  const { job, text } = parsed;
  const path = `jobs/queue/${job.id}.json`;
  const m = messagesFor(goal.language);
  const url = `${repositoryUrl(scope)}/pull/${goal.pr_number}`;
  const approval = goal.approval ? (JSON.parse(goal.approval) as { login: string }) : null;
  const about = { id: goal.id, url, number: steps.length, of: envelope.goal.envelope.max_jobs };
  const words = {
    files: [{ path, content: text }],
    message: jobCommitMessage(job, approval && { login: approval.login, url }, 1),
    title: pullTitle(job),
    body: renderPullBody({
      language: goal.language,
      timeZone: scope.settings.timeZone,
      trigger: scope.settings.trigger,
      job,
      file: text,
      summary: step.why,
      login: approval?.login ?? '',
      askUrl: url,
      repositoryUrl: repositoryUrl(scope),
      serves: [],
      match: await matchLiveRunner(scope.store.db, scope.repo, job, scope.now()),
      findings: policyFindings(job, text, path, scope.settings),
      cost: null,
      expected: await expectedRun(scope, job),
      rawPlan: null,
      revision: 1,
      dispatch: scope.settings.dispatch,
      auto: false,
      approve: scope.settings.policy.approve,
      goal: m.goalStep({ ...about, outside: step.outside }),
    }),
  };
  const first = stepBranch(goal.id, steps.length);
  for (const branch of [first, `${first}-${parsed.digest.slice(-8)}`]) {
    // What was tried before may be there already; an intent of ours stands in the step itself.
    const opened = await openPull(scope, { branch, base: step.base, ...words, again: true });
    if (!opened) continue;
    await scope.store.write((tx) => record(tx, scope, goal, step, opened));
    return;
  }
  throw new Error(`the branch ${first} exists, or a PR from it, and is not ours; delete it`);
}

async function record(
  tx: Tx,
  scope: Scope,
  goal: GoalRow,
  step: GoalStep,
  pull: { number: number; headSha: string; url: string; shownAt: number },
): Promise<void> {
  const { repo } = scope;
  const row = (await getGoal(tx, repo.id, goal.id)) ?? goal;
  const data = goalData(row);
  const last = data.steps.at(-1);
  if (last?.jobId !== step.jobId) return;
  const now = scope.now();
  await reserveStep(tx, scope, step);
  await patchJob(tx, repo.id, step.jobId, { pr_number: pull.number, head_sha: pull.headSha });
  const known = await getPull(tx, repo.id, pull.number);
  await putPull(tx, {
    repo_id: repo.id,
    number: pull.number,
    ask_key: null,
    data: withData(pullData(known), {
      headSha: pull.headSha,
      headSeenAt: now,
      headShownAt: pull.shownAt,
      url: pull.url,
      ownSha: pull.headSha,
      ...(data.cancelledBy ? { cancelled: true } : {}),
    }),
    updated_at: now,
  });
  const steps = [...data.steps.slice(0, -1), { ...last, proposedAt: now }];
  await patchGoal(tx, repo.id, goal.id, { data: withData(data, { steps }), updated_at: now });
  await enqueue(tx, `pr:${repo.id}:${pull.number}`);
  await enqueue(tx, `status:${goalTopic(goal)}`);
}

/** The proposed row of a step's job; one that is there stays as it is. */
export async function reserveStep(
  tx: Tx,
  scope: Scope,
  step: Pick<GoalStep, 'jobId' | 'file'>,
): Promise<void> {
  const parsed = parseJob(step.file, { path: `jobs/queue/${step.jobId}.json` });
  if (!parsed.ok || (await getJob(tx, scope.repo.id, step.jobId))) return;
  await insertJob(tx, {
    ...jobColumns(scope.repo.id, parsed.job, parsed.text, parsed.digest, scope.now()),
    ask_key: null,
    pr_number: null,
    head_sha: null,
  });
}
