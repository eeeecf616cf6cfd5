import type { Finding } from '../job/finding.ts';
import type { CodexJob, Job, ShellJob } from '../job/job.ts';
import type { ExpectedRun } from '../job/ledger/estimate.ts';
import { shortSha } from '../messages/format.ts';
import { cell, code, codeCell, details, fence, link, list, paragraphs } from '../messages/markdown.ts';
import { type Messages, messagesFor } from '../messages/messages.ts';
import { neutralise, neutraliseInline } from '../messages/neutralise.ts';
import { clip, visibleText } from '../messages/plain-text.ts';
import type { Cost, Locale, RunnerMatch, ScheduleLine } from '../messages/views.ts';

export { pullTitle } from '../messages/commit-messages.ts';

/** UTF-16 units of a body; GitHub takes 65,536 characters, a marker included. */
export const PULL_BODY_MAX = 60_000;
const SUMMARY_MAX = 4_000;
const SCRIPT_MAX = 16_000;
const FILE_MAX = 24_000;
/** Longer scripts are folded. */
const OPEN_LINES = 20;
/** A longer line gets a block of its own. */
const INLINE_MAX = 140;

export type PullBodyView = Locale & {
  job: Job;
  /** It runs at these times, not once. */
  schedule?: ScheduleLine;
  /** The job file's text, shown folded. */
  file: string;
  /** The planner's Markdown; empty for a fenced ask. */
  summary: string;
  login: string;
  askUrl: string;
  /** `https://github.com/owner/name`, for links to `serves`. */
  repositoryUrl: string;
  /** `commit`: full SHA. */
  serves: readonly { path: string; commit: string; passage?: string }[];
  match: RunnerMatch;
  findings: readonly Finding[];
  /** null for a fenced ask. */
  cost: Cost | null;
  /** null: nothing is said of it. */
  expected: ExpectedRun | null;
  /** The plan as the model gave it, JSON; null for a fenced ask. */
  rawPlan: string | null;
  /** 1 = first plan. */
  revision: number;
  dispatch: 'app' | 'git';
  /** The policy merges it without a click. */
  auto: boolean;
  /** It is a step of a goal: what that means, rendered. */
  goal?: string;
  /** What the policy says of who approves. */
  approve: { count: number; own: boolean };
};

/**
 * The job PR's body, without any marker, at most 60,000 characters: what a person needs to decide, the raw
 * file last and folded. Invisible characters in what will run are spelled out.
 */
export function renderPullBody(view: PullBodyView): string {
  const m = messagesFor(view.language);
  const body = paragraphs(
    view.summary.trim() && neutralise(clip(view.summary, SUMMARY_MAX)).trim(),
    [
      !view.goal && m.pullAsked({ login: view.login, url: view.askUrl }),
      !view.goal && view.cost === null && m.pullHandWritten(),
      view.revision > 1 && m.pullRevision({ revision: view.revision }),
    ]
      .filter(Boolean)
      .join(view.language === 'ja' ? '' : ' '),
    view.findings.length > 0 && `### ${m.pullFindings()}\n\n${m.findings({ findings: view.findings })}`,
    view.job.kind === 'run_shell' ? scriptPart(view.job, m) : briefPart(view.job, m),
    factsTable(view, m),
    `### ${m.pullDecide()}`,
    view.goal,
    view.auto ? m.pullAuto() : m.pullNeeds({ ...view.approve, login: view.login }),
    `${list([m.pullApprove(), m.pullChange({ trigger: view.trigger }), m.pullCancel()])}`,
  );
  const file = fence(visibleText(clip(view.file, FILE_MAX)).trimEnd(), 'json');
  const raw = details(m.pullRaw(), paragraphs(file, view.file.length > FILE_MAX && m.pullCut()));
  // What closes a fence or a fold must not be cut off; the file itself is in the PR.
  const folds = [raw, view.rawPlan !== null && details(m.pullRawPlan(), rawPlanPart(view.rawPlan, m))];
  const whole = paragraphs(body, ...folds);
  if (whole.length <= PULL_BODY_MAX) return whole;
  const withFile = paragraphs(body, raw);
  return withFile.length <= PULL_BODY_MAX ? withFile : clip(body, PULL_BODY_MAX);
}

function rawPlanPart(plan: string, m: Messages): string {
  const shown = fence(visibleText(clip(plan, FILE_MAX)), 'json');
  return paragraphs(shown, plan.length > FILE_MAX && m.pullCut());
}

/** The brief as the agent gets it. */
function briefPart(job: CodexJob, m: Messages): string {
  const text = visibleText(clip(job.prompt, SCRIPT_MAX)).trimEnd();
  const body = paragraphs(fence(text), job.prompt.length > SCRIPT_MAX && `⚠️ ${m.pullCut()}`);
  const lines = job.prompt.split('\n').length;
  if (lines > 2 * OPEN_LINES) return details(m.pullBriefFold({ lines }), body);
  return `### ${m.pullBrief()}\n\n${body}`;
}

function scriptPart(job: ShellJob, m: Messages): string {
  const { script, why = [] } = job;
  const explained = why.some((reason) => reason.trim() !== '');
  const shown: string[] = [];
  let size = 0;
  for (const [index, line] of script.entries()) {
    const item = explained ? explainedLine(index + 1, line, why[index] ?? '') : visibleText(line);
    size += item.length;
    if (size > SCRIPT_MAX && shown.length > 0) break;
    shown.push(clip(item, SCRIPT_MAX));
  }
  const lines = explained ? shown.join('\n').trimEnd() : fence(shown.join('\n'), 'sh');
  const body = paragraphs(lines, shown.length < script.length && `⚠️ ${m.pullCut()}`);
  if (script.length > OPEN_LINES) return details(m.pullScriptFold({ lines: script.length }), body);
  return `### ${m.pullScript()}\n\n${body}`;
}

/** One item of an ordered list: the line as code, then why. */
function explainedLine(number: number, line: string, why: string): string {
  const mark = `${number}. `;
  const reason = why.trim() ? neutraliseInline(clip(why, 500)) : '';
  if (line.length <= INLINE_MAX && !line.includes('\n')) {
    return `${mark}${code(line)}${reason && ` — ${reason}`}`;
  }
  const block = fence(visibleText(clip(line, SCRIPT_MAX / 2)), 'sh').replaceAll(
    '\n',
    `\n${' '.repeat(mark.length)}`,
  );
  return reason ? `${mark}${reason}\n\n${' '.repeat(mark.length)}${block}\n` : `${mark}${block}\n`;
}

function factsTable(view: PullBodyView, m: Messages): string {
  const { job } = view;
  const undo = [job.undo ?? []].flat();
  const names = (all: readonly string[]) => all.map((name) => codeCell(name)).join(' ');
  const rows: [string, string][] = [
    [m.pullDod(), codeCell(clip(job.dod, 1000))],
    [m.pullRunner(), view.dispatch === 'git' ? m.dispatchedByGit() : m.runnerTakes({ match: view.match })],
    [m.pullWhere(), codeCell(job.workdir)],
    [m.pullTimeout(), m.duration({ seconds: job.timeout_minutes * 60 })],
    [
      m.pullUndo(),
      undo.length > 0
        ? undo
            .slice(0, 10)
            // Lines are commands, a text is prose.
            .map((line) => (typeof job.undo === 'string' ? cell(line, 300) : codeCell(clip(line, 300))))
            .join('<br>')
        : m.pullNoUndo(),
    ],
  ];
  if (job.kind === 'codex')
    rows.push([m.pullAgent(), m.pullAgentRuns({ sandbox: job.sandbox, model: job.model ?? null })]);
  if (view.schedule) rows.unshift([m.pullWhen(), m.scheduleLine({ line: view.schedule })]);
  if (job.effect) rows.push([m.pullEffect(), effectWords(job, m)]);
  if (job.secrets?.length) rows.push([m.pullSecrets(), names(job.secrets)]);
  const env = Object.entries(job.env ?? {});
  if (env.length > 0)
    rows.push([m.pullEnv(), names(env.slice(0, 20).map(([name, value]) => `${name}=${clip(value, 80)}`))]);
  if (job.idempotent) rows.push([m.pullRetries(), m.pullRetriesYes()]);
  if (view.serves.length > 0)
    rows.push([
      m.pullServes(),
      view.serves
        .slice(0, 10)
        .map((serve) => serveLink(view.repositoryUrl, serve))
        .join('<br>'),
    ]);
  if (view.cost) rows.push([m.pullCost(), m.cost({ cost: view.cost })]);
  if (view.expected) rows.push([m.pullExpected(), m.pullExpectedRun(view.expected)]);
  return ['| | |', '| --- | --- |', ...rows.map(([label, value]) => `| **${label}** | ${value} |`)].join(
    '\n',
  );
}

function effectWords(job: Job, m: Messages): string {
  const words = job.effect === 'read' ? m.pullEffectRead() : m.pullEffectChange();
  return job.touches?.length ? `${words}: ${job.touches.map((name) => codeCell(name)).join(' ')}` : words;
}

function serveLink(repositoryUrl: string, serve: { path: string; commit: string; passage?: string }): string {
  const path = serve.path
    .split('/')
    .map((part) => encodeURIComponent(part).replace(/[()]/g, (mark) => (mark === '(' ? '%28' : '%29')))
    .join('/');
  const words = codeCell(`${serve.path}@${shortSha(serve.commit)}`);
  const passage = serve.passage ? ` ${cell(serve.passage, 160)}` : '';
  return `${link(words, `${repositoryUrl}/blob/${encodeURIComponent(serve.commit)}/${path}`)}${passage}`;
}
