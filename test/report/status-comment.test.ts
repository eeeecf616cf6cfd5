import { describe, expect, it } from 'vitest';
import { type AskStage, type AskView, renderStatus } from '../../src/report/status-comment.ts';

const base = { language: 'en', timeZone: 'UTC', trigger: '/ask', login: 'octocat' } as const;
const pull = { number: 12, url: 'https://github.com/o/r/pull/12' };
const proposed = { ...base, pull, jobId: '2025-11-22-001', title: 'Smoke tests' };
const approved = { ...proposed, approval: { login: 'hubot', how: 'review' } } as const;
const live = { runner: 'devbox', wants: ['devbox'] };
const at = Date.UTC(2025, 10, 22, 3, 4, 5);

const [PLANNED, PR, APPROVED] = [
  '✓ planned',
  '✓ [PR #12](https://github.com/o/r/pull/12)',
  '✓ approved by `hubot`',
];
const lines = (view: AskView) => renderStatus(view).split('\n\n');

const ended = {
  ...approved,
  stage: 'ended',
  runner: 'devbox',
  startedAt: at,
  reported: true,
  outcome: { verdict: 'succeeded', reason: { kind: 'dod_met', dod: 'exit_code == 0' }, durationSeconds: 72 },
} as const satisfies AskView;

describe('renderStatus', () => {
  it('planning', () => {
    expect(renderStatus({ ...base, stage: 'received' })).toBe(
      '**● planning** → ○ PR → ○ approval → ○ run → ○ result\n\n' +
        'Reading the thread and the repository, and planning. Nothing runs before somebody approves.',
    );
    expect(renderStatus({ ...base, stage: 'planning', retryAt: at })).toContain(
      'Next try: 2025-11-22 03:04 UTC',
    );
  });

  it('waiting for approval: who decides, how, and who would run it', () => {
    const [stages, next, runner, job] = lines({ ...proposed, stage: 'proposed', match: live });
    expect(stages).toBe(`${PLANNED} → ${PR} → **● waiting for approval** → ○ run → ○ result`);
    expect(next).toBe(
      'Someone with write access decides: approve [PR #12](https://github.com/o/r/pull/12), or write `/approve` there.',
    );
    expect(runner).toBe('`devbox` is live and will take it.');
    expect(job).toBe('- Job: `2025-11-22-001` Smoke tests');
  });

  it('says that no runner is live', () => {
    const text = renderStatus({ ...proposed, stage: 'proposed', match: { runner: null, wants: ['mac'] } });
    expect(text).toContain('⚠️ no live runner suits it (it wants `mac`); it would wait.');
  });

  it('says why a fenced ask waits', () => {
    const text = renderStatus({ ...proposed, stage: 'proposed', match: live, waits: 'settings' });
    expect(text).toContain('It waits for approval because the settings say `gate.fenced: approve`.');
  });

  it('says what is wrong when it cannot be approved or merged', () => {
    expect(renderStatus({ ...proposed, stage: 'proposed', match: live, invalid: 2 })).toContain(
      'has 2 mistakes',
    );
    const blocked = renderStatus({ ...approved, stage: 'proposed', match: live, blocked: 'Review required' });
    expect(blocked).toContain('GitHub will not merge [PR #12]');
    expect(blocked).toContain('\n> Review required\n');
    expect(renderStatus({ ...approved, stage: 'proposed', match: live })).toContain('**● merging**');
  });

  it('queued: the place in the queue, and when it starts', () => {
    const [stages, next] = lines({ ...approved, stage: 'queued', match: live, position: 1 });
    expect(stages).toBe(`${PLANNED} → ${PR} → ${APPROVED} → **● queued** → ○ result`);
    expect(next).toBe('Next in the queue; `devbox` takes it.');
    const busy = renderStatus({ ...approved, stage: 'queued', match: { ...live, busy: true }, position: 3 });
    expect(busy).toContain('Number 3 in the queue; `devbox` takes it when its current job has ended.');
    const none = renderStatus({
      ...approved,
      stage: 'queued',
      match: { runner: null, wants: [] },
      position: 1,
    });
    expect(none).toContain('No live runner suits this job. It starts as soon as one is there.');
  });

  it('running', () => {
    const text = renderStatus({ ...approved, stage: 'running', runner: 'devbox', startedAt: at });
    expect(text).toContain(`${APPROVED} → **● running on \`devbox\`** → ○ result`);
    expect(text).toContain('`/cancel` stops it.');
    expect(text).toContain('- Started: 2025-11-22 03:04 UTC');
    const stopping = renderStatus({
      ...approved,
      stage: 'running',
      runner: 'devbox',
      startedAt: at,
      cancelling: true,
    });
    expect(stopping).toContain('waiting for the runner to confirm');
  });

  it('ended: the verdict, why, and the rest folded', () => {
    const text = renderStatus({
      ...ended,
      undo: 'git checkout -- .',
      attempt: 2,
      links: { report: 'https://github.com/o/r/blob/x/reports/jobs/1.out' },
    });
    const [stages, why, ...rest] = text.split('\n\n');
    expect(stages).toBe(`${PLANNED} → ${PR} → ${APPROVED} → ✓ ran on \`devbox\` → **✅ succeeded**`);
    expect(why).toBe('The definition of done holds: `exit_code == 0`.');
    expect(rest.join('\n\n')).toBe(
      '<details>\n<summary>Details</summary>\n\n- Job: `2025-11-22-001` Smoke tests\n- Run: 2\n' +
        '- Started: 2025-11-22 03:04 UTC\n- Took: 1 min 12 s\n- Undo: `git checkout -- .`\n' +
        '- More: [report](https://github.com/o/r/blob/x/reports/jobs/1.out)\n\n</details>',
    );
  });

  it('ended badly: the values the DoD saw, and how to go on', () => {
    const reason = {
      kind: 'dod_unmet',
      dod: 'exit_code == 0',
      saw: [{ name: 'exit_code', value: '1' }],
    } as const;
    const text = renderStatus({ ...ended, outcome: { verdict: 'failed', reason, durationSeconds: 1 } });
    expect(text).toContain('**❌ failed**');
    expect(text).toContain('does not hold: `exit_code == 0`, with `exit_code = 1`.');
    expect(text).toContain('`/retry` runs the same job again');
    const lost = { verdict: 'lost', reason: { kind: 'lost', seenAt: at }, durationSeconds: null } as const;
    expect(renderStatus({ ...ended, outcome: lost })).toContain('`/retry 2025-11-22-001` runs it again');
    expect(renderStatus({ ...ended, reported: false })).toContain('The report is being committed.');
  });

  it.each<[AskStage, string]>([
    [{ stage: 'answered' }, '**✅ answered**\n\nThe answer is in the reply below. Nothing was run.'],
    [{ stage: 'question' }, '**❓ a question for `octocat`**\n\nSomething is missing to make a plan;'],
    [{ stage: 'refused', reason: 'no_model_key', text: 'Why.' }, '**✋ no model configured**\n\nWhy.'],
    [{ stage: 'cancelled', by: 'hubot' }, '**🚫 cancelled**\n\nCancelled by `hubot`. Nothing was run.'],
    [{ stage: 'rejected', by: null }, '**🚫 PR closed**\n\nThe job PR was closed without merging.'],
    [{ stage: 'superseded', by: pull }, '**🚫 replaced**\n\nReplaced by another plan: [PR #12]'],
    [
      { stage: 'stuck', error: 'HttpError: 502', since: at },
      '**⚠️ stuck**\n\nNot tried any more by itself since 2025',
    ],
  ])('%o', (stage, expected) => {
    expect(renderStatus({ ...base, ...stage }).slice(0, expected.length)).toBe(expected);
  });

  it('publishes nobody else’s words as they are', () => {
    const text = renderStatus({
      ...proposed,
      title: '@octocat <!-- guruguru:status -->',
      stage: 'refused',
      reason: 'model_refused',
      text: '/approve\nfixes #1 for @octocat',
    });
    expect(text).not.toMatch(/@octocat|<!--|^\/approve|fixes #1/m);
    const stuck = renderStatus({ ...base, stage: 'stuck', error: '```\n/approve\n<!-- x', since: at });
    expect(stuck).toContain('````\n```\n /approve\n<!- - x\n````');
  });

  it('is in Japanese for an ask in Japanese, with times in the zone of the settings', () => {
    const text = renderStatus({ ...ended, language: 'ja', timeZone: 'Asia/Tokyo' });
    expect(text.split('\n\n').slice(0, 2)).toEqual([
      '✓ 計画済み → ✓ [PR #12](https://github.com/o/r/pull/12) → ✓ `hubot` さんが承認 → ✓ `devbox` で実行 → **✅ 成功**',
      '完了条件 `exit_code == 0` を満たしました。',
    ]);
    expect(text).toContain('- 開始: 2025-11-22 12:04 (Asia/Tokyo)');
  });

  it('is equal for equal views, so that it need not be sent again', () => {
    expect(renderStatus({ ...ended })).toBe(renderStatus({ ...ended }));
  });
});
