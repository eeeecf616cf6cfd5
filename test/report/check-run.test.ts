import { describe, expect, it } from 'vitest';
import type { CheckAction } from '../../src/messages/check-output.ts';
import { CHECK_TEXT_MAX, type JobCheckView, renderJobCheck } from '../../src/report/check-run.ts';

const base = {
  language: 'en',
  timeZone: 'UTC',
  trigger: '/ask',
  jobId: '2025-11-22-001',
  title: 'Smoke',
} as const;
const running = {
  ...base,
  state: 'running',
  runner: 'devbox',
  startedAt: Date.UTC(2025, 10, 22, 3, 4),
  stepsDone: 1,
  stepsTotal: 3,
  log: 'hello\n',
} as const;
const ended = {
  ...base,
  state: 'ended',
  runner: 'devbox',
  attempt: 1,
  log: 'hello\n',
  outcome: { verdict: 'succeeded', reason: { kind: 'dod_met', dod: 'exit_code == 0' }, durationSeconds: 12 },
} as const;

const names = (actions: CheckAction[]) => actions.map((action) => action.identifier);

describe('renderJobCheck', () => {
  it('queued', () => {
    const check = renderJobCheck({
      ...base,
      state: 'queued',
      match: { runner: 'devbox', wants: [] },
      position: 2,
    });
    expect(check).toMatchObject({ status: 'queued', title: 'Queued, number 2' });
    expect(check.summary).toBe('Number 2 in the queue; `devbox` takes it.\n\n`2025-11-22-001` Smoke');
    expect(names(check.actions)).toEqual(['cancel']);
    const none = renderJobCheck({
      ...base,
      state: 'queued',
      match: { runner: null, wants: ['mac'] },
      position: 1,
    });
    expect(none.title).toBe('Queued: no live runner suits it');
  });

  it('running', () => {
    const check = renderJobCheck(running);
    expect(check).toMatchObject({
      status: 'in_progress',
      title: 'Running on devbox: 1 of 3 lines done',
      text: '```\nhello\n```',
    });
    expect(check.summary).toContain('Started 2025-11-22 03:04 UTC.');
    expect(names(check.actions)).toEqual(['cancel']);
    const stopping = renderJobCheck({ ...running, cancelling: true });
    expect(stopping.title).toBe('Stopping on devbox');
    expect(stopping.actions).toEqual([]);
  });

  it('ended', () => {
    const check = renderJobCheck(ended);
    expect(check).toMatchObject({
      status: 'completed',
      conclusion: 'success',
      title: 'Succeeded after 12 s',
    });
    expect(check.summary).toContain('The definition of done holds: `exit_code == 0`. Took 12 s on `devbox`.');
    expect(names(check.actions)).toEqual(['retry']);
  });

  it.each([
    ['failed', 'failure', 'Failed after 12 s'],
    ['cancelled', 'cancelled', 'Cancelled after 12 s'],
  ] as const)('%s', (verdict, conclusion, title) => {
    const reason = { kind: 'cancelled', by: null, started: true } as const;
    const check = renderJobCheck({ ...ended, outcome: { verdict, reason, durationSeconds: 12 } });
    expect(check).toMatchObject({ status: 'completed', conclusion, title });
  });

  it('lost is a failure, and its title says so', () => {
    const outcome = { verdict: 'lost', reason: { kind: 'lost', seenAt: 0 }, durationSeconds: null } as const;
    const check = renderJobCheck({ ...ended, outcome, log: '' });
    expect(check).toMatchObject({ conclusion: 'failure', title: 'Lost: no result came' });
    expect(check).not.toHaveProperty('text');
  });

  it('keeps the end of a long log, within GitHub’s limit', () => {
    const text = renderJobCheck({ ...ended, log: `${'line\n'.repeat(40_000)}END\n` }).text ?? '';
    expect(text.length).toBeLessThanOrEqual(CHECK_TEXT_MAX);
    expect(text.length).toBeGreaterThan(20_000);
    expect(text).toMatch(/END\n```$/);
  });

  it('has buttons that GitHub takes, in every language and state', () => {
    const views: JobCheckView[] = (['en', 'ja'] as const).flatMap((language) => [
      { ...running, language },
      { ...ended, language },
    ]);
    for (const view of views) {
      const { actions } = renderJobCheck(view);
      expect(actions.length).toBeLessThanOrEqual(3);
      for (const action of actions) {
        expect(action.label.length).toBeLessThanOrEqual(20);
        expect(action.identifier.length).toBeLessThanOrEqual(20);
        expect(action.description.length).toBeLessThanOrEqual(40);
      }
    }
  });
});
