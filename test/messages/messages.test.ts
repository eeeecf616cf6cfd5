import { describe, expect, it } from 'vitest';
import type { Finding } from '../../src/job/finding.ts';
import { type Messages, messagesFor } from '../../src/messages/messages.ts';
import { REASON_CODES } from '../../src/messages/reasons.ts';

const finding: Finding = {
  rule: 'job/schema',
  severity: 'failure',
  path: 'jobs/queue/2025-11-22-001.json',
  line: 3,
  column: 5,
  field: 'workdir',
  message: 'must be absolute',
};
const pull = { number: 12, url: 'https://github.com/o/r/pull/12' };
const match = { runner: null, wants: ['devbox'] };
const jobId = '2025-11-22-001';
const login = 'octocat';
const trigger = '/ask';

const PAUSED = { source: 'command' as const, by: login, since: 1_760_000_000_000, timeZone: 'UTC' };

const LINE = {
  name: 'hello-ready',
  title: 'READY of hello',
  change: 'added' as const,
  cron: '0 7 * * *',
  timeZone: 'Asia/Tokyo',
  paused: false,
  next: 1_760_000_000_000,
};

/** Parameters for every message; a new message without any does not compile. */
const SAMPLES: { [K in keyof Messages]: Parameters<Messages[K]> } = {
  goalNoModel: [],
  goalInvalid: [{ errors: ['envelope: is missing'] }],
  validateGoal: [{ warnings: 2 }],
  goalHandWritten: [],
  goalEnvelope: [],
  goalEnvelopeText: [],
  goalFirstJob: [],
  goalNoDod: [],
  goalCommands: [],
  goalKinds: [],
  goalPaths: [],
  goalCaps: [],
  goalCapsWords: [{ jobs: 5, usd: 1, hours: 24 }],
  goalApprove: [],
  goalCancel: [],
  goalRaw: [],
  goalStep: [{ id: 'goal-c1', url: pull.url, number: 2, of: 5, outside: ['`effect` is not read'] }],
  goalState: [{ state: 'waiting' }],
  goalNextApprove: [{ pull }],
  goalNextRunning: [],
  goalNextPaused: [{ until: 1_760_000_000_000, timeZone: 'UTC' }],
  goalHeld: [{ job: jobId, holder: '2025-11-22-002', goal: 'goal-c2', thing: 'gke' }],
  goalColumns: [],
  goalVerdict: [{ kind: 'reached', by: 'model', dod: 'DoD' }],
  goalDod: [{ verdict: 'error' }],
  goalCost: [
    {
      calls: 2,
      input: 1000,
      output: 100,
      usd: 0.01,
      maxUsd: 1,
      unpriced: true,
      jobs: 1,
      maxJobs: 5,
      deadline: 1_760_000_000_000,
      timeZone: 'UTC',
    },
  ],
  goalQuestion: [{ question: { why: 'outside', pull, job: jobId, outside: ['`workdir` is /'] } }],
  goalReminder: [{ since: 1_760_000_000_000, timeZone: 'UTC', url: pull.url }],
  goalReached: [{ by: 'model', text: 'It is so.', dod: '' }],
  goalEvidence: [{ links: ['[a](b)'] }],
  goalStopped: [{ reason: 'same_failure' }],
  goalCancelled: [{ by: login }],
  statusGoals: [],
  statusColumnsGoals: [],
  findings: [{ findings: [finding] }],
  scheduleLine: [{ line: LINE }],
  pullWhen: [],
  statusSchedules: [],
  statusColumnsSchedules: [],
  scheduleResult: [{ result: 'bad', since: 1_760_000_000_000, timeZone: 'UTC' }],
  schedulePaused: [],
  nextScheduled: [],
  validateFiles: [{ files: 2, warnings: 1 }],
  scheduled: [{ lines: [LINE, { ...LINE, paused: true }, { ...LINE, change: 'removed' }] }],
  notScheduled: [{ name: 'hello-ready', why: 'invalid', login, base: 'dev', errors: ['`cron` is wrong'] }],
  schedulePushed: [{ name: 'hello-ready' }],
  scheduleSaid: [
    {
      kind: 'missing',
      name: 'hello-ready',
      at: 1_760_000_000_000,
      timeZone: 'UTC',
      outcome: null,
      taken: false,
    },
  ],
  askNoPermission: [{ login, permission: 'read', trigger }],
  askOutsidePolicy: [
    {
      login,
      permission: 'write',
      needs: { permission: 'maintain', teams: ['platform'], unreadable: true },
      trigger,
    },
  ],
  capAsks: [{ login, limit: 30, resetsAt: 1_760_000_000_000, timeZone: 'UTC' }],
  capModel: [{ cap: 'usd', limit: 5, used: 5.2, resetsAt: 1_760_000_000_000, timeZone: 'UTC' }],
  askPaused: [PAUSED],
  pauseDone: [],
  pauseAlready: [PAUSED],
  resumeDone: [],
  resumeNothing: [],
  resumeNot: [{ ...PAUSED, source: 'file', by: null }],
  approvePaused: [{ ...PAUSED, source: 'app', by: null }],
  approveOutsidePolicy: [{ login, needs: { permission: 'admin', teams: [], unreadable: false } }],
  approveOwn: [{ login }],
  approveCounted: [{ have: 1, count: 2 }],
  approvalsMissing: [
    { jobId, login, needs: { permission: 'write', teams: ['a', 'b'], count: 2, own: false } },
  ],
  notRunSettings: [{ jobId, findings: [finding] }],
  approveSettings: [{ findings: [finding] }],
  overrideNobody: [],
  overrideNotOwner: [{ login }],
  overrideUnknown: [{ rule: 'x', rules: ['sudo'] }],
  overridden: [{ login, rules: ['sudo'], head: 'a'.repeat(40) }],
  askEmpty: [{ trigger }],
  askTooLong: [{ bytes: 70_000, limitBytes: 65_536 }],
  editNotRead: [{ trigger }],
  settingsBroken: [{ findings: [finding] }],
  noModelKey: [{ trigger }],
  modelInvalidOutput: [{ calls: 3, errors: ['dod: does not compile'] }],
  modelRefused: [{ text: 'I cannot help with that.' }],
  modelCutShort: [],
  modelUnavailable: [{ attempts: 5 }],
  modelMisconfigured: [{ message: 'the key is refused' }],
  dispatchGit: [],
  fenceUnclosed: [],
  repositoryEmpty: [{ branch: 'main' }],
  fenceEmpty: [],
  jobInvalid: [{ errors: ['workdir: must be absolute'] }],
  jobIdTaken: [{ id: jobId }],
  severalJobs: [{ command: '/cancel', jobs: [{ id: jobId, title: 'Smoke', state: 'queued' }] }],
  unknownJob: [{ id: jobId }],
  nothingTo: [{ command: '/cancel' }],
  pullNotAJob: [{ command: '/approve' }],
  commandNoPermission: [{ command: '/approve', login, permission: 'read' }],
  refusalsPaused: [{ until: 1_763_812_800_000, timeZone: 'UTC' }],
  approveHeadMoved: [{ head: 'a'.repeat(40) }],
  approveOtherCommit: [{ head: 'a'.repeat(40), named: 'b'.repeat(40) }],
  approveValidationFailed: [{ findings: [finding], trigger }],
  approveClosed: [{ number: 12, trigger }],
  approveMerged: [{ number: 12 }],
  cancelled: [{ jobId }],
  cancelEnded: [{ jobId, state: 'succeeded' }],
  retryStillRunning: [{ jobId, state: 'running' }],
  retryNeverMerged: [{ jobId, trigger }],
  mergeBlocked: [{ number: 12, message: 'At least 1 approving review is required.' }],
  mergeQueued: [{ number: 12 }],
  pullRetargeted: [{ number: 12, base: 'dev', defaultBranch: 'main' }],
  repositoryMoved: [{ from: 'a/b', to: 'c/d' }],
  pushedNotRun: [{ jobId }],
  pushedAgain: [{ jobId }],
  notAsApproved: [{ jobId }],
  mergedByStranger: [{ jobId, login }],
  fencedWaits: [{ why: 'findings' }],
  stuckItem: [{ error: 'HttpError: 502', attempts: 8, trigger }],
  jobsLost: [
    {
      jobs: [
        { id: '2025-11-22-001', title: 'Smoke' },
        { id: '2025-11-22-002', title: '' },
      ],
    },
  ],
  unstuck: [],
  help: [{ trigger }],

  duration: [{ seconds: 72 }],
  reasonLabel: [{ reason: 'stuck' }],
  verdict: [{ verdict: 'lost' }],
  joined: [{ sentences: ['a', 'b'] }],
  why: [{ reason: { kind: 'dod_met', dod: 'exit_code == 0' } }],
  stagePlanning: [],
  stagePlanned: [],
  stagePull: [],
  stageApproval: [],
  stageWaiting: [],
  stageMerging: [],
  stageApproved: [{ login, how: 'review' }],
  stageRun: [],
  stageQueued: [],
  stageRunning: [{ runner: 'devbox' }],
  stageRan: [{ runner: 'devbox' }],
  stageResult: [],
  stageAnswered: [],
  stageQuestion: [{ login }],
  stageRejected: [],
  stageSuperseded: [],
  stageStuck: [],
  nextPlanning: [],
  nextReport: [],
  nextModelRetry: [{ at: 0, timeZone: 'UTC' }],
  nextApprove: [{ pull }],
  nextMerging: [],
  nextInvalid: [{ pull, failures: 2 }],
  nextBlocked: [{ pull }],
  nextQueued: [{ position: 2, match }],
  nextRunning: [],
  nextCancelling: [],
  nextFailed: [{ trigger }],
  nextCancelled: [],
  nextLost: [{ jobId }],
  nextAnswered: [],
  nextQuestion: [{ trigger }],
  nextAskCancelled: [{ by: login }],
  nextRejected: [{ by: null, trigger }],
  nextSuperseded: [{ by: pull }],
  nextStuck: [{ since: 0, timeZone: 'UTC' }],
  details: [],
  rowJob: [],
  rowPlan: [],
  rowRevision: [{ revision: 2 }],
  rowStarted: [],
  rowTook: [],
  rowRun: [],
  rowUndo: [],
  rowLinks: [],
  linkReport: [],
  linkCheck: [],
  cost: [{ cost: { model: 'gpt-5', inputTokens: 12_345, outputTokens: 6, usd: 0.02 } }],
  replyResult: [{ jobId, title: 'Smoke', verdict: 'failed' }],
  replyRan: [{ runner: 'devbox', seconds: 12, attempt: 2 }],
  replyLastLines: [{ lines: 3 }],
  replyNoOutput: [],
  replyQuestion: [{ trigger }],
  replyRefusal: [],
  replyUndo: [{ undo: 'git checkout -- .' }],
  checkQueued: [{ position: 2 }],
  checkNoRunner: [{ asleep: 'mac' }],
  checkRunning: [{ runner: 'devbox', done: 1, total: 3 }],
  checkCancelling: [{ runner: 'devbox' }],
  checkSilent: [{ runner: 'devbox', since: 0, timeZone: 'UTC' }],
  nextSilent: [{ runner: 'devbox', since: 0, timeZone: 'UTC' }],
  checkReplaced: [{ next: 2 }],
  checkReplacedWhy: [{ runner: 'devbox', next: 2 }],
  checkEnded: [{ verdict: 'failed', seconds: 3 }],
  checkStarted: [{ at: 0, timeZone: 'UTC' }],
  checkUpdates: [],
  actionApprove: [],
  actionApproveWhat: [],
  actionCancel: [],
  actionCancelWhat: [],
  actionRetry: [],
  actionRetryWhat: [],
  validateNone: [],
  validateNoneText: [],
  validateOk: [{ jobs: 1, warnings: 2 }],
  validateFailed: [{ failures: 2 }],
  validateFix: [],
  dispatchedByGit: [],
  runnerTakes: [{ match }],
  pullAsked: [{ login, url: pull.url }],
  pullHandWritten: [],
  pullScript: [],
  pullScriptFold: [{ lines: 30 }],
  statusAsleep: [],
  checkAsleep: [{ runner: 'mac' }],
  runnerAsleep: [{ runner: 'mac', since: 0, timeZone: 'UTC' }],
  linkChange: [{ number: 9 }],
  replyAgentSays: [],
  changeBecame: [
    { change: { state: 'kept', code: 'path_not_allowed', detail: 'src/a.ts', url: 'https://example.com/d' } },
  ],
  changeIntro: [
    { jobId: '2025-11-22-001', jobUrl: 'https://example.com/1', login: 'octo', url: 'https://example.com/2' },
  ],
  changeBase: [{ base: 'a'.repeat(40), files: 2 }],
  changeDecide: [],
  pullBrief: [],
  pullBriefFold: [{ lines: 50 }],
  pullAgent: [],
  pullAgentRuns: [{ sandbox: 'workspace-write', model: 'gpt-5' }],
  pullDod: [],
  pullRunner: [],
  pullWhere: [],
  pullTimeout: [],
  pullUndo: [],
  pullNoUndo: [],
  pullEffect: [],
  pullEffectRead: [],
  pullEffectChange: [],
  pullSecrets: [],
  pullEnv: [],
  pullServes: [],
  pullCost: [],
  pullExpected: [],
  pullExpectedRun: [
    { seconds: 90, money: 'USD 0.40', runs: 3, atMost: 1_800, daily: [{ name: 'gke', money: 'JPY 800' }] },
  ],
  pullRetries: [],
  pullRetriesYes: [],
  pullFindings: [],
  pullAuto: [],
  pullNeeds: [{ count: 2, own: false, login }],
  pullDecide: [],
  pullApprove: [],
  pullChange: [{ trigger }],
  pullCancel: [],
  pullRaw: [],
  pullRawPlan: [],
  pullRevision: [{ revision: 2 }],
  pullCut: [],
  statusPaused: [PAUSED],
  statusUsage: [{ tokens: 1200, tokensLimit: 2_000_000, usd: 0.1, usdLimit: 5, unpriced: ['x-1'] }],
  statusCosts: [
    { month: '2026-11', total: { JPY: 8e8 }, succeeded: 2, perSuccess: { JPY: 4e8 }, url: undefined },
  ],
  statusFixed: [
    {
      name: 'gke',
      days: { changed: 1, checked: 2, idle: 3 },
      money: { changed: {}, checked: { JPY: 8e8 }, idle: {} },
    },
  ],
  correctionTitle: [{ path: 'STATE.md', jobId }],
  correctionBody: [
    {
      path: 'STATE.md',
      passage: '- the tests are green',
      why: 'They are red.',
      jobId,
      report: 'reports/jobs/x.out',
      reportUrl: pull.url,
      model: 'gpt-5',
    },
  ],
  statusNothing: [],
  statusJobs: [],
  statusStuck: [],
  statusRunners: [],
  statusNoRunners: [],
  statusColumnsJobs: [],
  statusColumnsRunners: [],
  statusState: [{ state: 'leased' }],
  statusIdle: [],
  statusDraining: [],
  statusAgo: [{ seconds: 5 }],
  statusStuckFor: [{ seconds: 90 }],
};

const LANGUAGES = ['en', 'ja'] as const;

function render(language: 'en' | 'ja', key: keyof Messages): string {
  const message = messagesFor(language)[key] as (...given: unknown[]) => string;
  return message(...(SAMPLES[key] as unknown[]));
}

describe('the catalogues', () => {
  it('have equal keys', () => {
    expect(Object.keys(messagesFor('ja')).sort()).toEqual(Object.keys(messagesFor('en')).sort());
  });

  it('have a sample for every message', () => {
    expect(Object.keys(SAMPLES).sort()).toEqual(Object.keys(messagesFor('en')).sort());
  });

  for (const language of LANGUAGES) {
    it(`render every message (${language})`, () => {
      for (const key of Object.keys(SAMPLES) as (keyof Messages)[]) {
        const text = render(language, key);
        expect(text.trim(), key).not.toBe('');
        expect(text, key).not.toMatch(/undefined|\[object|NaN/);
        // Other bots read our comments too: a command of ours never opens a line.
        expect(text, key).not.toMatch(/^\/[a-z]/m);
        expect(text, key).not.toMatch(/@[a-z]/i);
      }
    });

    it(`name every reason (${language})`, () => {
      const labels = REASON_CODES.map((reason) => messagesFor(language).reasonLabel({ reason }));
      expect(labels.every((label) => label.length > 0)).toBe(true);
      expect(new Set(labels).size).toBe(labels.length);
    });
  }

  it('are two languages', () => {
    const same = (Object.keys(SAMPLES) as (keyof Messages)[]).filter(
      (key) => render('en', key) === render('ja', key),
    );
    // `PR` and a list of findings' places are the same words in both, or nearly.
    expect(same).toEqual(['stagePull']);
    expect(messagesFor('ja').nextPlanning()).toMatch(/[ぁ-ん]/);
  });
});

describe('refusals', () => {
  const en = messagesFor('en');
  it('say who may, and what to do', () => {
    expect(en.askNoPermission({ login, permission: 'read', trigger })).toBe(
      '**Not started.** Asking needs write access to this repository; `octocat` has `read`.\n\n' +
        'Someone with write access can post the same text as their own `/ask`.',
    );
  });

  it('say the limit', () => {
    expect(en.askTooLong({ bytes: 70_000, limitBytes: 65_536 })).toContain(
      '69 KiB long; the limit is 64 KiB',
    );
  });

  it('name file, line, column and field of a mistake in the settings', () => {
    const text = en.settingsBroken({ findings: [{ ...finding, path: '.github/guruguru.yml' }] });
    expect(text).toContain('❌ `.github/guruguru.yml` line 3, column 5, `workdir`: must be absolute');
  });

  it("put GitHub's words into a quotation that pings nobody", () => {
    const text = en.mergeBlocked({ number: 12, message: 'Review required\nfrom @octocat' });
    expect(text).toContain('\n> Review required\n> from @\u200boctocat\n');
  });

  it('show failures before warnings, ten at most', () => {
    const warning: Finding = { ...finding, severity: 'warning', message: 'look at it' };
    const text = en.findings({ findings: [...Array<Finding>(11).fill(warning), finding] });
    expect(text.split('\n')[0]).toContain('❌');
    expect(text.split('\n')).toHaveLength(11);
    expect(text).toMatch(/- and 2 more$/);
  });

  it('use the configured trigger word', () => {
    expect(en.askEmpty({ trigger: '/guru' })).toContain('/guru run the smoke tests');
    expect(en.help({ trigger: '/guru' })).toContain('| `/guru <what you want>` |');
  });
});
