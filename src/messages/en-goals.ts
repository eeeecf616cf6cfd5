import { formatTime } from './format.ts';
import { code, fence, link, list, paragraphs, quote } from './markdown.ts';
import { neutraliseInline } from './neutralise.ts';
import { clip } from './plain-text.ts';
import type { PullLink } from './views.ts';

/** Why a goal ended without being reached. */
export type GoalStop = 'jobs' | 'money' | 'time' | 'same_failure' | 'no_change' | 'withdrawn';

/** Why a goal waits for a person. */
export type GoalQuestion =
  | { why: 'outside'; pull: PullLink | null; job: string; outside: readonly string[] }
  /** The model's question. */
  | { why: 'stuck'; text: string }
  /** A new database found it without anything on record. */
  | { why: 'recalled' }
  | { why: 'no_model' }
  | { why: 'mute'; error: string }
  /** Its job was taken away or lost. `state`: rejected, cancelled, lost. */
  | { why: 'closed'; job: string; state: string };

const STOPS: Record<GoalStop, string> = {
  jobs: 'it has used all the jobs its envelope allows',
  money: 'it has used the money its envelope allows',
  time: 'its time is over',
  same_failure: 'the same failure came twice',
  no_change: 'two reports in a row show no change',
  withdrawn: 'its file was taken off the default branch',
};

const CLOSED: Record<string, string> = {
  rejected: 'closed without merging',
  superseded: 'replaced',
  cancelled: 'cancelled',
  lost: 'lost',
};

const EXAMPLE = `/goal
\`\`\`json
{
  "goal": "The smoke tests pass.",
  "dod": "exit_code == 0 && stdout.contains('passed')",
  "envelope": { "commands": ["git status", "pytest tests/smoke"], "effect": "read" },
  "first_job": { "script": ["pytest tests/smoke"] }
}
\`\`\``;

/** The words of goals. */
export const enGoals = {
  goalNoModel: () =>
    paragraphs(
      '**Not planned.** No model is configured here, so words cannot become a goal file. Two ways on:',
      '1. Write the goal file yourself, in one `json` block (see docs/goals.md). That needs no model:',
      fence(EXAMPLE, 'md'),
      '2. Have whoever operates the app set `OPENAI_API_KEY`, then write it again.',
    ),
  goalInvalid: (p: { errors: readonly string[] }) =>
    paragraphs(
      '**Not started.** The goal file has mistakes:',
      list(p.errors.slice(0, 10).map((error) => neutraliseInline(clip(error, 500)))),
      'Correct them and write the goal again.',
    ),
  validateGoal: (p: { warnings: number }) =>
    p.warnings === 0
      ? 'Valid goal'
      : `Valid goal, ${p.warnings === 1 ? '1 warning' : `${p.warnings} warnings`}`,

  goalHandWritten: () => 'From a code block: the file stands as it was written, no model was used.',
  goalEnvelope: () => 'What you approve',
  goalEnvelopeText: () =>
    'The direction. The first job runs, and after each report the next one, **without another click** as long as it stays inside this envelope. One that leaves it waits for you.',
  goalFirstJob: () => 'First job',
  goalNoDod: () => "no command can tell: the model's opinion decides, and is labelled so",
  goalCommands: () => 'Commands',
  goalKinds: () => 'Kinds',
  goalPaths: () => 'May change',
  goalCaps: () => 'Ends at',
  goalCapsWords: (p: { jobs: number; usd: number; hours: number }) =>
    `${p.jobs} jobs, USD ${p.usd} for planning and judging, ${p.hours} h`,
  goalApprove: () =>
    `**Approve:** approve this PR in a review, write ${code('/approve')}, or merge it. The first job is queued at once.`,
  goalCancel: () =>
    `**Cancel:** write ${code('/cancel')}, or close this PR. Later ${code('/cancel')} ends the goal.`,
  goalRaw: () => 'The goal file',
  goalStep: (p: { id: string; url: string; number: number; of: number; outside: readonly string[] }) => {
    const what = `Job ${p.number} of at most ${p.of} of the goal ${link(code(p.id), p.url)}.`;
    if (p.outside.length === 0)
      return `${what} **Approved with the goal:** it stays inside the envelope. This PR is the record; nobody needs to click.`;
    return paragraphs(
      `${what} **It leaves the envelope, so it waits for you:**`,
      list(p.outside.slice(0, 10).map((one) => neutraliseInline(clip(one, 300)))),
    );
  },

  goalState: (p: {
    state: 'proposed' | 'running' | 'waiting' | 'reached' | 'stopped' | 'cancelled' | 'rejected';
  }) =>
    ({
      proposed: '● waiting for approval',
      running: '● under way',
      waiting: '⏳ waiting for a person',
      reached: '✅ reached',
      stopped: '🛑 stopped',
      cancelled: '🚫 cancelled',
      rejected: '🚫 PR closed',
    })[p.state],
  goalNextApprove: (p: { pull: PullLink | null }) =>
    `Someone with write access decides: approve ${p.pull ? link(`PR #${p.pull.number}`, p.pull.url) : 'the goal PR'}, or write ${code('/approve')}.`,
  goalNextRunning: () => `After the report it is judged. ${code('/cancel')} ends the goal.`,
  goalNextPaused: (p: { until: number; timeZone: string }) =>
    `The model cannot be asked now (cap of the day, or away). It goes on ${formatTime(p.until, p.timeZone)}.`,
  goalHeld: (p: { job: string; holder: string; goal: string | null; thing: string }) =>
    `${code(p.job)} waits for ${code(p.holder)}${p.goal ? ` of the goal ${code(p.goal)}` : ''}, which works on ${code(p.thing)}.`,
  goalColumns: () => '| | job | result | took | verdict on the goal |',
  goalVerdict: (p: {
    kind: 'reached' | 'next' | 'stuck' | 'stopped' | 'closed';
    by: 'dod' | 'model' | 'rule' | 'person';
    dod: string;
  }) => {
    const words = {
      reached: p.by === 'dod' ? 'reached: its definition of done holds' : "reached, in the model's opinion",
      next: 'not yet',
      stuck: 'a question',
      stopped: 'stopped',
      closed: 'waits',
    }[p.kind];
    return p.dod && p.by !== 'dod' ? `${words} (${p.dod})` : words;
  },
  goalDod: (p: { verdict: 'met' | 'unmet' | 'error' }) =>
    ({ met: 'DoD holds', unmet: 'DoD does not hold', error: 'DoD could not be evaluated' })[p.verdict],
  goalCost: (p: {
    calls: number;
    input: number;
    output: number;
    usd: number;
    maxUsd: number;
    unpriced: boolean;
    jobs: number;
    maxJobs: number;
    deadline: number | null;
    timeZone: string;
  }) =>
    [
      `Jobs: ${p.jobs} of ${p.maxJobs}.`,
      `Model: ${p.calls} calls, ${p.input + p.output} tokens, USD ${p.usd.toFixed(3)} of ${p.maxUsd}${p.unpriced ? ' (its price is not known: see `model_prices`)' : ''}.`,
      p.deadline === null ? '' : `Time until ${formatTime(p.deadline, p.timeZone)}.`,
    ]
      .filter(Boolean)
      .join(' '),

  goalQuestion: (p: { question: GoalQuestion }) => {
    const { question } = p;
    const go = `Then write ${code('/retry')} here to go on, or ${code('/cancel')} to end the goal.`;
    switch (question.why) {
      case 'outside':
        return paragraphs(
          `**The next job needs you:** ${code(question.job)} leaves the envelope of the goal.`,
          list(question.outside.slice(0, 5).map((one) => neutraliseInline(clip(one, 300)))),
          `Approve ${question.pull ? link(`PR #${question.pull.number}`, question.pull.url) : 'its PR'}, or close it.`,
        );
      case 'stuck':
        return paragraphs(
          '**A question on the goal:**',
          quote(clip(question.text, 4000)),
          `Answer in a comment. ${go}`,
        );
      case 'recalled':
        return `**This goal was approved before, and nothing of it is on record** (the app's database is new). Write ${code('/retry')} here to start it, or ${code('/cancel')} to end it.`;
      case 'no_model':
        return `**No model is configured, so nobody can say what follows.** Approve a job of your own, or have \`OPENAI_API_KEY\` set. ${go}`;
      case 'mute':
        return paragraphs('**The model gave nothing usable:**', quote(clip(question.error, 1000)), go);
      case 'closed':
        return `**The job ${code(question.job)} was ${CLOSED[question.state] ?? question.state}.** What follows is yours to say: comment if there is something to know. ${go}`;
    }
  },
  goalReminder: (p: { since: number; timeZone: string; url: string }) =>
    `**Still waiting for a person** since ${formatTime(p.since, p.timeZone)}: ${link('what is needed', p.url)}. The goal stays open; this is the only reminder.`,
  goalReached: (p: { by: 'dod' | 'model'; text: string; dod: string }) =>
    p.by === 'dod'
      ? `**✅ Reached.** The goal's definition of done holds: ${code(clip(p.dod, 1000))}.`
      : paragraphs(
          `**✅ Reached, in the model's opinion.** ${p.dod ? 'The definition of done could not be evaluated.' : 'The goal has no definition of done that could be evaluated.'}`,
          quote(clip(p.text, 2000)),
        ),
  goalEvidence: (p: { links: readonly string[] }) => `Evidence: ${p.links.join(', ')}`,
  goalStopped: (p: { reason: GoalStop }) =>
    `**🛑 Stopped without reaching the goal:** ${STOPS[p.reason]}. A new ${code('/goal')} starts over.`,
  goalCancelled: (p: { by: string }) => `**🚫 Goal cancelled** by ${code(p.by)}. Nothing more of it runs.`,
  statusGoals: () => 'Goals',
  statusColumnsGoals: () => '| goal | title | state | jobs |',
};
