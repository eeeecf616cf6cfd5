import { formatTime } from './format.ts';
import { cell, code, list, paragraphs } from './markdown.ts';
import { neutraliseInline } from './neutralise.ts';
import type { NotScheduled, ScheduleLine, ScheduleSaid, ScheduleStatus } from './views.ts';

function line({ name, title, change, cron, timeZone, paused, next }: ScheduleLine): string {
  const named = `${code(name)}${title ? ` ${cell(title, 120)}` : ''}`;
  if (change === 'removed') return `${named}: taken away, so it runs no more`;
  const when = `${code(cron)} in ${code(timeZone)}`;
  if (paused) return `${named}: ${when}, paused: nothing runs until \`paused\` is changed back`;
  return `${named}: ${when}, ${next === null ? 'and that never comes' : `next at ${formatTime(next, timeZone)}`}`;
}

function why(p: { why: NotScheduled; login: string; base: string; errors: readonly string[] }): string {
  switch (p.why) {
    case 'other_base':
      return `It was merged into ${code(p.base)}; only the default branch counts.`;
    case 'invalid':
      return `It has mistakes: ${p.errors.map((error) => neutraliseInline(error)).join('; ')}.`;
    case 'settings':
      return 'The settings on the default branch have a mistake, so it is not known who may approve.';
    case 'not_approved':
      return `${code(p.login)} merged it, and nobody who may approve did.`;
    case 'file_differs':
      return 'The file on the default branch is not the one that was approved.';
    case 'dispatch_git':
      return 'The settings say `dispatch: git`, and only the app runs schedules.';
  }
}

function said(p: ScheduleSaid): string {
  const at = formatTime(p.at, p.timeZone);
  switch (p.kind) {
    case 'failed':
      return `**❌ Not as it should be** since ${at}. Nothing more is said here until it is well again.`;
    case 'recovered':
      return `**✅ Well again** since ${at}.`;
    case 'flaps':
      return `**🔁 It flaps**: it has changed four times within its last eight runs, last at ${at}. No change is told until four runs in a row come to the same.`;
    case 'missing':
      return `**⚠️ No result** of the tick of ${at}: ${p.taken ? 'its runner fell silent' : 'no runner took it'}. ${code('/status')} lists the runners that are live. Nothing more is said here until there is a result.`;
    case 'removed':
      return 'The schedule was taken away. Nothing more comes here.';
  }
}

/** The words of schedules. */
export const enSchedules = {
  scheduleLine: (p: { line: ScheduleLine }) => line(p.line),
  pullWhen: () => 'When',
  nextScheduled: () =>
    `It runs by itself from now on, and speaks on an issue of its own when its result changes. ${code('/status')} lists schedules.`,
  statusSchedules: () => 'Schedules',
  statusColumnsSchedules: () => '| schedule | title | when | result | last | next |',
  scheduleResult: (p: { result: ScheduleStatus['result']; since: number | null; timeZone: string }) => {
    const words = { ok: '✅ well', bad: '❌ not well', missing: '⚠️ no result', flapping: '🔁 flaps' };
    if (p.result === null) return 'none yet';
    const since =
      p.since === null || p.result === 'missing' ? '' : ` since ${formatTime(p.since, p.timeZone)}`;
    return `${words[p.result]}${since}`;
  },
  schedulePaused: () => 'paused',
  validateFiles: (p: { files: number; warnings: number }) =>
    `${p.files === 1 ? 'Valid' : `${p.files} valid files`}${p.warnings === 0 ? '' : `, ${p.warnings === 1 ? '1 warning' : `${p.warnings} warnings`}`}`,
  scheduled: (p: { lines: readonly ScheduleLine[] }) =>
    paragraphs(
      '**Approved.**',
      list(p.lines.map(line)),
      `What it finds is told on an issue of its own, and only when that changes. ${code('/status')} lists schedules. To change, pause or stop one, change its file by a PR.`,
    ),
  notScheduled: (p: {
    name: string;
    why: NotScheduled;
    login: string;
    base: string;
    errors: readonly string[];
  }) =>
    `**Not scheduled.** ${code(`jobs/schedules/${p.name}.json`)}: ${why(p)} No tick of this file runs. Change it in a new PR and have that approved.`,
  schedulePushed: (p: { name: string }) =>
    paragraphs(
      `**Not scheduled.** ${code(`jobs/schedules/${p.name}.json`)} was pushed to the default branch without a PR, and nobody approved it. No tick of this file runs.`,
      `Open a PR that changes it, or put it back as it was approved. With ${code('gate.direct_push: run')} in the settings, a push by somebody who may approve is enough.`,
    ),
  scheduleSaid: (p: ScheduleSaid) => said(p),
};
