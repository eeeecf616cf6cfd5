import { describe, expect, it } from 'vitest';
import { LOOP_ENTRIES, type LoopEntry, renderLoop, updateLoop } from '../../src/report/loop-md.ts';

const entry = (number: number, change: Partial<LoopEntry> = {}): LoopEntry => ({
  id: `2025-11-22-${String(number).padStart(3, '0')}`,
  title: 'Smoke tests',
  verdict: 'succeeded',
  reason: 'dod_met',
  finishedAt: new Date(Date.UTC(2025, 10, 22, 3, number)).toISOString(),
  attempt: 1,
  report: `reports/jobs/2025-11-22-${String(number).padStart(3, '0')}.out`,
  ...change,
});

describe('updateLoop', () => {
  it('starts the file', () => {
    expect(updateLoop(null, entry(1))).toBe(
      [
        '# Loop',
        '',
        'The last 30 runs, newest first. guruguru writes this file with every report.',
        '',
        '**Last run:** `2025-11-22-001` (run 1) ended 2025-11-22 03:01 UTC: ✅ succeeded. Smoke tests: dod_met ([report](jobs/2025-11-22-001.out))',
        '',
        '| finished | job | run | verdict | title | why | report |',
        '|---|---|---|---|---|---|---|',
        '| 2025-11-22 03:01 UTC | `2025-11-22-001` | 1 | ✅ succeeded | Smoke tests | dod_met | [report](jobs/2025-11-22-001.out) |',
        '',
      ].join('\n'),
    );
  });

  it('changes nothing when applied again', () => {
    const once = updateLoop(updateLoop(null, entry(1)), entry(2));
    expect(updateLoop(once, entry(2))).toBe(once);
    expect(updateLoop(once, entry(1))).toBe(once);
  });

  it('gives the same text whatever the order, as rendering does', () => {
    const entries = [1, 2, 3].map((number) => entry(number));
    const one = entries.reduce<string | null>(updateLoop, null);
    const other = entries.toReversed().reduce<string | null>(updateLoop, null);
    expect(one).toBe(other);
    expect(one).toBe(renderLoop(entries));
  });

  it('lists a second run of a job apart, and replaces a verdict that was corrected', () => {
    const retried = updateLoop(updateLoop(null, entry(1, { verdict: 'lost' })), entry(1, { attempt: 2 }));
    expect(retried.match(/^\| 2025/gm)).toHaveLength(2);
    const corrected = updateLoop(updateLoop(null, entry(1, { verdict: 'lost' })), entry(1));
    expect(corrected).not.toContain('lost');
    expect(corrected.match(/^\| 2025/gm)).toHaveLength(1);
  });

  it('keeps the newest thirty', () => {
    const all = Array.from({ length: 40 }, (_, index) => entry(index + 1)).reduce<string | null>(
      updateLoop,
      null,
    );
    expect(all?.match(/^\| 2025/gm)).toHaveLength(LOOP_ENTRIES);
    expect(all).toContain('**Last run:** `2025-11-22-040`');
    expect(all).not.toContain('2025-11-22-010');
    expect(all).toContain('2025-11-22-011');
  });

  it('survives titles made to break the table, and stays stable', () => {
    const nasty = entry(1, {
      title: `a | b \\| c\n| 2025-01-01 00:00 UTC | \`x\` | 1 | @octocat ${'long '.repeat(60)}`,
      reason: '<!-- x --> `|` fixes #1',
    });
    const once = updateLoop(updateLoop(null, nasty), entry(2));
    expect(once.match(/^\| 2025/gm)).toHaveLength(2);
    expect(once).not.toMatch(/@octocat|<!--|fixes #1/);
    expect(updateLoop(once, nasty)).toBe(once);
    expect(updateLoop(once.replaceAll('\n', '\r\n'), nasty)).toBe(once);
  });

  it('says so when nothing has run', () => {
    expect(renderLoop([])).toContain('Nothing has run yet.');
  });
});
