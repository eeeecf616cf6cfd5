import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderFinding } from '../../src/job/finding.ts';
import { DEFAULT_SETTINGS, parseSettings } from '../../src/job/settings.ts';

const problems = (text: string) => {
  const parsed = parseSettings(text);
  return parsed.ok ? ['valid'] : parsed.findings.map(renderFinding);
};

describe('parseSettings', () => {
  it.each([null, '', '# nothing yet\n', 'defaults:\n  # workdir: /w\ngate:\n', '{}'])(
    'gives the defaults for %j',
    (text) => {
      expect(parseSettings(text)).toEqual({ ok: true, settings: DEFAULT_SETTINGS });
    },
  );

  it('reads every key', () => {
    const text = `
language: ja
time_zone: Asia/Tokyo
trigger: /guruguru
context:
  files: [PLAN.md, "notes/**"]
  max_tokens: 5000
defaults:
  workdir: /workspace/app
  runs_on: [mac, devbox]
  timeout_minutes: 5
  dod: exit_code == 0
gate: { fenced: approve, report_on_every_pr: true, direct_push: run }
dispatch: git
reports: { branch: guruguru-reports, skip_ci: false }
limits: { max_timeout_minutes: 60, max_script_lines: 20 }
goals: { reminder_hours: 12 }
`;
    expect(parseSettings(text)).toEqual({
      ok: true,
      settings: {
        language: 'ja',
        timeZone: 'Asia/Tokyo',
        trigger: '/guruguru',
        context: { files: ['PLAN.md', 'notes/**'], maxTokens: 5000 },
        defaults: {
          workdir: '/workspace/app',
          runs_on: ['mac', 'devbox'],
          timeout_minutes: 5,
          dod: 'exit_code == 0',
        },
        gate: { fenced: 'approve', reportOnEveryPr: true, directPush: 'run', auto: [] },
        dispatch: 'git',
        reports: { branch: 'guruguru-reports', skipCi: false },
        limits: { ...DEFAULT_SETTINGS.limits, maxTimeoutMinutes: 60, maxScriptLines: 20 },
        goals: { reminderHours: 12 },
        modelPrices: DEFAULT_SETTINGS.modelPrices,
        paused: false,
        policy: DEFAULT_SETTINGS.policy,
        costs: DEFAULT_SETTINGS.costs,
      },
    });
  });

  it('keeps the rest of a section that is given in part', () => {
    const parsed = parseSettings('context:\n  max_tokens: 5000\nreports:\n  branch: null\n');
    expect(parsed.settings).toEqual({
      ...DEFAULT_SETTINGS,
      context: { ...DEFAULT_SETTINGS.context, maxTokens: 5000 },
    });
  });

  it('names every mistake with its line, and answers with the defaults', () => {
    const parsed = parseSettings('langage: en\ngate:\n  fenced: merg\nlimits:\n  max_script_lines: 0\n');
    expect(parsed.ok ? [] : parsed.findings.map(renderFinding)).toEqual([
      '.github/guruguru.yml:1:1  failure  `langage` is not a known field: did you mean `language`? (settings/unknown-field)',
      '.github/guruguru.yml:3:3  failure  `gate.fenced` is "merg": use merge or approve (settings/field)',
      '.github/guruguru.yml:5:3  failure  `limits.max_script_lines` is 0: use 1 to 500 (settings/field)',
    ]);
    expect(parsed.settings).toEqual(DEFAULT_SETTINGS);
  });

  it.each([
    ['gate:\n  fnced: merge', ':2:3  failure  `gate.fnced` is not a known field: did you mean `fenced`?'],
    ['gate: merge', ':1:1  failure  `gate` is "merge": use the keys'],
    ['a: 1\nlanguage: en\nlanguage: ja', ':3:1  failure  this key is there twice'],
    ['gate:\n  fenced: merge\n  fenced: approve', ':3:3  failure  this key is there twice'],
    ['- language: en', ':1:1  failure  the file is a list of 1: use keys and values'],
    ['just words', ':1:1  failure  the file is "just words": use keys'],
    ['language: [en', 'failure  the file is not plain YAML'],
    ['language: &l en\ntrigger: *l', 'write the values out'],
    ['language: !!js/function en', ':1:11  failure  the file is not plain YAML'],
    [
      'language: en\n---\nlanguage: ja',
      ':2:1  failure  the file is not plain YAML: a second document starts here',
    ],
    ['time_zone: Mars/Phobos', '`time_zone` is "Mars/Phobos": use an IANA time zone'],
    ['trigger: ask', '`trigger` is "ask": use a slash'],
    ['trigger: /approve', '`trigger` is "/approve": use a slash'],
    ['trigger: /Ask', '`trigger` is "/Ask": use a slash'],
    ['context:\n  files:\n    - a\n    - ../b', ':4:7  failure  `context.files[1]` is "../b": use a path'],
    ['context:\n  files: STATE.md', '`context.files` is "STATE.md": use a list'],
    ['defaults:\n  workdir: app', ':2:3  failure  `defaults.workdir` is "app", which is not absolute'],
    ['defaults:\n  dod: exit_code = 0', ':2:3  failure  `defaults.dod` is no usable CEL expression'],
    [
      'defaults:\n  timeout_minutes: 90\nlimits:\n  max_timeout_minutes: 60',
      'more than `limits.max_timeout_minutes` (60)',
    ],
    ['defaults:\n  env: {}', '`defaults.env` is not a known field'],
    ['reports:\n  branch: "a b"', '`reports.branch` is "a b": use a branch name'],
    ['reports:\n  branch: refs/heads/x', '`reports.branch` is "refs/heads/x"'],
    ['dispatch: both', '`dispatch` is "both": use app or git'],
    ['__proto__: 1', '`__proto__` is not a known field'],
  ])('refuses %j', (text, expected) => {
    const found = problems(text);
    expect(found.join('\n')).toContain(expected);
  });

  it('refuses a file that is too long or nests too deeply', () => {
    expect(problems(`# ${'x'.repeat(70_000)}`).join()).toContain('use at most 65536');
    expect(problems('['.repeat(60_000)).join()).toContain('nests too deeply');
    expect(problems(`a: ${'['.repeat(600)}${']'.repeat(600)}`).join()).toContain('is not a known field');
  });

  it('never throws', () => {
    const check = (text: string) => {
      const parsed = parseSettings(text);
      if (!parsed.ok) expect(parsed.findings.length).toBeGreaterThan(0);
    };
    const words = fc.constantFrom(
      'gate',
      'fenced',
      ': ',
      '\n',
      '  ',
      '- ',
      '[',
      '}',
      '&a ',
      '*a',
      '!!x ',
      '"',
      '|',
      '1',
    );
    fc.assert(fc.property(fc.string({ maxLength: 200 }), check), { numRuns: 100 });
    fc.assert(
      fc.property(
        fc.array(words, { maxLength: 30 }).map((parts) => parts.join('')),
        check,
      ),
      { numRuns: 150 },
    );
  });
});

describe('a file with a mistake', () => {
  it('keeps what is valid by itself in force', () => {
    const text =
      'trigger: /guru\ndispatch: git\ntime_zone: Mars/Base\ngate:\n  fenced: approve\n  nonsense: 1\nlanguage: ja\n';
    const parsed = parseSettings(text);
    expect(parsed.ok).toBe(false);
    expect(parsed.settings).toMatchObject({
      trigger: '/guru',
      dispatch: 'git',
      language: 'ja',
      timeZone: 'UTC',
      gate: { fenced: 'approve', reportOnEveryPr: false, directPush: 'refuse' },
    });
  });

  it('takes a list with a wrong entry as wrong', () => {
    const parsed = parseSettings('dispatch: git\ndefaults:\n  runs_on: [devbox, ""]\n');
    expect(parsed.ok).toBe(false);
    expect(parsed.settings).toMatchObject({ dispatch: 'git', defaults: {} });
  });

  it('lets nothing run without a click when it cannot be read', () => {
    const parsed = parseSettings('gate: [\n');
    expect(parsed.ok).toBe(false);
    expect(parsed.settings.gate.fenced).toBe('approve');
  });
});
