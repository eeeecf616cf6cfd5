import { describe, expect, it } from 'vitest';
import {
  buildEntry,
  buildRecord,
  decodeLog,
  outputsOf,
  parseRecord,
  RENDERED_LOG_MAX_BYTES,
  renderLog,
  renderRecord,
  verdictOf,
} from '../../src/job/report-format.ts';
import type { LogRecord, RunResult } from '../../src/job/run-result.ts';

const result: RunResult = {
  outcome: 'exited',
  exit_code: 0,
  signal: null,
  started_at: '2025-11-22T10:00:00.000Z',
  finished_at: '2025-11-22T10:00:02.000Z',
  duration_seconds: 2,
  steps: [{ line: 0, exit_code: 0, started_seconds: 0, duration_seconds: 2 }],
  message: null,
  report: null,
  log_bytes: 10,
};
const unmet = { kind: 'unmet' as const, saw: [{ name: 'exit_code', value: '1' }] };

describe('verdictOf', () => {
  it.each([
    ['exit 0 and DoD met', { exit_code: 0 }, { kind: 'met' as const }, 'succeeded', 'dod_met'],
    [
      'exit 1 and DoD met: the DoD decides',
      { exit_code: 1 },
      { kind: 'met' as const },
      'succeeded',
      'dod_met',
    ],
    ['exit 0 and DoD unmet', { exit_code: 0 }, unmet, 'failed', 'dod_unmet'],
    ['a DoD that cannot be judged', {}, { kind: 'error' as const, message: 'x' }, 'failed', 'dod_error'],
    ['a verdict that is missing', {}, null, 'failed', 'dod_error'],
    [
      'killed, whatever the DoD',
      { exit_code: null, signal: 'SIGKILL' },
      { kind: 'met' as const },
      'failed',
      'killed_by_signal',
    ],
    ['timeout', { outcome: 'timeout' as const }, { kind: 'met' as const }, 'failed', 'timeout'],
    ['cancelled', { outcome: 'cancelled' as const }, null, 'cancelled', 'cancelled'],
    ['refused', { outcome: 'refused' as const }, null, 'failed', 'refused'],
    ['runner error', { outcome: 'runner_error' as const }, null, 'failed', 'runner_error'],
  ])('%s', (_name, change, dod, state, reason) => {
    expect(verdictOf({ ...result, ...change }, dod)).toEqual({ state, reason });
  });
  it('is lost without a result', () => {
    expect(verdictOf(null, null)).toEqual({ state: 'lost', reason: 'lost' });
  });
});

describe('the result record', () => {
  const entry = (attempt: number, dod: { kind: 'met' } | typeof unmet) =>
    buildEntry({ attempt, runner: 'box', result, dodSource: 'exit_code == 0', dod, log: `x.${attempt}.out` });
  const about = { id: '2025-11-22-001', job_digest: 'sha256:0' };

  it('grows by a run, takes the state of the latest, and is the same when written twice', () => {
    const first = buildRecord(null, entry(1, unmet), about);
    const second = buildRecord(first, entry(2, { kind: 'met' }), about);
    expect([first.state, second.state]).toEqual(['failed', 'succeeded']);
    expect(second.runs.map((run) => run.attempt)).toEqual([1, 2]);
    expect(buildRecord(second, entry(2, { kind: 'met' }), about)).toEqual(second);
    expect(buildRecord(second, entry(1, { kind: 'met' }), about).state).toBe('succeeded');
  });
  it('is read back as written, and nothing else is', () => {
    const record = buildRecord(null, entry(1, unmet), { ...about, repository: 'octo/loop' });
    expect(parseRecord(renderRecord(record))).toEqual(record);
    for (const text of ['', '{}', 'null', '{"version":2}']) expect(parseRecord(text)).toBeNull();
  });
  it('keeps the report a job wrote, and what a DoD saw', () => {
    const told = buildEntry({
      attempt: 1,
      runner: null,
      result: { ...result, report: { a: 1 } },
      dodSource: 'x',
      dod: unmet,
      log: null,
    });
    expect(told).toMatchObject({ report: { a: 1 }, dod: { verdict: 'unmet', saw: unmet.saw } });
  });
});

describe('renderLog', () => {
  const records: LogRecord[] = [
    { s: 'step', t: 0, line: 0 },
    { s: 'out', t: 0.1, d: 'par', p: true },
    { s: 'out', t: 0.2, d: 'tial' },
    { s: 'err', t: 0.3, d: '\x1b[31mred\x1b[0m \x1b]0;title\x07\x07bell' },
    { s: 'out', t: 0.4, d: ' 10%\r 90%\r100%' },
    { s: 'done', t: 1.26, line: 0, exit_code: 0 },
    { s: 'step', t: 1.3, line: 1 },
    { s: 'out', t: 1.4, d: 'a\nb' },
    { s: 'note', t: 1.5, d: 'ended by timeout' },
    { s: 'done', t: 1.6, line: 1, exit_code: 1 },
  ];
  it('reads as designed', () => {
    expect(renderLog(records, ['make', 'cat <<END\nhi\nEND'])).toBe(
      [
        '$ make',
        '  | partial',
        '  ! red bell',
        '  | 100%',
        '  = exit 0 (1.3 s)',
        '$ cat <<END',
        '    hi',
        '    END',
        '  | a',
        '  | b',
        '  # ended by timeout',
        '  = exit 1 (0.3 s)',
        '',
      ].join('\n'),
    );
  });
  it('names a step by its number when it does not know the script', () => {
    expect(renderLog([{ s: 'step', t: 0, line: 2 }])).toBe('$ (line 3)\n');
  });
  it('keeps head and tail within 1 MiB and says what is missing', () => {
    const long: LogRecord[] = Array.from({ length: 60_000 }, (_, n) => ({
      s: 'out',
      t: n,
      d: `${n} ${'x'.repeat(40)}`,
    }));
    const text = renderLog(long);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(RENDERED_LOG_MAX_BYTES);
    expect(Buffer.byteLength(text)).toBeGreaterThan(RENDERED_LOG_MAX_BYTES * 0.95);
    expect(text).toMatch(/^ {2}\| 0 x/);
    expect(text).toContain('  | 59999 x');
    const missing = Number(/(\d+) bytes left out/.exec(text)?.[1]);
    const whole = long.reduce((sum, r) => sum + ('d' in r ? r.d.length : 0) + 5, 0);
    expect(Buffer.byteLength(text.replace(/.*left out.*\n/, '')) + missing).toBe(whole);
  });
});

describe('decodeLog and outputsOf', () => {
  it('pass over what is no record', () => {
    expect(
      decodeLog('{"s":"out","t":1,"d":"a"}\nnonsense\n{"s":"?"}\n\n{"s":"out","t":2,"d":"b"}\n{"s":"ou'),
    ).toHaveLength(2);
  });
  it('put the streams together again, with and without a last newline', () => {
    const records = decodeLog(
      '{"s":"out","t":1,"d":"a"}\n{"s":"err","t":1,"d":"e"}\n{"s":"out","t":1,"d":"b","p":true}\n',
    );
    expect(outputsOf(records)).toEqual({ stdout: 'a\nb', stderr: 'e\n' });
  });
  it('keep the last 1 MiB, cut at a character', () => {
    const { stdout } = outputsOf([{ s: 'out', t: 0, d: 'ö'.repeat(600_000), p: true }]);
    expect(Buffer.byteLength(stdout)).toBe(1024 * 1024);
    expect(outputsOf([{ s: 'out', t: 0, d: `${'ö'.repeat(600_000)}a`, p: true }]).stdout).not.toContain(
      '\uFFFD',
    );
  });
});
