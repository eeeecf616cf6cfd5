import { afterEach, expect, it } from 'vitest';
import { type ClockedApp, scheduleFile, startClockedApp } from '../support/schedule-steps.ts';

let t: ClockedApp;
afterEach(async () => {
  expect(t.github.contractViolations).toEqual([]);
  await t.close();
});

it('a schedule is compared with STATE when what it finds changes, and only then', async () => {
  const reading = { kind: 'contradicts', line: 1, replacement: 'hello is not ready', why: 'It said so.' };
  t = await startClockedApp('2026-11-22T12:00:00Z', { model: { otherwise: { text: { result: reading } } } });
  await t.github.as('octo').push('main', { 'STATE.md': 'hello is ready\n' }, 'Say how it is');
  const serves = [`STATE.md@${'a'.repeat(40)}`];
  await t.approved('hello', scheduleFile('hello', {}, { serves }));
  const runner = await t.runner();
  const calls: (number | undefined)[] = [];
  for (const [day, output] of [
    ['22', 'ready'],
    ['23', 'nothing'],
    ['24', 'nothing'],
    ['25', 'nothing'],
  ] as const) {
    await t.at(`2026-11-${day}T22:00:01Z`);
    await runner.run({ output: [output] });
    await t.settle();
    calls.push(t.model?.requests.length);
  }
  expect(calls).toEqual([0, 1, 1, 1]);
  const pulls = (await t.github.read.pulls()).filter(({ head }) => head.ref.startsWith('guruguru/state-'));
  expect(pulls.map(({ title }) => title)).toEqual([
    expect.stringContaining('hello@20261123T2200Z says otherwise'),
  ]);
});
