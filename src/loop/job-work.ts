import { commitReport } from '../report/commit-report.ts';
import { jobView } from '../report/job-view.ts';
import { endWithoutResult, judgeRun } from '../report/judge-run.ts';
import { nextJob } from '../report/next-job.ts';
import { isReplied, replyResult } from '../report/reply-result.ts';
import { checksCurrent, jobChecks, updateChecks } from '../report/update-checks.ts';
import { getJob } from '../store/jobs.ts';
import { latestRun } from '../store/runs.ts';
import type { WorkContext, WorkResult } from './work.ts';

/** Shows a job on its check runs while it lives, and reports it when its run has ended. */
export async function workOnJob(c: WorkContext): Promise<WorkResult> {
  const id = c.key.slice(c.key.lastIndexOf(':') + 1);
  for (;;) {
    c.signal.throwIfAborted();
    const row = await getJob(c.store.db, c.repo.id, id);
    if (!row) return 'done';
    const last = await latestRun(c.store.db, c.repo.id, id);
    // Queued again by `/retry`, it has no run yet: the last one is history.
    const run = last?.attempt === Math.max(1, row.attempt) ? last : undefined;
    const view = await jobView(c, row, run);
    const checks = await jobChecks(c, view);
    const next = nextJob({
      state: row.state,
      run: run ?? null,
      judged: row.verdict !== null && !isLate(row.state, run?.state),
      reported: row.report_sha !== null,
      checksCurrent: await checksCurrent(c, checks),
      replied: await isReplied(c, view),
    });
    if (!('do' in next)) return 'done';
    switch (next.do) {
      case 'judge':
        if (run) await judgeRun(c, row, run);
        break;
      case 'end_without_result':
        await endWithoutResult(c, row, run);
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

/** A result came after the job was given up as lost: it is judged anew. */
function isLate(job: string, run: string | undefined): boolean {
  return job === 'lost' && run === 'finished';
}
