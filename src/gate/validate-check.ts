import type { Finding } from '../job/finding.ts';
import { approveAction, type CheckOutput, cancelAction } from '../messages/check-output.ts';
import { cell, code, list, paragraphs } from '../messages/markdown.ts';
import { messagesFor } from '../messages/messages.ts';
import { clip, plainText } from '../messages/plain-text.ts';
import type { Locale, RunnerMatch, ScheduleLine } from '../messages/views.ts';

/** GitHub's annotation, as the check-runs API takes it; title at most 255 characters, message 64 KB. */
export interface CheckAnnotation {
  path: string;
  start_line: number;
  end_line: number;
  start_column: number;
  end_column: number;
  annotation_level: Finding['severity'];
  title: string;
  message: string;
}

export type ValidateCheckView = Locale & {
  findings: readonly Finding[];
  /** The jobs the PR brings in, those that could be read. */
  jobs: readonly { id: string; title?: string; match: RunnerMatch }[];
  schedules: readonly ScheduleLine[];
  /** The goal it brings in, if it could be read. */
  goals: readonly { id: string; title?: string | undefined; goal: string }[];
  /**
   * `job`: an open PR that brings exactly one job, schedule or goal file, which the buttons apply to. `other`: touches `jobs/**`
   * in another way, or is closed. `none`: touches no job.
   */
  pull: 'job' | 'other' | 'none';
  dispatch: 'app' | 'git';
};

export type ValidateCheck = CheckOutput & {
  conclusion: 'success' | 'failure';
  /** All of them; GitHub takes 50 a request. */
  annotations: CheckAnnotation[];
};

/** The check run `guruguru / validate`. Only a finding of severity `failure` makes it fail. */
export function renderValidateCheck(view: ValidateCheckView): ValidateCheck {
  const m = messagesFor(view.language);
  const failures = view.findings.filter((finding) => finding.severity === 'failure').length;
  const warnings = view.findings.filter((finding) => finding.severity === 'warning').length;
  const annotations = view.findings.map(annotation);
  if (view.pull === 'none' && failures === 0)
    return {
      conclusion: 'success',
      title: m.validateNone(),
      summary: m.validateNoneText(),
      annotations,
      actions: [],
    };

  const jobs = view.jobs.map((job) => {
    const title = job.title ? ` ${cell(job.title, 120)}` : '';
    return `${code(job.id)}${title}: ${m.runnerTakes({ match: job.match })}`;
  });
  const lines = [
    ...jobs,
    ...view.schedules.map((line) => m.scheduleLine({ line })),
    ...view.goals.map(({ id, title, goal }) => `${code(id)} ${cell(title ?? goal, 120)}`),
  ];
  const { length: count } = lines;
  return {
    conclusion: failures > 0 ? 'failure' : 'success',
    title:
      failures > 0
        ? m.validateFailed({ failures })
        : view.goals.length > 0
          ? m.validateGoal({ warnings })
          : view.schedules.length > 0
            ? m.validateFiles({ files: count, warnings })
            : m.validateOk({ jobs: count, warnings }),
    summary: paragraphs(
      failures > 0 && m.validateFix(),
      view.findings.length > 0 && m.findings({ findings: view.findings }),
      view.dispatch === 'git' ? m.dispatchedByGit() : lines.length > 0 && list(lines),
    ),
    annotations,
    actions:
      view.pull !== 'job' ? [] : failures > 0 ? [cancelAction(m)] : [approveAction(m), cancelAction(m)],
  };
}

function annotation(finding: Finding): CheckAnnotation {
  return {
    path: finding.path,
    start_line: finding.line,
    end_line: finding.line,
    start_column: finding.column,
    end_column: finding.column,
    annotation_level: finding.severity,
    title: clip(plainText(titleOf(finding)), 255),
    message: clip(plainText(finding.message), 4000),
  };
}

/** A rule's finding says which rule and what it does: `policy/sudo: warn (script[1])`. */
function titleOf({ rule, severity, field }: Finding): string {
  if (!rule.startsWith('policy/')) return field ?? rule;
  return `${rule}: ${severity === 'failure' ? 'deny' : 'warn'}${field ? ` (${field})` : ''}`;
}
