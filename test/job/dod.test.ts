import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { checkDod, closeDod, type DodFacts, judgeDod } from '../../src/job/dod.ts';

const FACTS: DodFacts = {
  exit_code: 0,
  stdout: 'service hello is READY\n',
  stderr: '',
  duration_seconds: 2,
  steps: [
    { line: 0, exit_code: 0, duration_seconds: 1 },
    { line: 1, exit_code: 0, duration_seconds: 0.5 },
  ],
  report: { ready: true, replicas: 2, load: 0.5, items: [{ name: 'a' }], '': 1 },
};

const judge = (source: string, facts: Partial<DodFacts> = {}) => judgeDod(source, { ...FACTS, ...facts });

/** A trillion steps in a hundred characters or so. */
const TEN = '[0,1,2,3,4,5,6,7,8,9]';
const ENDLESS = 'abcdefghijkl'
  .split('')
  .reduce((inner, name) => `${TEN}.all(${name}, ${inner})`, 'exit_code < 9');

afterAll(closeDod);

describe('judgeDod', () => {
  it.each([
    'exit_code == 0',
    'steps[0].exit_code == 0',
    'steps.size() == 2 && size(steps) == 2',
    'steps.all(s, s.exit_code == 0)',
    'steps[1].line + 1 == 2',
    'report.ready == true',
    'report.ready',
    'report.replicas >= 2',
    'report.replicas + 1 == 3',
    'report.load < 0.6',
    'report.items[0].name == "a"',
    '!has(report.missing)',
    '!has(report.constructor)',
    'stdout.contains("READY")',
    'stdout.matches("hello.*READY")',
    'duration_seconds < 60',
    'duration_seconds + 0.5 == 2.5',
    'steps[0].duration_seconds + 0.5 == 1.5',
  ])('finds %s met', async (source) => {
    expect(checkDod(source)).toBeNull();
    expect(await judge(source)).toEqual({ kind: 'met' });
  });

  it('calls a run whose process did not end by itself -1', async () => {
    expect(await judge('exit_code == -1', { exit_code: null })).toEqual({ kind: 'met' });
    expect(await judge('exit_code == 0', { exit_code: null })).toMatchObject({ kind: 'unmet' });
  });

  it('tells the values it saw', async () => {
    const source =
      'exit_code == 1 || stdout.contains("DOWN") || report.items[0].name == "b" || steps.filter(s, s.exit_code != 0).size() > 0';
    expect(await judge(source)).toEqual({
      kind: 'unmet',
      saw: [
        { name: 'exit_code', value: '0' },
        { name: 'stdout.contains("DOWN")', value: 'false' },
        { name: 'stdout', value: '"service hello is READY\\n"' },
        { name: 'report.items[0].name', value: '"a"' },
        { name: 'steps.filter(s, s.exit_code != 0).size()', value: '0' },
        { name: 'steps.filter(s, s.exit_code != 0)', value: '[]' },
        {
          name: 'steps',
          value:
            '[{"line": 0, "exit_code": 0, "duration_seconds": 1}, {"line": 1, "exit_code": 0, "duration_seconds": 0.5}]',
        },
      ],
    });
  });

  it('clips what it saw to 200 characters, of an output its end', async () => {
    const stdout = `${'\n'.repeat(5000)}the last line`;
    const verdict = await judge('stdout == "x" || report == "y"', { stdout, report: 'z'.repeat(5000) });
    const saw = verdict.kind === 'unmet' ? verdict.saw : [];
    expect(saw.map(({ name }) => name)).toEqual(['stdout', 'report']);
    expect(saw[0]?.value).toMatch(/^"…\\n.*the last line"$/);
    expect(saw[1]?.value).toMatch(/^"zzz.*…/);
    for (const { value } of saw) expect(value.length).toBeLessThanOrEqual(204);
  });

  it.each([
    ['report.replicas', 'the result is 2, not true or false'],
    ['report.missing == 1', 'field not found: missing'],
    ['steps[4].exit_code == 0', 'index 4 is outside the list'],
    ['report.load + 1 == 2', "found no matching overload for '_+_' applied to '(double, int)'"],
    ['exitcode == 0', '`exitcode` is not known; use exit_code'],
    ['1 / exit_code == 1', 'divi'],
  ])('calls %s an error', async (source, message) => {
    expect(await judge(source)).toEqual({ kind: 'error', message: expect.stringContaining(message) });
  });

  it('says that the job wrote no report, when that is why', async () => {
    const verdict = await judge('report.ready == true', { report: null });
    expect(verdict).toEqual({ kind: 'error', message: expect.stringContaining('GURUGURU_REPORT') });
    expect(await judge('report == null', { report: null })).toEqual({ kind: 'met' });
  });

  it('does not hang on a pattern that would backtrack for ever', async () => {
    const stdout = `${'a'.repeat(50_000)}!`;
    expect(await judge('stdout.matches("(a+)+$")', { stdout })).toMatchObject({ kind: 'unmet' });
  });

  it('reads all of a large output, copies none that it does not read, and judges no part of one', async () => {
    const stdout = `${'x'.repeat(3_000_000)}READY`;
    expect(await judgeDod('stdout.endsWith("READY")', { ...FACTS, stdout })).toEqual({ kind: 'met' });
    const small = { maxBytes: 1000 };
    expect(await judgeDod('exit_code == 0', { ...FACTS, stdout }, small)).toEqual({ kind: 'met' });
    expect(await judgeDod('stdout.contains("x")', { ...FACTS, stdout }, small)).toEqual({
      kind: 'error',
      message: expect.stringContaining('it reads 3 MiB of output, more than 1000 bytes: print less'),
    });
  });

  it('refuses a report that nests too deeply to be copied or read', async () => {
    let report: unknown = null;
    for (let depth = 0; depth < 30_000; depth += 1) report = [report];
    expect(await judge('report != null', { report })).toMatchObject({ kind: 'error' });
  });
});

describe('limits', () => {
  it('stops an endless expression without blocking this thread, and judges on', async () => {
    let ticks = 0;
    const ticking = setInterval(() => {
      ticks += 1;
    }, 5);
    const verdict = await judgeDod(ENDLESS, FACTS, { timeoutMs: 150 });
    clearInterval(ticking);
    expect(verdict).toEqual({ kind: 'error', message: expect.stringContaining('longer than 150 ms') });
    expect(ticks).toBeGreaterThan(3);
    expect(await judge('exit_code == 0')).toEqual({ kind: 'met' });
  });

  it('keeps an answer that was given before the time was up', async () => {
    const source = `exit_code == 1 && ${ENDLESS}`;
    expect(await judgeDod(source, FACTS, { timeoutMs: 700 })).toEqual({
      kind: 'unmet',
      saw: [{ name: 'exit_code', value: '0' }],
    });
  });

  it('answers each of several at once, in spite of an endless one among them', async () => {
    const sources = ['exit_code == 0', ENDLESS, 'exit_code == 1', 'stdout.contains("READY")'];
    const verdicts = await Promise.all(sources.map((source) => judgeDod(source, FACTS, { timeoutMs: 1000 })));
    expect(verdicts.map(({ kind }) => kind)).toEqual(['met', 'error', 'unmet', 'met']);
  });

  it('starts again after closeDod', async () => {
    await closeDod();
    expect(await judge('exit_code == 0')).toEqual({ kind: 'met' });
    await closeDod();
    await closeDod();
  });

  it('does not keep a process alive', async () => {
    const dod = new URL('../../src/job/dod.ts', import.meta.url).href;
    const script = `import { judgeDod } from ${JSON.stringify(dod)};
      console.log(JSON.stringify(await judgeDod('exit_code == 0', ${JSON.stringify(FACTS)})));`;
    const args = ['--input-type=module', '--eval', script];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 20_000 });
    expect(JSON.parse(stdout)).toEqual({ kind: 'met' });
  });

  it('ends for any expression and any report', async () => {
    const atom = fc.constantFrom(
      'exit_code',
      'stdout',
      'report',
      'steps',
      '1',
      '"a"',
      'true',
      '[1]',
      '{"a": 1}',
      'x',
    );
    const operator = fc.constantFrom(' == ', ' && ', ' || ', ' + ', ' in ', '.', ' ? 1 : ', '[0] != ');
    const source = fc
      .array(fc.tuple(atom, operator), { maxLength: 6 })
      .chain((parts) => atom.map((last) => `${parts.map((part) => part.join('')).join('')}${last}`));
    const run = async (text: string, report: unknown) => {
      const verdict = await judgeDod(text, { ...FACTS, report }, { timeoutMs: 5000 });
      expect(['met', 'unmet', 'error']).toContain(verdict.kind);
    };
    await fc.assert(fc.asyncProperty(source, fc.jsonValue(), run), { numRuns: 100 });
    await fc.assert(fc.asyncProperty(fc.string(), fc.jsonValue(), run), { numRuns: 50 });
  });
});

describe('checkDod', () => {
  it.each([
    ['', 'unexpected end of input at character 1'],
    ['pytest passes', 'unexpected p at character 8'],
    ['exit_code = 0', 'compare with =='],
    ['exit_code == 0 &&\n stdout. ', 'line 2'],
    ['exit_code', '`exit_code` is not true or false'],
    ['0', 'a constant is not true or false'],
    ['"done"', 'a constant is not true or false'],
    ['[true]', 'a list or map is not'],
    ['exit_code + 1', 'a number or text is not'],
    ['steps.size()', 'a number or text is not'],
    ['exitcode == 0', '`exitcode` is not known'],
    ['steps.all(s, t.exit_code == 0)', '`t` is not known'],
    ['steps.all(s, s.exit_code == 0) && s == 1', '`s` is not known'],
    ['stdout.includes("x")', 'there is no function `includes`'],
    ['stdout.matches("(a")', 'missing closing )'],
    ['stdout.matches("(?=a)")', 'patterns are RE2'],
    ['bytes(stdout) == b"x"', 'bytes() is not available'],
    ['Foo{} == 1', '`Foo` is not known'],
  ])('refuses %j', (source, problem) => {
    expect(checkDod(source)).toContain(problem);
  });

  it('refuses a source longer than a job may have, and leaves a long pattern to the judge', () => {
    expect(checkDod(`exit_code == ${'0'.repeat(4000)}`)).toBe('it has 4013 characters: use at most 4000');
    expect(checkDod(`stdout.matches("(${'a'.repeat(300)}")`)).toBeNull();
  });

  it('is quick for any source a job may have', () => {
    const sources = [
      '('.repeat(3999),
      '['.repeat(3999),
      `${'!'.repeat(3995)}true`,
      `${'('.repeat(1990)}true${')'.repeat(1990)}`,
      `stdout.matches("${'a{1000}'.repeat(560)}")`,
      `stdout.matches("${'(x{1,1000})'.repeat(18)}")`,
      `${'exit_code == 0 && '.repeat(200)}true`,
      'size('.repeat(700),
    ];
    for (const source of sources) {
      const begun = performance.now();
      checkDod(source);
      expect(performance.now() - begun).toBeLessThan(4000);
    }
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (source) => {
        const problem = checkDod(source);
        expect(problem === null || problem.length > 0).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
