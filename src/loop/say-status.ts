import { queueView } from '../dispatch/queue-view.ts';
import { repositoryUrl } from '../github/scope.ts';
import { usageToday } from '../plan/model-cap.ts';
import { jobOf } from '../report/judge-run.ts';
import { monthSoFar } from '../report/month-so-far.ts';
import { renderStatusTable, type StatusTableView } from '../report/status-table.ts';
import { goalOf } from '../schedule/goal-view.ts';
import { listOpenGoals } from '../store/goals.ts';
import { listJobsByState } from '../store/jobs.ts';
import { goalData } from '../store/row-data.ts';
import type { CommandRow, JobRow } from '../store/tables.ts';
import { pauseWords } from './pause-work.ts';
import { scheduleStatuses } from './status-schedules.ts';
import { lastNumber, type WorkContext } from './work.ts';

/** `/status`: what waits, what runs, who is live, what is stuck, and what stopped it all. */
export async function sayStatus(c: WorkContext, command: CommandRow): Promise<string> {
  const view = await queueView(c.store.db, c.repo.id, c.now());
  const proposed = await listJobsByState(c.store.db, ['proposed'], c.repo.id);
  const url = (job: JobRow) => (job.pr_number ? { url: `${repositoryUrl(c)}/pull/${job.pr_number}` } : {});
  const waiting = [...view.queued, ...proposed].map((job) => ({
    ...titled(job),
    ...url(job),
    state: job.state as 'proposed' | 'queued',
    since: job.queued_at ?? job.created_at,
  }));
  const running = view.running.map(({ job, run }) => ({
    ...titled(job),
    ...url(job),
    state: job.state as 'leased' | 'running',
    runner: run.runner,
    since: run.started_at ?? run.seen_at,
  }));
  return renderStatusTable({
    language: command.language,
    timeZone: c.settings.timeZone,
    trigger: c.settings.trigger,
    now: c.now(),
    paused: c.paused && pauseWords(c.paused, c.settings.timeZone),
    usage: {
      ...(await usageToday(c.store.db, c)),
      tokensLimit: c.settings.limits.tokensPerDay,
      usdLimit: c.settings.limits.usdPerDay,
    },
    costs: await costsView(c),
    schedules: await scheduleStatuses(c),
    jobs: [...running, ...waiting],
    goals: await goals(c),
    stuck: view.stuck.map((item) => ({
      what: `${item.key.split(':')[0]} #${lastNumber(item.key.replace(/[a-z](\d+)$/, '$1')) || item.key}`,
      error: item.last_error ?? '',
      since: item.due_at,
    })),
    runners: view.runners.map((runner) => ({
      name: runner.name,
      labels: runner.labels,
      seenAt: runner.seenAt,
      ...(runner.draining ? { draining: true } : {}),
      ...(runner.asleep ? { asleep: true } : {}),
      ...jobOfRun(view.running, runner.runId),
    })),
  });
}

async function costsView(c: WorkContext): Promise<StatusTableView['costs']> {
  const { month, summary, file } = await monthSoFar(c);
  const ran = Object.values(summary.runs).some((count) => count > 0);
  if (!ran && Object.keys(summary.total).length === 0) return null;
  return { ...summary, month, url: file === null ? undefined : `${repositoryUrl(c)}/blob/${file}` };
}

function titled(job: JobRow): { id: string; title?: string } {
  const { title } = jobOf(job);
  return { id: job.id, ...(title ? { title } : {}) };
}

function jobOfRun(running: { job: JobRow; run: { id: string } }[], runId: string | null): { jobId?: string } {
  const found = running.find(({ run }) => run.id === runId);
  return found ? { jobId: found.job.id } : {};
}

async function goals(c: WorkContext) {
  const open = await listOpenGoals(c.store.db, c.repo.id);
  return open.map((goal) => {
    const { goal: file } = goalOf(goal);
    return {
      id: goal.id,
      url: `${repositoryUrl(c)}/issues/${goal.thread}`,
      title: file.title ?? file.goal,
      state: goal.state as 'proposed' | 'running' | 'waiting',
      jobs: goalData(goal).steps.length,
      maxJobs: file.envelope.max_jobs,
    };
  });
}
