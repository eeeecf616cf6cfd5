import { describe, expect, it } from 'vitest';
import { renderFinalReply } from '../../src/report/final-reply.ts';

const locale = { language: 'en', timeZone: 'UTC', trigger: '/ask' } as const;
const result = {
  ...locale,
  kind: 'result',
  jobId: '2025-11-22-001',
  title: 'Smoke tests',
  outcome: { verdict: 'succeeded', reason: { kind: 'dod_met', dod: 'exit_code == 0' }, durationSeconds: 12 },
  runner: 'devbox',
  attempt: 1,
  log: 'one\ntwo\n',
  links: { report: 'https://github.com/o/r/blob/x/r.out', check: 'https://github.com/o/r/runs/1' },
} as const;

describe('renderFinalReply', () => {
  it('says verdict, why, duration, last lines and where to read on', () => {
    expect(renderFinalReply(result)).toBe(
      [
        '✅ **`2025-11-22-001` succeeded**: Smoke tests',
        'The definition of done holds: `exit_code == 0`. Took 12 s on `devbox`.',
        'The last 2 lines:',
        '```\none\ntwo\n```',
        '[report](https://github.com/o/r/blob/x/r.out) · [check run](https://github.com/o/r/runs/1)',
      ].join('\n\n'),
    );
  });

  it('shows fifteen lines at most', () => {
    const log = Array.from({ length: 40 }, (_, index) => `line ${index}`).join('\n');
    const text = renderFinalReply({ ...result, log });
    expect(text).toContain('The last 15 lines:\n\n```\nline 25\n');
    expect(text).not.toContain('line 24');
  });

  it('is honest about a failure with exit code 0', () => {
    const reason = {
      kind: 'dod_unmet',
      dod: "stdout.contains('passed')",
      saw: [{ name: 'stdout', value: '"3 failed"' }],
    } as const;
    const text = renderFinalReply({
      ...result,
      outcome: { verdict: 'failed', reason, durationSeconds: 1.2 },
      undo: 'git checkout -- .',
      attempt: 2,
    });
    expect(text).toContain('❌ **`2025-11-22-001` failed**');
    expect(text).toContain(
      '`stdout.contains(\'passed\')`, with `stdout = "3 failed"`. Took 1.2 s on `devbox` (run 2).',
    );
    expect(text).toContain('To undo: `git checkout -- .`');
  });

  it.each([
    [{ kind: 'timeout', minutes: 30 }, 'It was stopped at its time limit of 30 min.'],
    [
      { kind: 'killed', signal: 'SIGKILL' },
      'A command was ended by `SIGKILL`, so there is nothing to judge.',
    ],
    [{ kind: 'runner_error', message: 'disk full' }, 'The runner failed, not the job: disk full. Took'],
    [
      { kind: 'refused', message: 'workdir /x is outside its roots' },
      'would not start it: workdir /x is outside',
    ],
    [
      { kind: 'dod_error', dod: 'x', message: 'no such name: x' },
      'could not be evaluated: `x`: no such name: x.',
    ],
    [{ kind: 'cancelled', by: 'hubot', started: true }, 'It was cancelled by `hubot` while running.'],
    [{ kind: 'never_started' }, 'so nothing was run.'],
  ] as const)('says why: %o', (reason, expected) => {
    const text = renderFinalReply({ ...result, outcome: { verdict: 'failed', reason, durationSeconds: 3 } });
    expect(text).toContain(expected);
  });

  it('claims no output and no duration for a job that never came back', () => {
    const outcome = { verdict: 'lost', reason: { kind: 'lost', seenAt: 0 }, durationSeconds: null } as const;
    const text = renderFinalReply({ ...result, outcome, log: '', links: {} });
    expect(text).toBe(
      '⚠️ **`2025-11-22-001` lost**: Smoke tests\n\n' +
        'Its runner fell silent after the job had started; what it did is not known.',
    );
    expect(renderFinalReply({ ...result, log: '' })).toContain('It printed nothing.');
  });

  it('passes on what the model says, without its effects', () => {
    expect(
      renderFinalReply({ ...locale, kind: 'answer', text: 'See `a`.\n\n/approve @octocat fixes #1' }),
    ).toBe('See `a`.\n\n\\/approve @\u200boctocat fixes\u200b #1');
    expect(renderFinalReply({ ...locale, kind: 'question', text: 'Which branch?' })).toBe(
      '**A question before there is a plan.** Answer with a new `/ask`:\n\nWhich branch?',
    );
    expect(renderFinalReply({ ...locale, kind: 'refusal', reason: 'Too risky.' })).toContain(
      '\n\nToo risky.',
    );
  });

  it('lets a log neither leave its block nor forge a marker', () => {
    const text = renderFinalReply({ ...result, log: '```\n<!-- guruguru:status -->\n/approve\n@octocat' });
    expect(text).toContain('````\n```\n<!- - guruguru:status -->\n /approve\n@octocat\n````');
  });

  it('stays short however long the words are', () => {
    const long = 'x'.repeat(200_000);
    expect(renderFinalReply({ ...result, log: long, title: long }).length).toBeLessThan(6000);
    expect(renderFinalReply({ ...locale, kind: 'answer', text: long }).length).toBeLessThan(31_000);
  });

  it('speaks Japanese', () => {
    expect(renderFinalReply({ ...result, language: 'ja', attempt: 2 })).toBe(
      [
        '✅ **`2025-11-22-001` 成功**: Smoke tests',
        '完了条件 `exit_code == 0` を満たしました。`devbox` で実行、所要時間 12 秒（2 回目）。',
        '最後の 2 行:',
        '```\none\ntwo\n```',
        '[レポート](https://github.com/o/r/blob/x/r.out) · [チェック](https://github.com/o/r/runs/1)',
      ].join('\n\n'),
    );
  });
});
