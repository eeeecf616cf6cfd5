import type { Finding } from '../job/finding.ts';
import type { JobState } from '../job/state.ts';
import { formatCount, formatTime, shortSha } from './format.ts';
import { cell, code, codeCell, fence, list, paragraphs, quote } from './markdown.ts';
import { neutraliseInline } from './neutralise.ts';
import { clip } from './plain-text.ts';
import type { Needs } from './policy-words.ts';
import type { WaitReason } from './reasons.ts';

/** A job as the replies list it. */
export interface ListedJob {
  id: string;
  title?: string;
  state: JobState;
}

/** A job's state as people read it. */
export const EN_STATES: Record<JobState, string> = {
  proposed: 'waits for approval',
  queued: 'queued',
  leased: 'starting',
  running: 'running',
  succeeded: 'succeeded',
  failed: 'failed',
  cancelled: 'cancelled',
  lost: 'lost',
  rejected: 'PR closed',
  superseded: 'replaced',
};

const jobList = (jobs: readonly ListedJob[]) =>
  list(
    jobs.map(
      (job) => `${code(job.id)} (${EN_STATES[job.state]})${job.title ? ` ${cell(job.title, 120)}` : ''}`,
    ),
  );

const WAITS: Record<WaitReason, string> = {
  settings: 'the settings say `gate.fenced: approve`',
  no_permission: 'the asker may not approve alone',
  findings: 'validation has warnings that a person should see',
  branch_rules: "the default branch's rules ask for a review or checks first",
  replanned: 'it replaces a plan that somebody objected to',
  policy: 'the policy wants others to approve',
};

/** Refusals and replies to commands: what happened, why, what to do next. */
export const enReplies = {
  findings: (p: { findings: readonly Finding[] }) => enFindings(p.findings),
  askNoPermission: (p: { login: string; permission: string; trigger: string }) =>
    paragraphs(
      `**Not started.** Asking needs write access to this repository; ${code(p.login)} has ${code(p.permission)}.`,
      `Someone with write access can post the same text as their own ${code(p.trigger)}.`,
    ),
  askOutsidePolicy: (p: { login: string; permission: string; needs: Needs; trigger: string }) =>
    paragraphs(
      `**Not started.** Asking needs ${needed(p.needs)}; ${code(p.login)} has ${code(p.permission)}${p.needs.teams.length > 0 ? ' and is in none of these teams, as far as the app can see' : ''}.`,
      p.needs.unreadable && TEAMS_UNREADABLE,
      `Someone who has it can post the same text as their own ${code(p.trigger)}.`,
    ),
  capAsks: (p: { login: string; limit: number; resetsAt: number; timeZone: string }) =>
    `**Not started.** ${code(p.login)} has reached the cap of ${p.limit} asks a day (\`limits.asks_per_person_per_day\`). It resets ${formatTime(p.resetsAt, p.timeZone)}; ask again then.`,
  capModel: (p: {
    cap: 'tokens' | 'usd';
    limit: number;
    used: number;
    resetsAt: number;
    timeZone: string;
  }) => {
    const what =
      p.cap === 'tokens'
        ? `${formatCount(p.limit)} model tokens a day (used: ${formatCount(p.used)}; \`limits.tokens_per_day\`)`
        : `USD ${p.limit} for the model a day (used: about ${p.used.toFixed(2)}; \`limits.usd_per_day\`)`;
    return `**Not planned.** This repository has reached its cap of ${what}. It resets ${formatTime(p.resetsAt, p.timeZone)}; ask again then. Asks with an \`sh\` block need no model.`;
  },
  askPaused: (p: PausedWords) =>
    `**Kept for later.** ${pausedBy(p)} Your ask goes on by itself ${p.source === 'command' ? `at ${code('/resume')}` : 'when that ends'}; nothing to do.`,
  pauseDone: () =>
    `**Paused.** Nothing is planned, merged by the app or started here until ${code('/resume')}. Running jobs go on; new asks are kept.`,
  pauseAlready: (p: PausedWords) => `${pausedBy(p)} Nothing changed.`,
  resumeDone: () => '**Resumed.** What waited goes on now.',
  resumeNothing: () => '**Nothing done.** This repository is not paused.',
  resumeNot: (p: PausedWords) =>
    `**Still paused.** ${pausedBy(p)} ${p.source === 'file' ? 'Remove it on the default branch.' : 'Whoever operates the app has to end that.'}`,
  approvePaused: (p: PausedWords) => `Approval noted. ${pausedBy(p)} The PR is merged when that ends.`,
  approveOutsidePolicy: (p: { login: string; needs: Needs }) =>
    paragraphs(
      `**Not approved.** Approving needs ${needed(p.needs)}, and ${code(p.login)} lacks it.`,
      p.needs.unreadable && TEAMS_UNREADABLE,
    ),
  approveOwn: (p: { login: string }) =>
    `**Not approved.** The policy says that nobody approves what they asked for or wrote (\`approve.own: false\`), and this is by ${code(p.login)}. Somebody else must approve it.`,
  approveCounted: (p: { have: number; count: number }) =>
    `Noted: ${p.have} of ${p.count} approvals. It is merged when ${p.count - p.have === 1 ? 'one more person approves' : `${p.count - p.have} more people approve`} this head.`,
  approvalsMissing: (p: { jobId: string; login: string; needs: Needs }) =>
    `**Not run.** ${code(p.jobId)} was merged by ${code(p.login)}, but the policy wants ${needed(p.needs)}. Whoever meets it can write ${code(`/retry ${p.jobId}`)} to approve it.`,
  notRunSettings: (p: { jobId: string; findings: readonly Finding[] }) =>
    paragraphs(
      `**Not run.** The settings on the default branch have a mistake, so it is not known who may approve:`,
      enFindings(p.findings),
      `Correct it on the default branch, then write ${code(`/retry ${p.jobId}`)}.`,
    ),
  approveSettings: (p: { findings: readonly Finding[] }) =>
    paragraphs(
      '**Not approved.** The settings on the default branch have a mistake, so it is not known who may approve:',
      enFindings(p.findings),
      'Correct it on the default branch, then approve again.',
    ),
  overrideNobody: () =>
    '**Not overridden.** The policy names no `owners`, so nobody can override it. Change the job, or the policy by a PR of its own.',
  overrideNotOwner: (p: { login: string }) =>
    `**Not overridden.** ${code(p.login)} is not among the policy's \`owners\`.`,
  overrideUnknown: (p: { rule: string; rules: readonly string[] }) =>
    `**Not overridden.** ${code(p.rule)} denies nothing here${p.rules.length > 0 ? `; what does: ${p.rules.map((rule) => code(rule)).join(', ')}` : ''}. Write ${code('/approve --override <rule>')}.`,
  overridden: (p: { login: string; rules: readonly string[]; head: string }) =>
    `**Policy overridden** by ${code(p.login)} for commit ${code(shortSha(p.head))}: ${p.rules.map((rule) => code(rule)).join(', ')}.`,
  askEmpty: (p: { trigger: string }) =>
    paragraphs(
      `**Nothing to do yet.** There is no text after ${code(p.trigger)}. Say what you want in a new comment, for example:`,
      fence(`${p.trigger} run the smoke tests and tell me what fails`, 'text'),
      `For a list of commands, write ${code('/help')}.`,
    ),
  askTooLong: (p: { bytes: number; limitBytes: number }) =>
    paragraphs(
      `**Not started.** The ask is ${Math.ceil(p.bytes / 1024)} KiB long; the limit is ${Math.floor(p.limitBytes / 1024)} KiB.`,
      'Put the long part into a file of the repository, name that file, and ask again.',
    ),
  editNotRead: (p: { trigger: string }) =>
    `**Edits are not read.** Adding ${code(p.trigger)} to an existing text starts nothing. Post it as a new comment.`,
  settingsBroken: (p: { findings: readonly Finding[] }) =>
    paragraphs(
      `**Not started.** The settings on the default branch have a mistake:`,
      enFindings(p.findings),
      'Correct it on the default branch, then ask again.',
    ),
  noModelKey: (p: { trigger: string }) =>
    paragraphs(
      '**Not planned.** No model is configured here, so a request in prose cannot become a plan. Two ways on:',
      '1. Write the commands yourself, in one `sh` block. That needs no model:',
      fence(`${p.trigger} smoke tests\n\`\`\`sh\npytest tests/smoke\n\`\`\``, 'md'),
      '2. Have whoever operates the app set `OPENAI_API_KEY`, then ask again.',
    ),
  modelInvalidOutput: (p: { calls: number; errors: readonly string[] }) =>
    paragraphs(
      `**No plan.** The model's output did not hold up to validation, ${p.calls} times in a row. Nothing was run.`,
      'Ask again in smaller steps, or write the commands yourself in one `sh` block.',
      p.errors.length > 0 && fence(clip(p.errors.join('\n'), 2000)),
    ),
  modelRefused: (p: { text: string }) =>
    paragraphs(
      '**No plan.** The model declined:',
      quote(p.text),
      'Nothing was run. Rephrase it and ask again.',
    ),
  modelCutShort: () =>
    "**No plan.** The plan was longer than the model's output limit. Nothing was run. Ask for less at a time.",
  modelUnavailable: (p: { attempts: number }) =>
    `**No plan.** The model did not answer in ${p.attempts} tries. Nothing was run. Ask again later; asks with an \`sh\` block need no model.`,
  modelMisconfigured: (p: { message: string }) =>
    paragraphs(
      `**No plan.** The model cannot be called: ${neutraliseInline(p.message)}`,
      'Whoever operates the app should check `OPENAI_API_KEY`, `OPENAI_BASE_URL` and `GURUGURU_MODEL`; `guruguru doctor` tests them. Then ask again.',
    ),
  dispatchGit: () =>
    paragraphs(
      '**The app runs nothing here.** The settings say `dispatch: git`: a runner started with `guruguru runner --git` takes jobs from `jobs/queue/` by itself.',
      'Merge a job file into `jobs/queue/`, or set `dispatch: app` in `.github/guruguru.yml` on the default branch.',
    ),
  fenceUnclosed: () =>
    '**Not started.** The code block is not closed. End it with a line of three backticks and ask again.',
  repositoryEmpty: (p: { branch: string }) =>
    `**Not started.** The default branch ${code(p.branch)} has no commit, and a job PR needs one to stand on. Push a first commit, a README will do, and ask again.`,
  fenceEmpty: () => '**Not started.** The code block is empty. Put one command on each line and ask again.',
  jobInvalid: (p: { errors: readonly string[] }) =>
    paragraphs(
      '**Not started.** This is not a valid job:',
      list(p.errors.map((error) => neutraliseInline(error))),
      'Correct it and ask again. What every ask has in common can stand under `defaults` in `.github/guruguru.yml`.',
    ),
  jobIdTaken: (p: { id: string }) =>
    `**Not started.** The id ${code(p.id)} is already taken. Leave \`id\` out to get the next free one, or choose another.`,
  severalJobs: (p: { command: string; jobs: readonly ListedJob[] }) =>
    paragraphs(
      '**Which one?** This thread has several jobs:',
      jobList(p.jobs),
      `Name it, for example ${code(`${p.command} ${p.jobs[0]?.id ?? ''}`.trim())}.`,
    ),
  unknownJob: (p: { id: string }) =>
    `**Nothing done.** There is no job ${code(p.id)} in this repository. ${code('/status')} lists the open ones.`,
  nothingTo: (p: { command: string }) =>
    `**Nothing done.** This thread has no job that ${code(p.command)} could apply to. ${code('/status')} lists the open ones.`,
  pullNotAJob: (p: { command: string }) =>
    `**Nothing done.** ${code(p.command)} works on a job PR: one that adds a single file to \`jobs/queue/\`. This is none.`,
  commandNoPermission: (p: { command: string; login: string; permission: string }) =>
    `**Nothing done.** ${code(p.command)} needs write access to this repository; ${code(p.login)} has ${code(p.permission)}.`,
  refusalsPaused: (p: { until: number; timeZone: string }) =>
    `Others without write access are not answered before ${formatTime(p.until, p.timeZone)}.`,
  approveHeadMoved: (p: { head: string }) =>
    paragraphs(
      `**Not approved.** The PR changed after the status you could see: its head is now ${code(shortSha(p.head))}.`,
      `Look at the change, then write ${code(`/approve ${p.head}`)}.`,
    ),
  approveOtherCommit: (p: { head: string; named: string }) =>
    `**Not approved.** ${code(p.named)} is not the head of this PR; that is ${code(p.head)}.`,
  approveValidationFailed: (p: { findings: readonly Finding[]; trigger: string }) =>
    paragraphs(
      '**Not approved.** The job file does not pass validation:',
      enFindings(p.findings),
      `Correct the file on the PR's branch, or have it replanned: ${code(`${p.trigger} <what to change>`)}.`,
    ),
  approveClosed: (p: { number: number; trigger: string }) =>
    `**Not approved.** PR #${p.number} is closed. Reopen it, or start over with a new ${code(p.trigger)}.`,
  approveMerged: (p: { number: number }) =>
    `PR #${p.number} is merged already; there is nothing left to approve.`,
  cancelled: (p: { jobId: string }) => `Cancelled. ${code(p.jobId)} will not run.`,
  cancelEnded: (p: { jobId: string; state: JobState }) =>
    `**Nothing done.** ${code(p.jobId)} has already ended (${EN_STATES[p.state]}).`,
  retryStillRunning: (p: { jobId: string; state: JobState }) =>
    `**Not queued again.** ${code(p.jobId)} has not ended yet (${EN_STATES[p.state]}). Wait for it, or write ${code(`/cancel ${p.jobId}`)} first.`,
  retryNeverMerged: (p: { jobId: string; trigger: string }) =>
    `**Not queued.** ${code(p.jobId)} was never approved, so it cannot run. Reopen its PR, or start over with a new ${code(p.trigger)}.`,
  mergeBlocked: (p: { number: number; message: string }) =>
    paragraphs(
      `**Approved, but not merged.** GitHub refuses to merge PR #${p.number}:`,
      quote(p.message),
      'Meet what it asks for (a review, a check, an up-to-date branch), or merge it by hand. The job is queued as soon as the PR is merged.',
    ),
  mergeQueued: (p: { number: number }) =>
    `Approved. PR #${p.number} is in the merge queue; the job is queued once it is merged.`,
  pullRetargeted: (p: { number: number; base: string; defaultBranch: string }) =>
    `**On hold.** PR #${p.number} now targets ${code(p.base)}, and only jobs on ${code(p.defaultBranch)} run. Set the base back to ${code(p.defaultBranch)} to go on.`,
  repositoryMoved: (p: { from: string; to: string }) =>
    `This repository is now ${code(p.to)} (it was ${code(p.from)}). Open asks and jobs go on. Runner tokens name repositories: have one made for the new name.`,
  pushedNotRun: (p: { jobId: string }) =>
    paragraphs(
      `**Not run.** ${code(`jobs/queue/${p.jobId}.json`)} was pushed to the default branch without a PR, and nobody approved it.`,
      `Take it out again and open a PR that adds it. With ${code('gate.direct_push: run')} in the settings, a push by somebody with write access is enough.`,
    ),
  pushedAgain: (p: { jobId: string }) =>
    paragraphs(
      `**Not run.** Job ${code(p.jobId)} is known already; its file coming back changes nothing.`,
      `To run it once more, write ${code(`/retry ${p.jobId}`)} on an issue. For another job, use a new id.`,
    ),
  notAsApproved: (p: { jobId: string }) =>
    `**Not run.** ${code(p.jobId)} on the default branch is not the file that was approved. Propose it in a new PR with a new id.`,
  mergedByStranger: (p: { jobId: string; login: string }) =>
    `**Not run.** ${code(p.jobId)} was merged by ${code(p.login)}, and nobody with write access approved it. Someone who has write access can write ${code(`/retry ${p.jobId}`)} to run it.`,
  fencedWaits: (p: { why: WaitReason }) => `It waits for approval because ${WAITS[p.why]}.`,
  stuckItem: (p: { error: string; attempts: number; trigger: string }) =>
    paragraphs(
      `**Stuck.** This could not be done in ${p.attempts} tries, and is not tried any more by itself. The last error:`,
      fence(p.error),
      `Once the cause is gone, write ${code('/retry')} here. ${code('/status')} lists everything that is stuck.`,
    ),
  jobsLost: (p: { jobs: readonly { id: string; title: string }[] }) =>
    paragraphs(
      "**Lost with the app's database.** These jobs were merged, but nothing in the repository says how they ended, so nobody knows whether they ran:",
      list(p.jobs.map((job) => `${code(job.id)}${job.title ? ` ${cell(job.title, 120)}` : ''}`)),
      `None of them is started again by itself. Look at what they may have done; then run those that are still wanted again with ${code(`/retry ${p.jobs.map(({ id }) => id).join(' ')}`)}. If a runner still sends a result, it counts.`,
    ),
  unstuck: () => 'Trying again now.',
  help: (p: { trigger: string }) =>
    paragraphs(
      '| command | what it does |\n| --- | --- |\n' +
        [
          [`${p.trigger} <what you want>`, 'plans it and opens a job PR; on a job PR: plans again'],
          [
            '/goal <what should be true>',
            'plans an envelope and a first job; approved once, the next jobs follow by themselves',
          ],
          ['/approve', 'on a job or goal PR: merges it, and the job is queued'],
          ['/cancel [id]', 'stops the ask, job or goal, running or not'],
          ['/retry [id]', 'runs an ended job again, tries a stuck ask again, or lets a waiting goal go on'],
          ['/pause', 'stops planning, merging and starting here; running jobs go on'],
          ['/resume', 'ends that; what waited goes on'],
          ['/status', 'what is queued, running and stuck; which runners are live'],
          ['/help', 'this table'],
        ]
          .map(([command, what]) => `| ${codeCell(command ?? '')} | ${what} |`)
          .join('\n'),
      `A command must be the first line of a new comment, by someone with write access. After ${code(p.trigger)}, one \`sh\` block is run as it stands, and one \`json\` block is taken as the job file; both need no model.`,
    ),
};

export interface PausedWords {
  source: 'command' | 'file' | 'app';
  /** Login; null where it was nobody's command. */
  by: string | null;
  since: number;
  timeZone: string;
}

/** `This repository is paused since … by octocat.` */
export function pausedBy(p: PausedWords): string {
  const since = `since ${formatTime(p.since, p.timeZone)}`;
  if (p.source === 'app') return `The app is paused as a whole ${since} (\`GURUGURU_PAUSED\`).`;
  if (p.source === 'file') return `This repository is paused ${since} by its settings (\`paused: true\`).`;
  return `This repository is paused ${since}${p.by ? ` by ${code(p.by)}` : ''}.`;
}

const TEAMS_UNREADABLE =
  'The app may not read team members: accept its permission "Members: read" in the organization\'s settings.';

/** `maintain access and membership in the team a or b, by 2 people`. */
function needed(needs: Needs): string {
  const access = `${needs.permission} access to this repository`;
  const teams = needs.teams.map((team) => code(team)).join(' or ');
  const who = teams ? `${access} and membership in ${teams}` : access;
  const many = needs.count && needs.count > 1 ? `${needs.count} approvals by people with ${who}` : who;
  return needs.own === false ? `${many}, not by who asked` : many;
}

/** Findings as a list, failures first, at most ten. */
function enFindings(findings: readonly Finding[]): string {
  const rank = { failure: 0, warning: 1, notice: 2 };
  const sorted = findings.toSorted((a, b) => rank[a.severity] - rank[b.severity]);
  const lines = sorted.slice(0, 10).map((finding) => {
    const place = `${code(finding.path)} line ${finding.line}, column ${finding.column}`;
    const field = finding.field ? `, ${code(finding.field)}` : '';
    return `${finding.severity === 'failure' ? '❌' : '⚠️'} ${place}${field}: ${neutraliseInline(finding.message)}`;
  });
  if (sorted.length > 10) lines.push(`and ${sorted.length - 10} more`);
  return list(lines);
}
