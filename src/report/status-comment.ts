import type { Messages } from '../messages/en.ts';
import { formatTime } from '../messages/format.ts';
import { cell, code, details, fence, link, list, paragraphs, quote } from '../messages/markdown.ts';
import { messagesFor } from '../messages/messages.ts';
import { neutralise } from '../messages/neutralise.ts';
import { clip } from '../messages/plain-text.ts';
import type { ReasonCode, WaitReason } from '../messages/reasons.ts';
import type { Cost, Locale, Outcome, PullLink, RunLinks, RunnerMatch } from '../messages/views.ts';
import { verdictSymbol } from './verdict-symbol.ts';

/** How a job came to be approved. `self`: a fenced ask by someone who may approve alone. */
export type ApprovalWay = 'review' | 'command' | 'button' | 'merge' | 'push' | 'self' | 'auto' | 'goal';

export type AskStage =
  /** Heard, 👀 given. */
  | { stage: 'received' }
  /** `retryAt`: the model failed for now, next try then. */
  | { stage: 'planning'; retryAt?: number }
  /**
   * A job PR is open; with an `approval` it is about to be merged. `waits`: why a fenced ask was not merged at
   * once. `blocked`: GitHub's words when the merge failed. `invalid`: number of mistakes that validation found.
   */
  | { stage: 'proposed'; match: RunnerMatch; waits?: WaitReason; blocked?: string; invalid?: number }
  /** Merged and in the queue. `position`: 1 = next. */
  | { stage: 'queued'; match: RunnerMatch; position: number }
  | {
      stage: 'running';
      runner: string;
      startedAt: number;
      silentSince?: number | undefined;
      /** The runner is one that sleeps when it is silent. */
      sleeps?: boolean;
      cancelling?: boolean;
    }
  /** `startedAt` null: it never started. `reported`: its record is committed. */
  | {
      stage: 'ended';
      outcome: Outcome;
      runner: string | null;
      startedAt: number | null;
      reported: boolean;
    }
  /** Its schedule is in force. */
  | { stage: 'scheduled' }
  /** The reply itself is the final reply. */
  | { stage: 'answered' }
  | { stage: 'question' }
  /** `text`: Markdown: why, and what to do; neutralised here, since it may be the model's. */
  | { stage: 'refused'; reason: ReasonCode; text: string }
  /** Ended before a job ran. `by`: login or null. */
  | { stage: 'cancelled'; by: string | null }
  /** The job PR was closed without merging. */
  | { stage: 'rejected'; by: string | null }
  /** `by`: the job PR where it goes on. */
  | { stage: 'superseded'; by: PullLink | null }
  /** The work item gave up. `error`: its last one; `since`: when. */
  | { stage: 'stuck'; error: string; since: number };

/** The whole life of one ask as plain data. What is not known yet is absent. */
export type AskView = Locale & {
  /** Who asked. */
  login: string;
  title?: string;
  jobId?: string;
  /** Link to the job file. */
  jobUrl?: string;
  pull?: PullLink;
  approval?: { login: string; how: ApprovalWay };
  /** The plan's number; shown from 2 on. */
  revision?: number;
  /** The run's number; shown from 2 on. */
  attempt?: number;
  /** Absent or without a model for a fenced ask. */
  cost?: Cost;
  undo?: string;
  links?: RunLinks;
} & AskStage;

/**
 * The one comment that is edited through an ask's life: where it stands, what comes next and from whom, then
 * details. Without any marker. Equal views give equal text, so that an unchanged one need not be sent.
 */
export function renderStatus(view: AskView): string {
  const m = messagesFor(view.language);
  return paragraphs(stageLine(view, m), ...nextSteps(view, m), detailRows(view, m));
}

const done = (words: string) => `✓ ${words}`;
const current = (words: string) => `**● ${words}**`;
const due = (words: string) => `○ ${words}`;

function stageLine(view: AskView, m: Messages): string {
  return [...behind(view, m), ...ahead(view, m)].join(' → ');
}

/** What is behind us, as far as the view knows. */
function behind(view: AskView, m: Messages): string[] {
  const steps: string[] = [];
  if (view.pull || view.jobId) steps.push(done(m.stagePlanned()));
  if (view.pull) steps.push(done(link(`PR #${view.pull.number}`, view.pull.url)));
  if (view.approval) steps.push(done(m.stageApproved(view.approval)));
  if (view.stage === 'ended' && view.runner !== null && view.startedAt !== null)
    steps.push(done(m.stageRan({ runner: view.runner })));
  return steps;
}

/** Where it stands and what is still to come. */
function ahead(view: AskView, m: Messages): string[] {
  switch (view.stage) {
    case 'received':
    case 'planning':
      return [
        current(m.stagePlanning()),
        due(m.stagePull()),
        due(m.stageApproval()),
        due(m.stageRun()),
        due(m.stageResult()),
      ];
    case 'proposed':
      return [
        current(view.approval ? m.stageMerging() : m.stageWaiting()),
        due(m.stageRun()),
        due(m.stageResult()),
      ];
    case 'queued':
      return [current(m.stageQueued()), due(m.stageResult())];
    case 'running':
      return [current(m.stageRunning({ runner: view.runner })), due(m.stageResult())];
    case 'ended':
      return [`**${verdictSymbol(view.outcome.verdict)} ${m.verdict({ verdict: view.outcome.verdict })}**`];
    case 'scheduled':
      return [`**✅ ${m.reasonLabel({ reason: 'scheduled' })}**`];
    case 'answered':
      return [`**✅ ${m.stageAnswered()}**`];
    case 'question':
      return [`**❓ ${m.stageQuestion({ login: view.login })}**`];
    case 'refused':
      return [`**✋ ${m.reasonLabel({ reason: view.reason })}**`];
    case 'cancelled':
      return [`**🚫 ${m.verdict({ verdict: 'cancelled' })}**`];
    case 'rejected':
      return [`**🚫 ${m.stageRejected()}**`];
    case 'superseded':
      return [`**🚫 ${m.stageSuperseded()}**`];
    case 'stuck':
      return [`**⚠️ ${m.stageStuck()}**`];
  }
}

/** What happens next, or what is needed and from whom. */
function nextSteps(view: AskView, m: Messages): string[] {
  const { trigger, timeZone } = view;
  switch (view.stage) {
    case 'received':
      return [m.nextPlanning()];
    case 'planning':
      return [
        view.retryAt === undefined ? m.nextPlanning() : m.nextModelRetry({ at: view.retryAt, timeZone }),
      ];
    case 'proposed':
      return proposedSteps(view, m);
    case 'queued':
      return [m.nextQueued({ position: view.position, match: view.match })];
    case 'running':
      return [
        view.silentSince === undefined
          ? ''
          : (view.sleeps ? m.runnerAsleep : m.nextSilent)({
              runner: view.runner,
              since: view.silentSince,
              timeZone,
            }),
        view.cancelling ? m.nextCancelling() : m.nextRunning(),
      ];
    case 'ended': {
      const next = {
        succeeded: '',
        failed: m.nextFailed({ trigger }),
        cancelled: m.nextCancelled(),
        lost: m.nextLost({ jobId: view.jobId ?? '' }),
      };
      return [
        m.why({ reason: view.outcome.reason }),
        next[view.outcome.verdict],
        view.reported ? '' : m.nextReport(),
      ];
    }
    case 'scheduled':
      return [m.nextScheduled()];
    case 'answered':
      return [m.nextAnswered()];
    case 'question':
      return [m.nextQuestion({ trigger })];
    case 'refused':
      return [neutralise(view.text)];
    case 'cancelled':
      return [m.nextAskCancelled({ by: view.by })];
    case 'rejected':
      return [m.nextRejected({ by: view.by, trigger })];
    case 'superseded':
      return [m.nextSuperseded({ by: view.by })];
    case 'stuck':
      return [m.nextStuck({ since: view.since, timeZone }), fence(clip(view.error, 1000))];
  }
}

function proposedSteps(view: Extract<AskView, { stage: 'proposed' }>, m: Messages): string[] {
  const { pull = null } = view;
  if (view.blocked !== undefined) return [m.nextBlocked({ pull }), quote(clip(view.blocked, 1000))];
  if (view.invalid) return [m.nextInvalid({ pull, failures: view.invalid })];
  if (view.approval) return [m.nextMerging()];
  const waits = view.waits ? m.fencedWaits({ why: view.waits }) : '';
  return [m.nextApprove({ pull }), m.joined({ sentences: [m.runnerTakes({ match: view.match })] }), waits];
}

/** At most two facts stand in the open, more are folded. */
function detailRows(view: AskView, m: Messages): string {
  const rows: [string, string][] = [];
  if (view.jobId) {
    const title = view.title ? ` ${cell(view.title, 120)}` : '';
    rows.push([m.rowJob(), `${link(code(view.jobId), view.jobUrl)}${title}`]);
  }
  const plan = [
    view.revision && view.revision > 1 ? m.rowRevision({ revision: view.revision }) : '',
    view.cost?.model ? m.cost({ cost: view.cost }) : '',
  ].filter(Boolean);
  if (plan.length > 0) rows.push([m.rowPlan(), plan.join(' · ')]);
  if (view.attempt && view.attempt > 1) rows.push([m.rowRun(), String(view.attempt)]);
  if ((view.stage === 'running' || view.stage === 'ended') && view.startedAt !== null)
    rows.push([m.rowStarted(), formatTime(view.startedAt, view.timeZone)]);
  if (view.stage === 'ended' && view.outcome.durationSeconds !== null)
    rows.push([m.rowTook(), m.duration({ seconds: view.outcome.durationSeconds })]);
  const { undo } = view;
  if (undo && (view.stage === 'running' || view.stage === 'ended'))
    rows.push([m.rowUndo(), code(clip(undo, 500))]);
  const links = linkList(view.links, m);
  if (links) rows.push([m.rowLinks(), links]);
  const body = list(rows.map(([label, value]) => `${label}: ${value}`));
  return rows.length > 2 ? details(m.details(), body) : body;
}

/** `report · check run`, those that exist. */
export function linkList(links: RunLinks | undefined, m: Messages): string {
  return [
    links?.report ? link(m.linkReport(), links.report) : '',
    links?.check ? link(m.linkCheck(), links.check) : '',
    links?.change ? link(m.linkChange({ number: links.change.number }), links.change.url) : '',
  ]
    .filter(Boolean)
    .join(' · ');
}
