import { type CheckOutput, cancelAction, retryAction } from '../messages/check-output.ts';
import { cell, code, fencedTail, link, paragraphs } from '../messages/markdown.ts';
import { messagesFor } from '../messages/messages.ts';
import type { Locale, Outcome, PullLink, RunLinks, RunnerMatch, ShownChange } from '../messages/views.ts';
import { linkList } from './status-comment.ts';

export type JobCheckView = Locale & {
  jobId: string;
  title?: string;
  pull?: PullLink;
  links?: RunLinks;
} & (
    | { state: 'queued'; match: RunnerMatch; position: number }
    | {
        state: 'running';
        runner: string;
        startedAt: number;
        stepsDone: number;
        stepsTotal: number;
        /** Readable log text so far, already redacted. */
        log: string;
        /** Its lease has run out: since when (ms) nothing was heard. */
        silentSince?: number | undefined;
        /** The runner is one that sleeps when it is silent. */
        sleeps?: boolean;
        cancelling?: boolean;
      }
    /** The run fell silent, and run number `next` follows it unasked. */
    | { state: 'replaced'; runner: string; next: number; log: string }
    | {
        state: 'ended';
        outcome: Outcome;
        runner: string | null;
        attempt: number;
        change?: ShownChange;
        log: string;
      }
  );

export type JobCheck = CheckOutput &
  (
    | { status: 'queued' | 'in_progress' }
    | { status: 'completed'; conclusion: 'success' | 'failure' | 'cancelled' | 'neutral' }
  );

/** UTF-16 units of log in a check run; GitHub takes 65,535 characters in `text`. */
export const CHECK_TEXT_MAX = 60_000;

/** The check run `guruguru / <job id>`: title, summary, log tail and buttons of one state. */
export function renderJobCheck(view: JobCheckView): JobCheck {
  const m = messagesFor(view.language);
  const about = [
    `${code(view.jobId)}${view.title ? ` ${cell(view.title, 120)}` : ''}`,
    view.pull ? link(`PR #${view.pull.number}`, view.pull.url) : '',
  ]
    .filter(Boolean)
    .join(' · ');
  switch (view.state) {
    case 'queued':
      return {
        status: 'queued',
        title:
          view.match.runner === null
            ? m.checkNoRunner({ asleep: view.match.asleep ?? null })
            : m.checkQueued({ position: view.position }),
        summary: paragraphs(m.nextQueued({ position: view.position, match: view.match }), about),
        actions: [cancelAction(m)],
      };
    case 'running': {
      const { runner, silentSince: since, timeZone } = view;
      const running =
        since === undefined
          ? m.checkRunning({ runner, done: view.stepsDone, total: view.stepsTotal })
          : view.sleeps
            ? m.checkAsleep({ runner })
            : m.checkSilent({ runner, since, timeZone });
      const started = m.checkStarted({ at: view.startedAt, timeZone });
      return {
        status: 'in_progress',
        title: view.cancelling ? m.checkCancelling({ runner }) : running,
        summary: paragraphs(
          since !== undefined &&
            (view.sleeps
              ? m.runnerAsleep({ runner, since, timeZone })
              : m.nextSilent({ runner, since, timeZone })),
          m.joined({ sentences: [started, since === undefined ? m.checkUpdates() : ''] }),
          about,
        ),
        ...logText(view.log),
        actions: view.cancelling ? [] : [cancelAction(m)],
      };
    }
    case 'replaced':
      return {
        status: 'completed',
        conclusion: 'neutral',
        title: m.checkReplaced({ next: view.next }),
        summary: paragraphs(m.checkReplacedWhy({ runner: view.runner, next: view.next }), about),
        ...logText(view.log),
        actions: [],
      };
    case 'ended': {
      const { verdict, durationSeconds, reason } = view.outcome;
      const conclusion =
        verdict === 'succeeded' ? 'success' : verdict === 'cancelled' ? 'cancelled' : 'failure';
      const ran = m.replyRan({ runner: view.runner, seconds: durationSeconds, attempt: view.attempt });
      return {
        status: 'completed',
        conclusion,
        title: m.checkEnded({ verdict, seconds: durationSeconds }),
        summary: paragraphs(
          m.joined({ sentences: [m.why({ reason }), ran] }),
          view.change && m.changeBecame({ change: view.change }),
          [about, linkList(view.links, m)].filter(Boolean).join(' · '),
        ),
        ...logText(view.log),
        actions: [retryAction(m)],
      };
    }
  }
}

function logText(log: string): { text?: string } {
  const text = fencedTail(log, 5000, CHECK_TEXT_MAX);
  return text ? { text } : {};
}
