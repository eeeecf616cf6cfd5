import { describe, expect, it } from 'vitest';
import { renderStatusTable } from '../../src/report/status-table.ts';

const base = {
  language: 'en',
  timeZone: 'UTC',
  trigger: '/ask',
  now: 1_000_000,
  paused: null,
  costs: null,
  goals: [],
  usage: { tokens: 0, tokensLimit: 2_000_000, usd: 0, usdLimit: 5, unpriced: [] },
} as const;

describe('renderStatusTable', () => {
  it('lists jobs, what is stuck, and runners', () => {
    const text = renderStatusTable({
      ...base,
      jobs: [
        { id: '2025-11-22-001', title: 'a | b @x', state: 'running', runner: 'devbox', since: 900_000 },
        { id: '2025-11-22-002', state: 'queued', since: 995_000, url: 'https://github.com/o/r/pull/2' },
      ],
      stuck: [{ what: 'ask #3', error: 'HttpError: 502 for @octocat', since: 940_000 }],
      runners: [
        { name: 'devbox', labels: ['linux', 'gpu'], seenAt: 999_000, jobId: '2025-11-22-001' },
        { name: 'mac', labels: [], seenAt: 998_000, draining: true },
      ],
    });
    expect(text.split('\n')).toEqual([
      '**Jobs**',
      '',
      '| job | title | state | runner | for |',
      '| --- | --- | --- | --- | --- |',
      '| `2025-11-22-001` | a \\| b @\u200bx | running | `devbox` | 1 min 40 s |',
      '| [`2025-11-22-002`](https://github.com/o/r/pull/2) |  | queued |  | 5 s |',
      '',
      '**Stuck**',
      '',
      '- ask #3 (for 1 min): HttpError: 502 for @\u200boctocat',
      '',
      '**Runners**',
      '',
      '| runner | labels | doing | last heard |',
      '| --- | --- | --- | --- |',
      '| `devbox` | `linux` `gpu` | `2025-11-22-001` | 1 s ago |',
      '| `mac` |  | takes no more | 2 s ago |',
    ]);
  });

  it('says when there is nothing', () => {
    expect(renderStatusTable({ ...base, jobs: [], stuck: [], runners: [] })).toBe(
      'Nothing is queued, running or stuck.\n\nNo runner is live. Queued jobs wait until one is.',
    );
  });

  it('speaks Japanese', () => {
    const jobs = [{ id: '2025-11-22-001', state: 'leased', since: 940_000 }] as const;
    const text = renderStatusTable({ ...base, language: 'ja', jobs, stuck: [], runners: [] });
    expect(text).toContain('| `2025-11-22-001` |  | 開始処理中 |  | 1 分 |');
  });
});
