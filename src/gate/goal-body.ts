import type { Finding } from '../job/finding.ts';
import type { Goal } from '../job/goal.ts';
import type { Job } from '../job/job.ts';
import { cell, code, codeCell, details, fence, list, paragraphs } from '../messages/markdown.ts';
import { messagesFor } from '../messages/messages.ts';
import { neutralise, neutraliseInline } from '../messages/neutralise.ts';
import { clip, visibleText } from '../messages/plain-text.ts';
import type { Cost, Locale, RunnerMatch } from '../messages/views.ts';
import { PULL_BODY_MAX } from './pull-body.ts';

export type GoalBodyView = Locale & {
  goal: Goal;
  firstJob: Job;
  /** The goal file's text, shown folded. */
  file: string;
  /** The planner's Markdown; empty for a fenced goal. */
  summary: string;
  login: string;
  askUrl: string;
  repositoryUrl: string;
  findings: readonly Finding[];
  match: RunnerMatch;
  /** null for a fenced goal. */
  cost: Cost | null;
  /** What the policy says of who approves. */
  approve: { count: number; own: boolean };
};

/** The body of a goal's PR: what should be true, what may then happen without another click, and the first job. */
export function renderGoalBody(view: GoalBodyView): string {
  const m = messagesFor(view.language);
  const { goal, firstJob } = view;
  const script =
    firstJob.kind === 'run_shell'
      ? fence(visibleText(clip(firstJob.script.join('\n'), 8_000)), 'sh')
      : fence(visibleText(clip(firstJob.prompt, 8_000)));
  const body = paragraphs(
    `> ${neutraliseInline(clip(goal.goal, 2_000))}`,
    view.summary.trim() && neutralise(clip(view.summary, 4_000)).trim(),
    [m.pullAsked({ login: view.login, url: view.askUrl }), view.cost === null && m.goalHandWritten()]
      .filter(Boolean)
      .join(' '),
    view.findings.length > 0 && `### ${m.pullFindings()}\n\n${m.findings({ findings: view.findings })}`,
    `### ${m.goalEnvelope()}\n\n${m.goalEnvelopeText()}\n\n${envelopeTable(view)}`,
    `### ${m.goalFirstJob()}${firstJob.title ? `: ${cell(firstJob.title, 120)}` : ''}`,
    script,
    `${m.pullDod()}: ${code(clip(firstJob.dod, 1000))} · ${m.runnerTakes({ match: view.match })}`,
    `### ${m.pullDecide()}`,
    m.pullNeeds({ ...view.approve, login: view.login }),
    list([m.goalApprove(), m.goalCancel()]),
  );
  const raw = details(m.goalRaw(), fence(visibleText(clip(view.file, 24_000)).trimEnd(), 'json'));
  const whole = paragraphs(body, raw);
  return whole.length <= PULL_BODY_MAX ? whole : clip(body, PULL_BODY_MAX);
}

function envelopeTable({ goal, ...view }: GoalBodyView): string {
  const m = messagesFor(view.language);
  const { envelope } = goal;
  const names = (all: readonly string[]) => all.map((name) => codeCell(clip(name, 200))).join(' ') || '–';
  const rows: [string, string][] = [
    [m.pullDod(), goal.dod ? codeCell(clip(goal.dod, 1000)) : m.goalNoDod()],
    [m.goalCommands(), names(envelope.commands)],
    [m.pullEffect(), envelope.effect === 'read' ? m.pullEffectRead() : m.pullEffectChange()],
    [m.pullRunner(), names(envelope.runners)],
    [m.pullWhere(), names(envelope.workdirs)],
    [m.goalKinds(), names(envelope.kinds)],
  ];
  if (envelope.paths.length > 0) rows.push([m.goalPaths(), names(envelope.paths)]);
  rows.push([
    m.goalCaps(),
    m.goalCapsWords({ jobs: envelope.max_jobs, usd: envelope.max_usd, hours: envelope.max_hours }),
  ]);
  if (view.cost) rows.push([m.pullCost(), m.cost({ cost: view.cost })]);
  return ['| | |', '| --- | --- |', ...rows.map(([label, value]) => `| **${label}** | ${value} |`)].join(
    '\n',
  );
}
