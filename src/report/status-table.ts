import type { LedgerSummary } from '../job/ledger/summarise.ts';
import type { PausedWords } from '../messages/en-replies.ts';
import { formatTime } from '../messages/format.ts';
import { cell, codeCell, link, list, paragraphs } from '../messages/markdown.ts';
import { type Messages, messagesFor } from '../messages/messages.ts';
import { neutraliseInline } from '../messages/neutralise.ts';
import { clip } from '../messages/plain-text.ts';
import type { Locale, ScheduleStatus } from '../messages/views.ts';

/** What `/status` answers. Callers sort and leave out runners that are no longer live. */
export type StatusTableView = Locale & {
  now: number;
  paused: PausedWords | null;
  /** Of the model, today. */
  usage: { tokens: number; tokensLimit: number; usd: number; usdLimit: number; unpriced: readonly string[] };
  /** The month so far; null: nothing was spent, and nothing ran. */
  costs: (LedgerSummary & { month: string; url: string | undefined }) | null;
  jobs: readonly {
    id: string;
    title?: string;
    url?: string;
    state: 'proposed' | 'queued' | 'leased' | 'running';
    runner?: string;
    /** In this state since. */
    since: number;
  }[];
  goals: readonly {
    id: string;
    url: string;
    title: string;
    state: 'proposed' | 'running' | 'waiting';
    jobs: number;
    maxJobs: number;
  }[];
  schedules?: readonly ScheduleStatus[];
  /** `what`: words for the item, e.g. `ask #12`. */
  stuck: readonly { what: string; url?: string; error: string; since: number }[];
  runners: readonly {
    name: string;
    labels: readonly string[];
    seenAt: number;
    jobId?: string;
    draining?: boolean;
    asleep?: boolean;
  }[];
};

export function renderStatusTable(view: StatusTableView): string {
  const m = messagesFor(view.language);
  const seconds = (since: number) => Math.max(0, Math.round((view.now - since) / 1000));
  const jobs = view.jobs.map((job) =>
    row([
      link(codeCell(job.id), job.url),
      cell(job.title ?? '', 80),
      m.statusState({ state: job.state }),
      job.runner ? codeCell(job.runner) : '',
      m.duration({ seconds: seconds(job.since) }),
    ]),
  );
  const goals = view.goals.map((goal) =>
    row([
      link(codeCell(goal.id), goal.url),
      cell(goal.title, 80),
      m.goalState({ state: goal.state }),
      `${goal.jobs}/${goal.maxJobs}`,
    ]),
  );
  const schedules = (view.schedules ?? []).map((one) => scheduleRow(one, m));
  const stuck = view.stuck.map(
    (item) =>
      `${link(cell(item.what, 80), item.url)}${m.statusStuckFor({ seconds: seconds(item.since) })}: ${neutraliseInline(clip(item.error, 300))}`,
  );
  const runners = view.runners.map((runner) =>
    row([
      codeCell(runner.name),
      runner.labels.map((label) => codeCell(label)).join(' '),
      [runner.asleep ? m.statusAsleep() : '', runner.jobId ? codeCell(runner.jobId) : '']
        .filter(Boolean)
        .join(' ') || (runner.draining ? m.statusDraining() : m.statusIdle()),
      m.statusAgo({ seconds: seconds(runner.seenAt) }),
    ]),
  );
  return paragraphs(
    view.paused && m.statusPaused(view.paused),
    jobs.length > 0 && `**${m.statusJobs()}**\n\n${table(m.statusColumnsJobs(), jobs)}`,
    goals.length > 0 && `**${m.statusGoals()}**\n\n${table(m.statusColumnsGoals(), goals)}`,
    schedules.length > 0 && `**${m.statusSchedules()}**\n\n${table(m.statusColumnsSchedules(), schedules)}`,
    stuck.length > 0 && `**${m.statusStuck()}**\n\n${list(stuck)}`,
    jobs.length + goals.length + stuck.length === 0 && m.statusNothing(),
    runners.length > 0
      ? `**${m.statusRunners()}**\n\n${table(m.statusColumnsRunners(), runners)}`
      : m.statusNoRunners(),
    view.usage.tokens > 0 && m.statusUsage(view.usage),
    view.costs &&
      paragraphs(m.statusCosts(view.costs), list(view.costs.fixed.map((one) => m.statusFixed(one)))),
  );
}

function scheduleRow(one: ScheduleStatus, m: Messages): string {
  const { name, title = '', url, cron, timeZone, last, next } = one;
  return row([
    link(codeCell(name), url),
    cell(title, 80),
    `${codeCell(cron)} ${cell(timeZone, 60)}`,
    m.scheduleResult(one),
    last === null ? '' : formatTime(last, timeZone),
    next === 'paused' ? m.schedulePaused() : next === null ? '' : formatTime(next, timeZone),
  ]);
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function table(header: string, rows: readonly string[]): string {
  const columns = header.split('|').length - 2;
  return [header, `|${' --- |'.repeat(columns)}`, ...rows].join('\n');
}
