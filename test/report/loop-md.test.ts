import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LOOP_ENTRIES, type LoopEntry, updateLoop } from '../../src/report/loop-md.ts';

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
const one = (text: string | null, run: LoopEntry) => updateLoop(text, { runs: [run] });
const all = (runs: readonly LoopEntry[], text: string | null = null) =>
  runs.reduce<string | null>(one, text) ?? '';
const part = (text: string, title: string) => text.split(`## ${title}\n`)[1]?.split('\n## ')[0] ?? '';
const listed = (text: string) => part(text, 'Last 10 runs').match(/^\| 2025/gm) ?? [];

describe('the last runs', () => {
  it('start the file', () => {
    expect(all([entry(1)])).toBe(
      [
        '# Loop',
        '',
        'How things stand, from the results alone. guruguru rewrites this file with every report.',
        '',
        '**Red: 0. Green: 1.** A thing is what its runs are called.',
        '',
        '## Green',
        '',
        '| since | what | last run | ended | report |',
        '|---|---|---|---|---|',
        '| 2025-11-22 03:01 UTC | Smoke tests | `2025-11-22-001` run 1 | 2025-11-22 03:01 UTC | [report](jobs/2025-11-22-001.out) |',
        '',
        '## Last 10 runs',
        '',
        '| finished | job | run | verdict | title | why | report |',
        '|---|---|---|---|---|---|---|',
        '| 2025-11-22 03:01 UTC | `2025-11-22-001` | 1 | ✅ succeeded | Smoke tests | dod_met | [report](jobs/2025-11-22-001.out) |',
        '',
      ].join('\n'),
    );
  });

  it('change nothing when applied again, and in whatever order they come', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            title: fc.constantFrom('Smoke tests', 'READY of `hello`', 'a | b'),
            verdict: fc.constantFrom(
              'succeeded' as const,
              'failed' as const,
              'lost' as const,
              'cancelled' as const,
            ),
          }),
          { maxLength: LOOP_ENTRIES },
        ),
        fc.infiniteStream(fc.nat(1_000)),
        (given, order) => {
          const runs = given.map((change, index) => entry(index + 1, change));
          const text = all(runs);
          const shuffled = runs
            .map((run) => ({ run, rank: order.next().value ?? 0 }))
            .toSorted((a, b) => a.rank - b.rank)
            .map(({ run }) => run);
          expect(all(shuffled) || '').toBe(text);
          expect(all(shuffled, text || null)).toBe(text);
        },
      ),
    );
  });

  it('list a second run of a job apart, and replace a verdict that was corrected', () => {
    const retried = all([entry(1, { verdict: 'lost' }), entry(1, { attempt: 2 })]);
    expect(listed(retried)).toHaveLength(2);
    const lost = all([entry(1, { verdict: 'lost', finishedAt: '2025-11-22T09:00:00Z' })]);
    expect(part(lost, 'Red')).toContain('Smoke tests');
    const corrected = one(lost, entry(1));
    expect(corrected).not.toContain('lost');
    expect(listed(corrected)).toHaveLength(1);
    expect(part(corrected, 'Red')).toBe('');
    expect(part(corrected, 'Green')).toContain('| 2025-11-22 03:01 UTC | Smoke tests |');
  });

  it('are the newest ten', () => {
    const text = all(Array.from({ length: 40 }, (_, index) => entry(index + 1)));
    expect(listed(text)).toHaveLength(LOOP_ENTRIES);
    expect(text).not.toContain('2025-11-22-030');
    expect(text).toContain('2025-11-22-031');
  });

  it('survive titles made to break the table, and stay stable', () => {
    const nasty = entry(1, {
      title: `a | b \\| c\n| 2025-01-01 00:00 UTC | \`x\` | 1 | ✅ succeeded | @octocat\n## Red ${'long '.repeat(60)}`,
      reason: '<!-- x --> `|` fixes #1',
    });
    const text = all([nasty, entry(2)]);
    expect(listed(text)).toHaveLength(2);
    expect(text).not.toMatch(/@octocat|<!--|fixes #1|^## Red/m);
    expect(one(text, nasty)).toBe(text);
    expect(one(text.replaceAll('\n', '\r\n'), nasty)).toBe(text);
  });

  it('say so when nothing has run', () => {
    expect(updateLoop(null, {})).toContain('Nothing has run yet.');
  });
});

describe('what is green and what is red', () => {
  const red = (number: number, title = 'Smoke tests') => entry(number, { verdict: 'failed', title });

  it('says since when, beyond the runs that are listed', () => {
    const others = Array.from({ length: 20 }, (_, index) => entry(index + 10, { title: 'Something else' }));
    const text = all([entry(1), red(2), red(3), ...others, red(50)]);
    expect(part(text, 'Red')).toContain(
      '| 2025-11-22 03:02 UTC | Smoke tests | `2025-11-22-050` run 1 | 2025-11-22 03:50 UTC |',
    );
    expect(part(text, 'Green')).toContain('Something else');
    expect(text).toContain('**Red: 1. Green: 1.**');
  });

  it('is turned by the next run of the same name, and by no other', () => {
    const text = all([red(1), entry(2, { title: 'Another' })]);
    expect(part(text, 'Red')).toContain('Smoke tests');
    const mended = one(text, entry(3));
    expect(part(mended, 'Red')).toBe('');
    expect(part(mended, 'Green')).toContain('| 2025-11-22 03:03 UTC | Smoke tests |');
  });

  it('a run that was cancelled turns nothing', () => {
    expect(part(all([red(1), entry(2, { verdict: 'cancelled' })]), 'Red')).toContain(
      '`2025-11-22-001` run 1',
    );
  });

  it('stays short, and forgets what has not run for a month', () => {
    const many = Array.from({ length: 59 }, (_, index) => red(index + 1, `Thing ${index}`));
    const text = all(many);
    expect(part(text, 'Red').match(/^\| 2025/gm)).toHaveLength(12);
    const later = one(text, entry(1, { finishedAt: '2026-01-22T03:00:00Z', title: 'Later' }));
    expect(part(later, 'Red')).toBe('');
    expect(Buffer.byteLength(text)).toBeLessThan(8_000);
  });
});

describe('lists', () => {
  it('keep what is not named, and drop what is over', () => {
    const first = updateLoop(null, {
      goals: [{ key: 'ready', text: 'job 1 of 5' }],
      schedules: [{ key: 'hello', text: '✅ since 2025-11-20' }],
      costs: [{ key: 'gke', text: 'idle 12 of 21 days' }],
    });
    const text = updateLoop(one(first, entry(1)), { goals: [{ key: 'cheap', text: 'waits for `octo`' }] });
    expect(part(text, 'Running goals').trim().split('\n')).toEqual([
      '- `cheap`: waits for `octo`',
      '- `ready`: job 1 of 5',
    ]);
    expect(part(text, 'Schedules')).toContain('- `hello`: ✅ since 2025-11-20');
    expect(part(text, 'Fixed costs')).toContain('- `gke`: idle 12 of 21 days');
    const over = updateLoop(text, { goals: [{ key: 'ready', text: null }], costs: [] });
    expect(part(over, 'Running goals')).not.toContain('ready');
    expect(over).not.toContain('Fixed costs');
    expect(listed(over)).toHaveLength(1);
  });
});
