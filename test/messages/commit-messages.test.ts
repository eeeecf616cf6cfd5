import { describe, expect, it } from 'vitest';
import {
  jobCommitMessage,
  mergeCommit,
  pullTitle,
  reportCommitMessage,
} from '../../src/messages/commit-messages.ts';

const job = { id: '2025-11-22-001', title: 'Smoke tests' };

describe('commit messages', () => {
  it('propose', () => {
    expect(jobCommitMessage(job, { login: 'octocat', url: 'https://github.com/o/r/issues/3' }, 1)).toBe(
      'guruguru: propose 2025-11-22-001: Smoke tests\n\nAsked by octocat: https://github.com/o/r/issues/3',
    );
    expect(jobCommitMessage({ id: job.id }, null, 2)).toBe('guruguru: propose 2025-11-22-001 (plan 2)');
  });

  it('report', () => {
    expect(reportCommitMessage(job, { verdict: 'failed', attempt: 2, runner: 'devbox' }, true)).toBe(
      'guruguru: 2025-11-22-001 failed on devbox (run 2) [skip ci]\n\nSmoke tests',
    );
    expect(reportCommitMessage({ id: job.id }, { verdict: 'lost', attempt: 1, runner: null }, false)).toBe(
      'guruguru: 2025-11-22-001 lost',
    );
  });

  it('merge', () => {
    expect(mergeCommit(job, 12, 'octocat')).toEqual({
      title: 'guruguru: 2025-11-22-001: Smoke tests (#12)',
      message: 'Approved by octocat.',
    });
  });

  it('let a title do nothing', () => {
    const title = 'x [skip ci]\nfixes #1 @octocat';
    expect(pullTitle({ id: job.id, title })).toBe(
      'guruguru 2025-11-22-001: x (skip ci) fixes\u200b #1 @\u200boctocat',
    );
  });
});
