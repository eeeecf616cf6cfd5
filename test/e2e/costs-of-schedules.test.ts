import { afterEach, expect, it } from 'vitest';
import { parseMonth } from '../../src/job/ledger/month-file.ts';
import { type ClockedApp, scheduleFile, startClockedApp } from '../support/schedule-steps.ts';

/** What a cron does with a cluster that costs money every day. */
let t: ClockedApp;
afterEach(async () => {
  expect(t.github.contractViolations).toEqual([]);
  expect(t.log).toEqual([]);
  await t.close();
});

it('a look every morning checks the cluster and changes nothing, and its flips stand in loop.md', async () => {
  t = await startClockedApp('2026-11-28T12:00:00Z', {
    settings:
      'time_zone: Asia/Tokyo\ncosts:\n  - { name: gke, per_day: 800, currency: JPY, from: 2026-11-28 }\n',
  });
  const runner = await t.runner();
  await t.approved('hello', scheduleFile('hello', {}, { touches: ['gke'], effect: 'read' }));
  for (const [day, output] of [
    ['28', 'ready'],
    ['29', 'nothing'],
    ['30', 'ready'],
  ] as const) {
    await t.at(`2026-11-${day}T22:00:01Z`);
    await runner.run({
      output: [output],
      started_at: `2026-11-${day}T22:00:01Z`,
      finished_at: `2026-11-${day}T22:01:01Z`,
      duration_seconds: 60,
    });
    await t.settle();
  }
  // Midnights in Tokyo: the last one closes the first of December.
  await t.at('2026-12-01T15:00:01Z');
  const november = parseMonth((await t.github.read.file('reports/costs/2026-11.json')) ?? '');
  expect(november?.through.day).toBe('2026-11-30');
  const december = parseMonth((await t.github.read.file('reports/costs/2026-12.json')) ?? '');
  const runs = [november, december].map((file) =>
    file?.entries.flatMap((one) => (one.kind === 'run' ? [`${one.schedule} ${one.day} ${one.state}`] : [])),
  );
  expect(runs).toEqual([
    ['hello 2026-11-29 succeeded', 'hello 2026-11-30 failed'],
    ['hello 2026-12-01 succeeded'],
  ]);
  const text = await t.github.read.file('reports/costs/2026-11.md');
  expect(text).toContain('| `gke` | 0 days, – | 2 days, JPY 1,600 | 1 day, JPY 800 | JPY 2,400 |');
  expect(text).toContain('| `hello` | 2 | 1 | 2 min | JPY 1,600 |');
  const nights = (await t.github.read.commits())
    .map((commit) => /costs up to \S+/.exec(JSON.stringify(commit))?.[0])
    .filter(Boolean);
  expect(new Set(nights).size).toBe(nights.length);

  const loop = await t.github.read.file('reports/loop.md');
  expect(loop).toContain('- `hello`: ✅ as it should be since 2026-11-30 22:00 UTC');
  expect(loop).toContain('- `gke`: idle 0 of 1 day (–), only checked 1, changed 0; 2026-12 up to 2026-12-01');
  expect(loop).toMatch(/## Green[\s\S]*\| hello: READY of hello \| `hello@20261130T2200Z` run 1 \|/);
});
