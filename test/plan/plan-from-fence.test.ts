import { describe, expect, it } from 'vitest';
import { DEFAULT_SETTINGS, type Settings } from '../../src/job/settings.ts';
import { fencedPlan } from '../../src/plan/fenced.ts';
import { type FencePlanResult, planFromFence } from '../../src/plan/plan-from-fence.ts';

const settings: Settings = {
  ...DEFAULT_SETTINGS,
  defaults: { workdir: '/workspace/app', runs_on: ['linux'] },
};

function plan(text: string, over: Partial<Settings> = {}): FencePlanResult {
  const fenced = fencedPlan(text);
  if (fenced.kind === 'prose' || fenced.kind === 'invalid') throw new Error(`is ${fenced.kind}`);
  return planFromFence(fenced, { ...settings, ...over });
}

const json = (value: unknown, title = '') =>
  `${title}\n\`\`\`json\n${JSON.stringify(value, null, 2)}\n\`\`\``;
const errors = (result: FencePlanResult) => (result.ok ? 'no errors' : result.errors.join('\n'));

/** The job of the issue: everything it must have and nothing else. */
const MINIMAL = {
  id: '2025-11-22-001',
  kind: 'run_shell',
  workdir: '/workspace/vpm-mini',
  script: ['git pull --ff-only', 'pytest tests/smoke/test_foo.py'],
  dod: 'exit_code == 0',
  report_path: 'reports/jobs/2025-11-22-001.out',
};

describe('planFromFence, codex', () => {
  it('is a brief for the agent, word for word', () => {
    const prompt = 'Mend `foo`.\n\n  $ not a command\n/approve is not one either';
    expect(plan(`mend foo\n\`\`\`Codex\n${prompt}\n\`\`\``)).toEqual({
      ok: true,
      plan: {
        kind: 'job',
        title: 'mend foo',
        summary: '',
        job: { kind: 'codex', title: 'mend foo', prompt },
        serves: [],
      },
    });
  });

  it('is called after its first line, and is refused where the policy refuses agents', () => {
    expect(plan('\n```codex\n\nMend foo.\nNow.\n```')).toMatchObject({ plan: { title: 'Mend foo.' } });
    const jobs = { ...DEFAULT_SETTINGS.policy.jobs, kinds: ['run_shell'] };
    const policy = { ...DEFAULT_SETTINGS.policy, jobs };
    expect(errors(plan('\n```codex\nMend foo.\n```', { policy }))).toContain('`kind` is codex');
  });
});

describe('planFromFence, shell', () => {
  it('is a job with exactly these lines', () => {
    expect(plan('count them\n```sh\nls\nwc -l README.md\n```')).toEqual({
      ok: true,
      plan: {
        kind: 'job',
        title: 'count them',
        summary: '',
        job: { kind: 'run_shell', title: 'count them', script: ['ls', 'wc -l README.md'] },
        serves: [],
      },
    });
  });

  it('takes the first command as its title', () => {
    expect(plan('\n```sh\n# note\nls -la\npwd\n```')).toMatchObject({ plan: { title: 'ls -la' } });
  });

  it('keeps the title short and on one line', () => {
    const result = plan(`a\u202eb\t${'👍'.repeat(100)}\n\`\`\`sh\nls\n\`\`\``);
    if (!result.ok) throw new Error(errors(result));
    expect(result.plan.title).toMatch(/^a b 👍+…$/u);
    expect(result.plan.title.length).toBeLessThanOrEqual(120);
  });

  it.each<[string, string, Partial<Settings>, RegExp]>([
    ['no workdir anywhere', 'ls', { defaults: {} }, /`workdir` is missing.*defaults\.workdir/],
    ['an invisible character', 'ls \u202egnp.exe', {}, /script\[0\].*invisible/],
    ['too many lines', 'a\n'.repeat(201), {}, /max_script_lines/],
    ['a very long line', `echo ${'x'.repeat(20_001)}`, {}, /script\[0\]/],
  ])('says what is wrong with %s', (_, script, over, message) => {
    expect(errors(plan(`\n\`\`\`sh\n${script}\n\`\`\``, over))).toMatch(message);
  });
});

describe('planFromFence, job file', () => {
  it('takes a job file as it is', () => {
    const { id, report_path, ...rest } = MINIMAL;
    expect(plan(json(MINIMAL))).toMatchObject({
      ok: true,
      plan: { id, title: 'git pull --ff-only', job: { ...rest, report_path } },
    });
  });

  it('completes one that says little', () => {
    const result = plan(json({ script: ['ls'], serves: ['STATE.md@abc', 'docs/a.md'] }, 'look'));
    expect(result).toMatchObject({
      ok: true,
      plan: {
        title: 'look',
        job: { script: ['ls'], workdir: '/workspace/app', runs_on: ['linux'] },
        serves: [
          { path: 'STATE.md', commit: 'abc' },
          { path: 'docs/a.md', commit: '' },
        ],
      },
    });
    if (!result.ok) throw new Error(errors(result));
    expect(result.plan.id).toBeUndefined();
    expect(result.plan.job.report_path).toBeUndefined();
    expect('id' in result.plan.job || 'asked' in result.plan.job).toBe(false);
  });

  it.each<[string, string, RegExp]>([
    ['a report path elsewhere', json({ ...MINIMAL, report_path: '../../etc/x' }), /line 10: .*report_path/],
    ['a DoD that is not CEL', json({ ...MINIMAL, dod: 'exit code zero' }), /line 9: .*dod/],
    ['an unknown field', json({ ...MINIMAL, scrpt: [] }), /line 11: .*scrpt/],
    ['a duplicate key', '\n```json\n{"script":["a"],\n"script":["b"]}\n```', /line 2: .*script/],
    ['no script', json({ workdir: '/w' }), /script/],
    [
      'a forged origin',
      json({ ...MINIMAL, asked: { thread: 1, comment: '', login: 'x', commit: 'a'.repeat(40) } }),
      /`asked`/,
    ],
    ['text that is no JSON', '\n```json\n{"script": [\n```', /line \d+: /],
    ['a list', '\n```json\n[1]\n```', /line 1: /],
    ['a deep nest', `\n\`\`\`json\n${'['.repeat(30_000)}\n\`\`\``, /line 1: .*nest/],
    ['a timeout the repository forbids', json({ ...MINIMAL, timeout_minutes: 100 }), /max_timeout_minutes/],
  ])('says what is wrong with %s, and where', (_, text, message) => {
    const limits = { ...settings.limits, maxTimeoutMinutes: 60 };
    expect(errors(plan(text, { limits }))).toMatch(message);
  });
});
