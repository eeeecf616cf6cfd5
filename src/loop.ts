import { workOnAsk } from './loop/ask-work.ts';
import { workOnCommand } from './loop/command-work.ts';
import { workOnScheduleFile, workOnSchedules } from './loop/compare-schedules.ts';
import { workOnContradiction } from './loop/contradiction-work.ts';
import { workOnCosts } from './loop/costs-work.ts';
import {
  button,
  type Due,
  dequeued,
  type EventTable,
  issueComment,
  openingText,
  pullDue,
  push,
  repositoryDue,
  reviewComment,
  suiteRerun,
} from './loop/due.ts';
import { workOnFile } from './loop/file-work.ts';
import { workOnFound } from './loop/found-work.ts';
import { workOnGoal } from './loop/goal-work.ts';
import { workOnSurvey } from './loop/hold.ts';
import { workOnJob } from './loop/job-work.ts';
import { workOnLost } from './loop/lost-work.ts';
import { workOnPause } from './loop/pause-work.ts';
import { workOnGroup, workOnPull } from './loop/pull-work.ts';
import { workOnRecall } from './loop/recall-job.ts';
import { workOnRepository } from './loop/repository-work.ts';
import { workOnSchedule } from './loop/schedule-work.ts';
import { workOnStatus, workOnStuck } from './loop/status-work.ts';
import { workOnTicks } from './loop/ticks-work.ts';
import type { Work } from './loop/work.ts';

/**
 * The loop in two tables. First: what happened → what is due. An event only records rows and work keys,
 * in one transaction, before GitHub gets its 200. An event that is not here does nothing.
 */
export const EVENTS: EventTable = {
  // Somebody wrote: an ask or another command, if the first line is one.
  'issue_comment.created': issueComment,
  'issue_comment.edited': issueComment,
  'pull_request_review_comment.created': reviewComment,
  'pull_request_review_comment.edited': reviewComment,
  'issues.opened': (p, now) => openingText(p.repository.id, p.issue, false, now),
  'issues.edited': (p, now) =>
    p.changes.body ? openingText(p.repository.id, p.issue, false, now, p.changes.body.from) : [],

  // A PR changed: look at it again, whatever it was.
  'pull_request.opened': (p, now) => [
    ...openingText(p.repository.id, p.pull_request, true, now),
    ...pullDue(p),
  ],
  'pull_request.edited': (p, now) => [
    ...(p.changes.body ? openingText(p.repository.id, p.pull_request, true, now, p.changes.body.from) : []),
    ...pullDue(p),
  ],
  'pull_request.reopened': pullDue,
  'pull_request.synchronize': pullDue,
  'pull_request.ready_for_review': pullDue,
  'pull_request.closed': pullDue,
  'pull_request.dequeued': dequeued,
  'pull_request_review.submitted': pullDue,
  'pull_request_review.dismissed': pullDue,
  'check_suite.rerequested': suiteRerun,
  'merge_group.checks_requested': (p) =>
    p.repository ? [{ kind: 'work', key: `group:${p.repository.id}:${p.merge_group.head_sha}` }] : [],

  // Somebody clicked on a check run: the same commands without a comment.
  'check_run.rerequested': (p) => button(p, 'retry'),
  'check_run.requested_action': (p) => button(p, p.requested_action?.identifier ?? ''),

  // The settings, the repository or the installation changed.
  push,
  'repository.renamed': repositoryDue,
  'repository.transferred': repositoryDue,
  'repository.archived': repositoryDue,
  'repository.unarchived': repositoryDue,
  'repository.edited': repositoryDue,
  'repository.deleted': repositoryDue,
  'installation.suspend': (p) => [{ kind: 'installation', id: p.installation.id, state: 'suspended' }],
  'installation.unsuspend': (p) => [{ kind: 'installation', id: p.installation.id, state: 'active' }],
  'installation.deleted': (p) => [{ kind: 'installation', id: p.installation.id, state: 'gone' }],
  'installation_repositories.removed': (p) => [
    { kind: 'repositories_removed', ids: p.repositories_removed.map((repository) => repository.id) },
  ],
};

/**
 * Second: the first word of a due key → who works on it. Each reads its rows, asks a pure `next…` function
 * for the one effect that is due, performs it, records the outcome, and goes on until there is nothing to
 * do but wait. A webhook, a restart and a retry come to the same place.
 *
 *     ask      received → accepted → planned → proposed     src/ask/next-ask.ts
 *     pr       validated → approved → merged → admitted     src/gate/next-pull.ts
 *     job      queued → running → judged → reported         src/report/next-job.ts
 *     schedule approved → due → a job for each tick          src/schedule/due-ticks.ts
 *     ticks    counted → recorded → told if it changed       src/schedule/next-report.ts
 *     goal     first job → judged → next job → … → reached     src/schedule/goal-next.ts
 *
 * Before the first of a repository's keys is worked on after a start, the repository is surveyed: our rows
 * may be new, or come from an old backup (src/loop/survey.ts).
 */
export const WORK: Record<string, Work> = {
  ask: workOnAsk,
  command: workOnCommand,
  pr: workOnPull,
  group: workOnGroup,
  file: workOnFile,
  job: workOnJob,
  schedule: workOnSchedule,
  ticks: workOnTicks,
  schedules: workOnSchedules,
  'schedule-file': workOnScheduleFile,
  goal: workOnGoal,
  status: workOnStatus,
  pause: workOnPause,
  costs: workOnCosts,
  contradiction: workOnContradiction,
  repo: workOnRepository,
  found: workOnFound,
  survey: workOnSurvey,
  recall: workOnRecall,
  lost: workOnLost,
  stuck: workOnStuck,
};

/** Whether the table names an event. */
export function isKnownEvent(name: string, action: string | null): boolean {
  return Object.hasOwn(EVENTS, action ? `${name}.${action}` : name);
}

/** What one event makes due; nothing for an event the table does not name. */
export function dueOf(name: string, payload: unknown, now: number): Due[] {
  const action = (payload as { action?: string }).action;
  const table = EVENTS as Record<string, ((payload: never, now: number) => Due[]) | undefined>;
  const handler = table[action ? `${name}.${action}` : name];
  return handler ? handler(payload as never, now) : [];
}
