import type { ChangeCode } from '../job/change/judge-change.ts';
import { formatTime } from './format.ts';
import { code, link } from './markdown.ts';
import { neutraliseInline } from './neutralise.ts';
import type { ShownChange } from './views.ts';

const KEPT: Record<ChangeCode, string> = {
  protected_path: 'an agent may not change `.github/`, `jobs/`, `reports/` and `.gitmodules`',
  path_not_allowed: '`agent.paths` of the settings does not allow it',
  unsafe_path: 'it has a path that is not safe',
  binary: 'it has a binary file',
  symlink: 'it has a symbolic link',
  submodule: 'it has a submodule',
  too_many_files: 'it has too many files',
  too_large: 'it is too large',
  secret: 'it holds what looks like a secret, and is published nowhere',
  unreadable: 'it could not be read',
  not_succeeded: 'the run did not succeed',
  no_app: 'no app is there to open a PR',
  base_unknown: 'the commit it stands on is not on the default branch',
  base_differs: 'it does not fit the commit it stands on',
  refused: 'GitHub refused it',
};

/** What is said of an agent's work, and of the Mac it may be on. */
export const enAgent = {
  statusAsleep: () => '💤 asleep',
  checkAsleep: (p: { runner: string }) =>
    `${neutraliseInline(p.runner)} is asleep: the job goes on when it wakes up`,
  runnerAsleep: (p: { runner: string; since: number; timeZone: string }) =>
    `💤 ${code(p.runner)} has been asleep since ${formatTime(p.since, p.timeZone)}; the job goes on when it wakes up. After 15 minutes without a word it counts as lost, and its result still counts when it comes.`,
  linkChange: (p: { number: number }) => `change: PR #${p.number}`,
  replyAgentSays: () => 'The agent says:',
  changeBecame: (p: { change: ShownChange }) => {
    const { change } = p;
    if (change.state === 'none') return 'It changed no file.';
    if (change.state === 'due') return 'A PR with its change is being opened.';
    if (change.state === 'proposed')
      return `Its change is ${link(`PR #${change.pull}`, change.url)}: review it, then merge or close it.`;
    const detail = change.detail ? ` (${neutraliseInline(change.detail.slice(0, 300))})` : '';
    const where = change.url ? ` It is kept: ${link('diff', change.url)}.` : '';
    return `Its change was not proposed: ${KEPT[change.code]}${detail}.${where}`;
  },
  changeIntro: (p: { jobId: string; jobUrl: string; login: string | null; url: string | null }) => {
    const asked =
      p.login === null ? '' : `, which ${code(p.login)} asked for${p.url ? ` ${link('here', p.url)}` : ''}`;
    return `**Written by an agent (Codex)** in job ${link(code(p.jobId), p.jobUrl)}${asked}. Nobody has read it yet.`;
  },
  changeBase: (p: { base: string; files: number }) =>
    `${p.files === 1 ? '1 file' : `${p.files} files`} on top of ${code(p.base.slice(0, 12))}, exactly as the agent left them.`,
  changeDecide: () =>
    'Review it like a change of anybody else, then merge or close it. `/retry` on the job makes another one.',
};
