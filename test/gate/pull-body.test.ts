import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PULL_BODY_MAX, type PullBodyView, renderPullBody } from '../../src/gate/pull-body.ts';
import type { ShellJob } from '../../src/job/job.ts';

const job: ShellJob = {
  id: '2025-11-22-001',
  kind: 'run_shell',
  workdir: '/workspace/vpm-mini',
  script: ['git pull --ff-only', 'pytest tests/smoke'],
  why: ['start from the newest commit', 'the tests asked about'],
  dod: 'exit_code == 0',
  report_path: 'reports/jobs/2025-11-22-001.out',
  timeout_minutes: 30,
  idempotent: false,
  title: 'Smoke tests',
};
const view: PullBodyView = {
  language: 'en',
  timeZone: 'UTC',
  trigger: '/ask',
  job,
  file: '{\n  "id": "2025-11-22-001"\n}\n',
  summary: 'Runs the smoke tests and shows what fails.',
  login: 'octocat',
  askUrl: 'https://github.com/o/r/issues/3#issuecomment-1',
  repositoryUrl: 'https://github.com/o/r',
  serves: [],
  match: { runner: 'devbox', wants: ['devbox'] },
  findings: [],
  rawPlan: null,
  cost: { model: 'gpt-5', inputTokens: 12_345, outputTokens: 678, usd: 0.0222 },
  expected: { seconds: 192, money: null, runs: 5, atMost: 1_800, daily: [{ name: 'gke', money: 'JPY 800' }] },
  revision: 1,
  dispatch: 'app',
  auto: false,
  approve: { count: 1, own: true },
};
const body = (change: Partial<PullBodyView> = {}, jobChange: Partial<ShellJob> = {}) =>
  renderPullBody({ ...view, ...change, job: { ...job, ...jobChange } });

describe('renderPullBody', () => {
  it('is what a person decides from, in this order', () => {
    expect(body()).toBe(
      [
        'Runs the smoke tests and shows what fails.',
        'Asked by `octocat` in [this comment](https://github.com/o/r/issues/3#issuecomment-1).',
        '### What it runs',
        '1. `git pull --ff-only` — start from the newest commit\n2. `pytest tests/smoke` — the tests asked about',
        [
          '| | |',
          '| --- | --- |',
          '| **Done when** | `exit_code == 0` |',
          '| **Runner** | `devbox` is live and will take it |',
          '| **Where** | `/workspace/vpm-mini` |',
          '| **Time limit** | 30 min |',
          '| **Undo** | ⚠️ not said |',
          '| **Planning cost** | `gpt-5`: 12,345 tokens in, 678 out, about USD 0.022 |',
          '| **Expected run** | about 3 min 12 s on the runner, an estimate from 5 runs of its kind; at most 30 min<br>`gke` costs JPY 800 a day anyway |',
        ].join('\n'),
        '### Your decision',
        [
          '- **Approve:** approve this PR in a review, write `/approve`, or merge it. The job is queued at once.',
          '- **Change:** write `/ask <what to change>` here, or request changes in a review. It is planned again on this branch.',
          '- **Cancel:** write `/cancel`, or close this PR. Nothing is run.',
        ].join('\n'),
        '<details>\n<summary>The job file</summary>',
        '```json\n{\n  "id": "2025-11-22-001"\n}\n```',
        '</details>',
      ].join('\n\n'),
    );
  });

  it('shows a fenced ask’s lines as one block, and that no model was used', () => {
    const text = renderPullBody({ ...view, summary: '', cost: null, job: { ...job, why: [] } });
    expect(text).toContain('### What it runs\n\n```sh\ngit pull --ff-only\npytest tests/smoke\n```');
    expect(text).toContain('no model was used');
    expect(text).not.toContain('Planning cost');
  });

  it('says that no runner is live', () => {
    expect(body({ match: { runner: null, wants: ['mac', 'xcode'] } })).toContain(
      '| **Runner** | ⚠️ no live runner suits it (it wants `mac`, `xcode`); it would wait |',
    );
    expect(
      body({
        match: { runner: 'gke', wants: ['ksvc'], proved: ['kubectl', 'cluster', 'ns.default', 'ksvc'] },
      }),
    ).toContain('`gke` is live and will take it; it has proved `kubectl`, `cluster`, `ns.default`, `ksvc` |');
    expect(body({ match: { runner: null, wants: [] } })).toContain('⚠️ no runner is live; it would wait');
    expect(body({ dispatch: 'git' })).toContain('| **Runner** | The settings say `dispatch: git`');
  });

  it('shows what else matters when it is there', () => {
    const text = body(
      { revision: 2, serves: [{ path: 'docs/a (b).md', commit: 'a'.repeat(40), passage: 'stay | green' }] },
      {
        undo: ['git checkout -- .', 'rm x'],
        effect: 'change',
        touches: ['gke'],
        secrets: ['API_TOKEN'],
        env: { A: 'x|y' },
        idempotent: true,
      },
    );
    expect(text).toContain('| **Undo** | `git checkout -- .`<br>`rm x` |');
    expect(text).toContain('| **Effect** | changes things: `gke` |');
    expect(text).toContain('| **Secrets** | `API_TOKEN` |');
    expect(text).toContain('| **Environment** | `A=x\\|y` |');
    expect(text).toContain('started again by itself');
    expect(text).toContain(
      `[\`docs/a (b).md@aaaaaaa\`](https://github.com/o/r/blob/${'a'.repeat(40)}/docs/a%20%28b%29.md) stay \\| green`,
    );
    expect(text).toContain('This is plan 2; earlier approvals do not count for it.');
  });

  it('puts findings before the script', () => {
    const text = body({
      findings: [
        {
          rule: 'policy/pipe',
          severity: 'warning',
          path: 'jobs/queue/x.json',
          line: 5,
          column: 7,
          message: 'look',
        },
      ],
    });
    expect(text.indexOf('### Before you approve\n\n- ⚠️ `jobs/queue/x.json` line 5')).toBeGreaterThan(0);
    expect(text.indexOf('### Before you approve')).toBeLessThan(text.indexOf('### What it runs'));
  });

  it('lets no script line leave its place, and hides nothing in it', () => {
    const text = body(
      {},
      {
        script: ['echo `date` | tee x', 'cat <<E\n```\n@octocat\nE', 'rm -rf \u202e/tmp\u200b'],
        why: ['a', '@octocat fixes #1', 'c'],
      },
    );
    expect(text).toContain('1. ``echo `date` | tee x`` — a\n');
    expect(text).toContain(
      '2. @\u200boctocat fixes\u200b #1\n\n   ````sh\n   cat <<E\n   ```\n   @octocat\n   E\n   ````\n',
    );
    expect(text).toContain('3. `rm -rf ⟦U+202E⟧/tmp⟦U+200B⟧` — c');
  });

  it('folds a long script and stays within GitHub’s limit', () => {
    const long = body(
      {},
      { script: Array<string>(500).fill('x'.repeat(20_000)), why: Array<string>(500).fill('y') },
    );
    expect(long).toContain('<summary>What it runs: 500 lines</summary>');
    expect(long).toContain('Shortened here; the job file in this PR is complete.');
    expect(long).toContain('### Your decision');
    const all = body({ summary: 'z'.repeat(99_999), file: '`'.repeat(99_999) }, { dod: 'd'.repeat(4000) });
    expect(all.length).toBeLessThanOrEqual(PULL_BODY_MAX);
    expect(all).toMatch(/Nothing is run\.$/);
  });

  it('always holds the decision, and no command of somebody else', () => {
    const words = fc
      .array(
        fc.constantFrom('@octocat', '/approve', '\n', '```', '`', '|', '<!--', '</details>', ' ', 'fixes #1'),
      )
      .map((parts) => parts.join(' '));
    fc.assert(
      fc.property(words, words, words, (summary, why, line) => {
        const text = body({ summary }, { script: [line || 'x'], why: [why] });
        expect(text).not.toMatch(/^\/approve/m);
        expect(text).not.toContain('<!--');
        expect(text).toContain('\n\n### Your decision\n\n');
      }),
    );
  });

  it('speaks Japanese', () => {
    const text = body({ language: 'ja', summary: 'スモークテストを流します。' });
    expect(text).toContain(
      '`octocat` さんの[依頼](https://github.com/o/r/issues/3#issuecomment-1)によるものです。',
    );
    expect(text).toContain('| **ランナー** | 稼働中の `devbox` が引き受けます |');
    expect(text).toContain('- **承認:** レビューで承認するか、`/approve` と書くか、マージしてください。');
  });
});

describe('the raw plan', () => {
  it('is folded last when a model made it', () => {
    const body = renderPullBody({ ...view, rawPlan: '{\n  "kind": "job"\n}' });
    expect(body).toMatch(
      /<summary>Plan as the model gave it<\/summary>\n\n```json\n\{\n {2}"kind": "job"\n\}\n```\n\n<\/details>$/,
    );
  });

  it('gives way when the body would not fit', () => {
    const body = renderPullBody({
      ...view,
      file: 'f'.repeat(24_000),
      rawPlan: 'p'.repeat(24_000),
      summary: 's'.repeat(20_000),
    });
    expect(body.length).toBeLessThanOrEqual(60_000);
  });
});
