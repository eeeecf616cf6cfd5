import { parseTickId } from '../job/tick-id.ts';
import { commitReport } from '../report/commit-report.ts';
import { jobView } from '../report/job-view.ts';
import { endWithoutResult, jobOf, judgeRun } from '../report/judge-run.ts';
import { nextJob } from '../report/next-job.ts';
import { proposeChange } from '../report/propose-change.ts';
import { isReplied, replyResult } from '../report/reply-result.ts';
import { checksCurrent, jobChecks, updateChecks } from '../report/update-checks.ts';
import { goalKey, goalOfJob, goalTopic, listOpenGoals } from '../store/goals.ts';
import { getJob } from '../store/jobs.ts';
import { latestRun } from '../store/runs.ts';
import type { GoalRow, JobRow, RunRow } from '../store/tables.ts';
import { enqueue } from '../store/work.ts';
import { currentRun, isJudged } from './run-facts.ts';
import { isUntold } from './survey.ts';
import { workOnTick } from './tick-work.ts';
import type { WorkContext, WorkResult } from './work.ts';

/** Shows a job on its check runs while it lives, and reports it when its run has ended. */
export async function workOnJob(c: WorkContext): Promise<WorkResult> {
  const id = c.key.slice(c.key.lastIndexOf(':') + 1);
  if (parseTickId(id)) return workOnTick(c, id);
  for (;;) {
    c.signal.throwIfAborted();
    const row = await getJob(c.store.db, c.repo.id, id);
    if (!row) return 'done';
    const run = currentRun(row, await latestRun(c.store.db, c.repo.id, id));
    // Its runner may still be heard of; `lost:` tells of it otherwise.
    if (isUntold(row) && run?.state !== 'finished') return 'done';
    const goal = await goalOfJob(c.store.db, c.repo.id, id);
    await tellGoals(c, goal, row);
    const view = await jobView(c, row, run);
    const checks = await jobChecks(c, view);
    const next = nextJob({
      state: row.state,
      run: run ?? null,
      judged: isJudged(row, run),
      changeDue: view.entry?.agent?.change.state === 'due',
      reported: row.report_sha !== null,
      checksCurrent: await checksCurrent(c, checks),
      // A goal tells of its jobs itself.
      replied: goal !== undefined || jobOf(row).goal !== undefined || (await isReplied(c, view)),
    });
    if (!('do' in next)) return row.state === 'running' && run ? watchLease(c, row, run) : 'done';
    switch (next.do) {
      case 'judge':
        if (run) await judgeRun(c, row, run);
        break;
      case 'end_without_result':
        await endWithoutResult(c, row, run);
        break;
      case 'propose_change':
        await proposeChange(c, view);
        break;
      case 'commit_report':
        await commitReport(c, row, run);
        break;
      case 'update_checks':
        await updateChecks(c, checks);
        break;
      case 'reply':
        await replyResult(c, view);
        return 'done';
    }
  }
}

/** A run is looked at again when its lease ends; from then on, until it is heard of, it is shown as silent. */
async function watchLease(c: WorkContext, row: JobRow, run: RunRow): Promise<WorkResult> {
  if (run.state !== 'running') return 'done';
  if (run.lease_expires_at > c.now()) return { dueAt: run.lease_expires_at };
  if (row.ask_key) await c.store.write((tx) => enqueue(tx, `status:${row.ask_key}`));
  return 'done';
}

/** A goal shows its job as it is, and goes on with its report; others may have waited for that job. */
async function tellGoals(c: WorkContext, goal: GoalRow | undefined, row: JobRow): Promise<void> {
  const waiting: GoalRow[] = [];
  for (const other of await listOpenGoals(c.store.db, c.repo.id)) {
    const job =
      other.job_id && other.job_id !== row.id ? await getJob(c.store.db, c.repo.id, other.job_id) : null;
    if (job?.state === 'queued') waiting.push(other);
  }
  if (!goal && waiting.length === 0) return;
  await c.store.write(async (tx) => {
    for (const one of waiting) await enqueue(tx, `status:${goalTopic(one)}`);
    if (goal) await enqueue(tx, `status:${goalTopic(goal)}`);
    if (goal && row.report_sha !== null) await enqueue(tx, goalKey(goal));
  });
}
