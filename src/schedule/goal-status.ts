import type { GoalQuestion, GoalStop } from '../messages/en-goals.ts';
import { cell, code, codeCell, link, paragraphs } from '../messages/markdown.ts';
import { messagesFor } from '../messages/messages.ts';
import { neutraliseInline } from '../messages/neutralise.ts';
import { clip } from '../messages/plain-text.ts';
import type { Locale, PullLink } from '../messages/views.ts';
import type { GoalVerdict } from '../store/row-data.ts';
import type { GoalState, JobState } from '../store/tables.ts';

/** A goal's whole life as plain data. Text from people and models is given raw. */
export type GoalStatusView = Locale & {
  id: string;
  title: string;
  goal: string;
  dod: string | null;
  state: GoalState;
  pull: PullLink;
  approvedBy: string | null;
  /** Oldest first. */
  jobs: readonly {
    id: string;
    /** Its report, else its PR. */
    url?: string;
    title: string;
    state: JobState | null;
    seconds: number | null;
    verdict?: GoalVerdict;
  }[];
  cost: {
    calls: number;
    input: number;
    output: number;
    usd: number;
    maxUsd: number;
    unpriced: boolean;
    maxJobs: number;
    deadline: number | null;
  };
  question: GoalQuestion | null;
  /** What its current job waits for. */
  held: { holder: string; goal: string | null; thing: string } | null;
  pausedUntil: number | null;
  ended: { reason: string; by?: string } | null;
};

/** The one comment of a goal: where it stands, its jobs with their verdicts, and what it has cost. */
export function renderGoalStatus(view: GoalStatusView): string {
  const m = messagesFor(view.language);
  const { jobs, cost, timeZone } = view;
  return paragraphs(
    `**${m.goalState({ state: view.state })}** ${code(view.id)}: ${cell(view.title, 120)}`,
    `> ${neutraliseInline(clip(view.goal, 500))}`,
    ...nextSteps(view),
    jobs.length > 0 &&
      [
        m.goalColumns(),
        '| --- | --- | --- | --- | --- |',
        ...jobs.map((job, index) => row(view, job, index)),
      ].join('\n'),
    view.state !== 'proposed' &&
      view.state !== 'rejected' &&
      m.goalCost({ ...cost, jobs: jobs.length, maxJobs: cost.maxJobs, timeZone }),
  );
}

function row(view: GoalStatusView, job: GoalStatusView['jobs'][number], index: number): string {
  const m = messagesFor(view.language);
  const { verdict } = job;
  const dod = verdict?.dod ? m.goalDod({ verdict: verdict.dod.verdict }) : '';
  const said = verdict ? m.goalVerdict({ kind: verdict.kind, by: verdict.by, dod }) : '';
  const text = verdict?.kind === 'reached' && verdict.text ? `: ${cell(verdict.text, 160)}` : '';
  const cells = [
    String(index + 1),
    `${link(codeCell(job.id), job.url)} ${cell(job.title, 80)}`,
    job.state === null ? '' : m.statusState({ state: job.state }),
    job.seconds === null ? '' : m.duration({ seconds: job.seconds }),
    `${said}${text}`,
  ];
  return `| ${cells.join(' | ')} |`;
}

function nextSteps(view: GoalStatusView): string[] {
  const m = messagesFor(view.language);
  switch (view.state) {
    case 'proposed':
      return [m.goalNextApprove({ pull: view.pull })];
    case 'running':
    case 'waiting':
      return [
        view.question ? m.goalQuestion({ question: view.question }) : m.goalNextRunning(),
        view.pausedUntil === null
          ? ''
          : m.goalNextPaused({ until: view.pausedUntil, timeZone: view.timeZone }),
        view.held ? m.goalHeld({ job: view.jobs.at(-1)?.id ?? '', ...view.held }) : '',
      ];
    case 'reached':
    case 'stopped':
    case 'cancelled':
    case 'rejected':
      return [goalEnd(view)];
  }
}

/** How it ended, in the words of the final reply; empty while it has not. */
export function goalEnd(view: Pick<GoalStatusView, 'language' | 'state' | 'ended' | 'dod' | 'jobs'>): string {
  const m = messagesFor(view.language);
  if (view.state === 'cancelled') return m.goalCancelled({ by: view.ended?.by ?? '' });
  if (view.state === 'stopped') return m.goalStopped({ reason: (view.ended?.reason ?? 'time') as GoalStop });
  if (view.state !== 'reached') return '';
  const verdict = view.jobs.at(-1)?.verdict;
  return m.goalReached({
    by: verdict?.by === 'dod' ? 'dod' : 'model',
    text: verdict?.text ?? '',
    dod: view.dod ?? '',
  });
}
