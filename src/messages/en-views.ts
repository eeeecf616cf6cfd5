import type { JobState } from '../job/state.ts';
import { EN_STATES, type PausedWords, pausedBy } from './en-replies.ts';
import { formatCount, formatTime, splitDuration } from './format.ts';
import { cell, code, link } from './markdown.ts';
import { neutraliseInline } from './neutralise.ts';
import type { ReasonCode } from './reasons.ts';
import type { Cost, PullLink, RunnerMatch, ShownVerdict, VerdictReason } from './views.ts';

/** A duration in seconds as `1 h 5 min`, `3 min 12 s` or `0.4 s`. */
export function duration(total: number): string {
  const { hours, minutes, seconds } = splitDuration(total);
  if (hours > 0) return minutes > 0 ? `${hours} h ${minutes} min` : `${hours} h`;
  if (minutes > 0) return seconds === '0' ? `${minutes} min` : `${minutes} min ${seconds} s`;
  return `${seconds} s`;
}

const VERDICTS: Record<ShownVerdict, string> = {
  succeeded: 'succeeded',
  failed: 'failed',
  cancelled: 'cancelled',
  lost: 'lost',
};

const REASONS: Record<ReasonCode, string> = {
  no_permission: 'no write access',
  cap_reached: 'cap of the day reached',
  ask_empty: 'empty ask',
  ask_too_long: 'ask too long',
  edit_not_read: 'edits are not read',
  settings_invalid: 'mistake in the settings',
  no_model_key: 'no model configured',
  model_invalid_output: 'invalid model output',
  model_refused: 'declined by the model',
  model_cut_short: 'model output cut short',
  model_unavailable: 'model unavailable',
  model_misconfigured: 'model misconfigured',
  repository_archived: 'repository archived',
  installation_suspended: 'app suspended',
  dispatch_git: 'dispatched by git',
  fence_unclosed: 'code block not closed',
  repository_empty: 'no commit yet',
  fence_empty: 'code block empty',
  job_invalid: 'invalid job',
  goal_invalid: 'invalid goal',
  job_id_taken: 'job id taken',
  several_jobs: 'several jobs, none named',
  unknown_job: 'unknown job',
  nothing_to_approve: 'nothing to approve',
  nothing_to_cancel: 'nothing to cancel',
  nothing_to_retry: 'nothing to retry',
  head_moved: 'PR changed meanwhile',
  validation_failed: 'validation failed',
  pull_closed: 'PR closed',
  pull_retargeted: 'PR targets another branch',
  pull_not_a_job: 'not a job PR',
  merge_blocked: 'merge blocked',
  still_running: 'not ended yet',
  answered: 'answered',
  question_asked: 'question asked',
  cancelled: 'cancelled',
  rejected: 'PR closed without merging',
  superseded: 'replaced by another plan',
  scheduled: 'scheduled',
  stuck: 'stuck',
};

/** One sentence on why a run ended as it did. */
function why(reason: VerdictReason): string {
  switch (reason.kind) {
    case 'dod_met':
      return `The definition of done holds: ${code(reason.dod)}.`;
    case 'dod_unmet': {
      const saw = reason.saw.map(({ name, value }) => code(`${name} = ${value}`)).join(', ');
      return `The definition of done does not hold: ${code(reason.dod)}${saw ? `, with ${saw}` : ''}.`;
    }
    case 'dod_error':
      return `The definition of done could not be evaluated: ${code(reason.dod)}: ${neutraliseInline(reason.message)}`;
    case 'timeout':
      return `It was stopped at its time limit of ${duration(reason.minutes * 60)}.`;
    case 'killed':
      return `A command was ended by ${reason.signal === null ? 'a signal' : code(reason.signal)}, so there is nothing to judge.`;
    case 'cancelled': {
      const by = reason.by ? ` by ${code(reason.by)}` : '';
      return reason.started
        ? `It was cancelled${by} while running.`
        : `It was cancelled${by} before its first command.`;
    }
    case 'refused':
      return `The runner would not start it: ${neutraliseInline(reason.message)}`;
    case 'never_started':
      return 'Several runners took it and were lost before its first command, so nothing was run.';
    case 'runner_error':
      return `The runner failed, not the job: ${neutraliseInline(reason.message)}`;
    case 'lost':
      return reason.seenAt === null
        ? 'It is merged and has no result on record, so it may or may not have run.'
        : 'Its runner fell silent after the job had started; what it did is not known.';
  }
}

function proved({ proved = [] }: RunnerMatch): string {
  return proved.length === 0 ? '' : `; it has proved ${proved.map((name) => code(name)).join(', ')}`;
}

function wanted(match: RunnerMatch): string {
  return match.wants.map((name) => code(name)).join(', ');
}

function pullLink(pull: PullLink | null): string {
  return pull ? link(`PR #${pull.number}`, pull.url) : 'the job PR';
}

/** The words of status comment, check runs, pull body and replies. */
export const enViews = {
  duration: (p: { seconds: number }) => duration(p.seconds),
  reasonLabel: (p: { reason: ReasonCode }) => REASONS[p.reason],
  verdict: (p: { verdict: ShownVerdict }) => VERDICTS[p.verdict],
  /** Sentences one after the other, each with its full stop. */
  joined: (p: { sentences: readonly string[] }) =>
    p.sentences
      .filter(Boolean)
      .map((words) => (/[.!?:]$/.test(words) ? words : `${words}.`))
      .join(' '),
  why: (p: { reason: VerdictReason }) => why(p.reason),

  stagePlanning: () => 'planning',
  stagePlanned: () => 'planned',
  stagePull: () => 'PR',
  stageApproval: () => 'approval',
  stageWaiting: () => 'waiting for approval',
  stageMerging: () => 'merging',
  stageApproved: (p: { login: string; how: string }) =>
    p.how === 'auto'
      ? 'merged by the policy'
      : p.how === 'goal'
        ? `approved with its goal by ${code(p.login)}`
        : `${p.how === 'merge' ? 'merged' : 'approved'} by ${code(p.login)}`,
  stageRun: () => 'run',
  stageQueued: () => 'queued',
  stageRunning: (p: { runner: string }) => `running on ${code(p.runner)}`,
  stageRan: (p: { runner: string }) => `ran on ${code(p.runner)}`,
  stageResult: () => 'result',
  stageAnswered: () => 'answered',
  stageQuestion: (p: { login: string }) => `a question for ${code(p.login)}`,
  stageRejected: () => 'PR closed',
  stageSuperseded: () => 'replaced',
  stageStuck: () => 'stuck',

  nextPlanning: () =>
    'Reading the thread and the repository, and planning. Nothing runs before somebody approves.',
  nextReport: () => 'The report is being committed.',
  nextModelRetry: (p: { at: number; timeZone: string }) =>
    `The model is not available at the moment. Next try: ${formatTime(p.at, p.timeZone)}. There is nothing to do for you.`,
  nextApprove: (p: { pull: PullLink | null }) =>
    `Someone with write access decides: approve ${pullLink(p.pull)}, or write ${code('/approve')} there.`,
  nextMerging: () => 'Merging the job PR.',
  nextInvalid: (p: { pull: PullLink | null; failures: number }) =>
    `The job file has ${p.failures === 1 ? 'a mistake' : `${p.failures} mistakes`}; see the check on ${pullLink(p.pull)}. It can be approved once they are corrected.`,
  nextBlocked: (p: { pull: PullLink | null }) =>
    `Approved, but GitHub will not merge ${pullLink(p.pull)}: meet what it asks for, or merge it by hand.`,
  nextQueued: (p: { position: number; match: RunnerMatch }) => {
    if (p.match.asleep)
      return `Waiting for ${code(p.match.asleep)}, which is asleep 💤. It takes the job when it wakes up.`;
    if (p.match.runner === null)
      return `No live runner suits this job${p.match.wants.length ? ` (it wants ${wanted(p.match)})` : ''}. It starts as soon as one is there.`;
    const place = p.position > 1 ? `Number ${p.position} in the queue` : 'Next in the queue';
    return p.match.busy
      ? `${place}; ${code(p.match.runner)} takes it when its current job has ended.`
      : `${place}; ${code(p.match.runner)} takes it.`;
  },
  nextRunning: () => `The result comes here and as a reply. ${code('/cancel')} stops it.`,
  nextCancelling: () => 'Told to stop; waiting for the runner to confirm.',
  nextFailed: (p: { trigger: string }) =>
    `The reply below shows the last lines, the report all of them. ${code('/retry')} runs the same job again; a new ${code(p.trigger)} plans anew.`,
  nextCancelled: () => `${code('/retry')} runs it again.`,
  nextLost: (p: { jobId: string }) =>
    `Check what it left behind, then ${code(`/retry ${p.jobId}`)} runs it again. If the runner comes back, its result still counts.`,
  nextAnswered: () => 'The answer is in the reply below. Nothing was run.',
  nextQuestion: (p: { trigger: string }) =>
    `Something is missing to make a plan; see the reply below. Answer with a new ${code(p.trigger)}.`,
  nextAskCancelled: (p: { by: string | null }) =>
    `Cancelled${p.by ? ` by ${code(p.by)}` : ''}. Nothing was run.`,
  nextRejected: (p: { by: string | null; trigger: string }) =>
    `The job PR was closed${p.by ? ` by ${code(p.by)}` : ''} without merging. Nothing was run. A new ${code(p.trigger)} starts over.`,
  nextSuperseded: (p: { by: PullLink | null }) =>
    p.by
      ? `Replaced by another plan: ${link(`PR #${p.by.number}`, p.by.url)}. Nothing was run.`
      : 'Replaced by another plan. Nothing was run.',
  nextStuck: (p: { since: number; timeZone: string }) =>
    `Not tried any more by itself since ${formatTime(p.since, p.timeZone)}. Once the cause is gone, write ${code('/retry')} here.`,

  details: () => 'Details',
  rowJob: () => 'Job',
  rowPlan: () => 'Plan',
  rowRevision: (p: { revision: number }) => `revision ${p.revision}`,
  rowStarted: () => 'Started',
  rowTook: () => 'Took',
  rowRun: () => 'Run',
  rowUndo: () => 'Undo',
  rowLinks: () => 'More',
  linkReport: () => 'report',
  linkCheck: () => 'check run',
  cost: (p: { cost: Cost }) => {
    const tokens = `${formatCount(p.cost.inputTokens)} tokens in, ${formatCount(p.cost.outputTokens)} out`;
    const usd = p.cost.usd === undefined ? '' : `, about USD ${p.cost.usd.toFixed(p.cost.usd < 0.1 ? 3 : 2)}`;
    return `${code(p.cost.model)}: ${tokens}${usd}`;
  },

  replyResult: (p: { jobId: string; title: string; verdict: ShownVerdict }) =>
    `**${code(p.jobId)} ${VERDICTS[p.verdict]}**${p.title ? `: ${cell(p.title, 120)}` : ''}`,
  /** How long it took and where; empty when it never ran to an end. */
  replyRan: (p: { runner: string | null; seconds: number | null; attempt: number }) => {
    if (p.seconds === null) return '';
    const where = p.runner === null ? '' : ` on ${code(p.runner)}`;
    return `Took ${duration(p.seconds)}${where}${p.attempt > 1 ? ` (run ${p.attempt})` : ''}.`;
  },
  replyLastLines: (p: { lines: number }) => (p.lines === 1 ? 'The last line:' : `The last ${p.lines} lines:`),
  replyNoOutput: () => 'It printed nothing.',
  replyQuestion: (p: { trigger: string }) =>
    `**A question before there is a plan.** Answer with a new ${code(p.trigger)}:`,
  replyRefusal: () => '**Not planned.** The planner advises against it:',
  replyUndo: (p: { undo: string }) => `To undo: ${code(p.undo)}`,

  checkQueued: (p: { position: number }) =>
    p.position > 1 ? `Queued, number ${p.position}` : 'Queued, next',
  checkNoRunner: (p: { asleep: string | null }) =>
    p.asleep === null ? 'Queued: no live runner suits it' : `Queued: ${neutraliseInline(p.asleep)} is asleep`,
  checkRunning: (p: { runner: string; done: number; total: number }) =>
    `Running on ${neutraliseInline(p.runner)}${p.total === 0 ? '' : `: ${p.done} of ${p.total} lines done`}`,
  checkCancelling: (p: { runner: string }) => `Stopping on ${neutraliseInline(p.runner)}`,
  checkEnded: (p: { verdict: ShownVerdict; seconds: number | null }) => {
    const word = {
      succeeded: 'Succeeded',
      failed: 'Failed',
      cancelled: 'Cancelled',
      lost: 'Lost: no result came',
    };
    return p.seconds === null ? word[p.verdict] : `${word[p.verdict]} after ${duration(p.seconds)}`;
  },
  checkSilent: (p: { runner: string; since: number; timeZone: string }) =>
    `No word from ${neutraliseInline(p.runner)} since ${formatTime(p.since, p.timeZone)}`,
  nextSilent: (p: { runner: string; since: number; timeZone: string }) =>
    `⚠️ No word from ${code(p.runner)} since ${formatTime(p.since, p.timeZone)}: it may sleep or be cut off, and the job may go on there. After 15 minutes without a word the run counts as lost; a result that comes later still counts.`,
  checkReplaced: (p: { next: number }) => `No word from the runner: run ${p.next} follows`,
  checkReplacedWhy: (p: { runner: string; next: number }) =>
    `${code(p.runner)} fell silent and nothing of this run counts. The job is idempotent, so run ${p.next} follows by itself.`,
  checkStarted: (p: { at: number; timeZone: string }) => `Started ${formatTime(p.at, p.timeZone)}.`,
  checkUpdates: () =>
    'The output below is refreshed every 10 seconds in the first minute, then every minute.',
  actionApprove: () => 'Approve',
  actionApproveWhat: () => 'Merge this PR and queue the job',
  actionCancel: () => 'Cancel',
  actionCancelWhat: () => 'Cancel this job',
  actionRetry: () => 'Retry',
  actionRetryWhat: () => 'Run the same job again',
  validateNone: () => 'No jobs touched',
  validateNoneText: () => 'This PR adds, changes or removes no job file.',
  validateOk: (p: { jobs: number; warnings: number }) => {
    const jobs = p.jobs === 1 ? 'Valid job' : `${p.jobs} valid jobs`;
    if (p.jobs === 0) return 'Nothing to object to';
    return p.warnings === 0 ? jobs : `${jobs}, ${p.warnings === 1 ? '1 warning' : `${p.warnings} warnings`}`;
  },
  validateFailed: (p: { failures: number }) =>
    p.failures === 1 ? '1 mistake in the job files' : `${p.failures} mistakes in the job files`,
  validateFix: () =>
    'Correct the lines marked under Files changed. The check runs again by itself with the next commit.',
  dispatchedByGit: () =>
    'The settings say `dispatch: git`: after the merge a runner with `--git` takes it by itself.',

  runnerTakes: (p: { match: RunnerMatch }) => {
    if (p.match.asleep) return `💤 ${code(p.match.asleep)} is asleep and takes it when it wakes up`;
    if (p.match.runner !== null)
      return `${code(p.match.runner)} is live and will take it${p.match.busy ? ' when its current job has ended' : ''}${proved(p.match)}`;
    return p.match.wants.length > 0
      ? `⚠️ no live runner suits it (it wants ${wanted(p.match)}); it would wait`
      : '⚠️ no runner is live; it would wait';
  },

  pullAsked: (p: { login: string; url: string }) =>
    `Asked by ${code(p.login)} in ${link('this comment', p.url)}.`,
  pullHandWritten: () =>
    'From a code block: the lines stand exactly as they were written, no model was used.',
  pullScript: () => 'What it runs',
  pullBrief: () => 'What the agent (Codex) is told',
  pullBriefFold: (p: { lines: number }) => `What the agent (Codex) is told: ${p.lines} lines`,
  pullAgent: () => 'Agent',
  pullAgentRuns: (p: { sandbox: string; model: string | null }) =>
    `Codex in its sandbox ${code(p.sandbox)}${p.model === null ? '' : `, model ${code(p.model)}`}; what it changes comes back as a PR`,
  pullScriptFold: (p: { lines: number }) => `What it runs: ${p.lines} lines`,
  pullDod: () => 'Done when',
  pullRunner: () => 'Runner',
  pullWhere: () => 'Where',
  pullTimeout: () => 'Time limit',
  pullUndo: () => 'Undo',
  pullNoUndo: () => '⚠️ not said',
  pullEffect: () => 'Effect',
  pullEffectRead: () => 'reads only, by its own account',
  pullEffectChange: () => 'changes things',
  pullSecrets: () => 'Secrets',
  pullEnv: () => 'Environment',
  pullServes: () => 'Serves',
  pullCost: () => 'Planning cost',
  pullRetries: () => 'If the runner is lost',
  pullRetriesYes: () => 'started again by itself (idempotent)',
  pullFindings: () => 'Before you approve',
  pullAuto: () =>
    '**Merged by the policy:** every command is on `gate.auto`. This PR is the record; nobody needs to click.',
  pullNeeds: (p: { count: number; own: boolean; login: string }) =>
    [
      p.count > 1 && `**${p.count} different people** must approve this head.`,
      !p.own && `${code(p.login)} asked, so **somebody else** must approve (\`approve.own: false\`).`,
    ]
      .filter(Boolean)
      .join(' '),
  pullDecide: () => 'Your decision',
  pullApprove: () =>
    `**Approve:** approve this PR in a review, write ${code('/approve')}, or merge it. The job is queued at once.`,
  pullChange: (p: { trigger: string }) =>
    `**Change:** write ${code(`${p.trigger} <what to change>`)} here, or request changes in a review. It is planned again on this branch.`,
  pullCancel: () => `**Cancel:** write ${code('/cancel')}, or close this PR. Nothing is run.`,
  pullRaw: () => 'The job file',
  pullRawPlan: () => 'Plan as the model gave it',
  pullRevision: (p: { revision: number }) =>
    `This is plan ${p.revision}; earlier approvals do not count for it.`,
  pullCut: () => 'Shortened here; the job file in this PR is complete.',

  statusPaused: (p: PausedWords) => `⏸️ **Paused.** ${pausedBy(p)}`,
  statusUsage: (p: {
    tokens: number;
    tokensLimit: number;
    usd: number;
    usdLimit: number;
    unpriced: readonly string[];
  }) => {
    const used = `Model today: ${formatCount(p.tokens)} of ${formatCount(p.tokensLimit)} tokens, about USD ${p.usd.toFixed(2)} of ${p.usdLimit}.`;
    if (p.unpriced.length === 0) return used;
    return `${used} No price is known for ${p.unpriced.map((name) => code(name)).join(', ')}: only tokens are capped there (\`model_prices\`).`;
  },
  statusNothing: () => 'Nothing is queued, running or stuck.',
  statusJobs: () => 'Jobs',
  statusStuck: () => 'Stuck',
  statusRunners: () => 'Runners',
  statusNoRunners: () => 'No runner is live. Queued jobs wait until one is.',
  statusColumnsJobs: () => '| job | title | state | runner | for |',
  statusColumnsRunners: () => '| runner | labels | doing | last heard |',
  statusState: (p: { state: JobState }) => EN_STATES[p.state],
  statusIdle: () => 'idle',
  statusDraining: () => 'takes no more',
  statusAgo: (p: { seconds: number }) => `${duration(p.seconds)} ago`,
  statusStuckFor: (p: { seconds: number }) => ` (for ${duration(p.seconds)})`,
};
