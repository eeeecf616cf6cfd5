import { cp, rm } from 'node:fs/promises';
import { afterEach, expect, it } from 'vitest';
import { effectOf } from '../../chaos/wire/effect-routes.ts';
import type { EffectName } from '../../src/github/effect.ts';
import { jobFile } from '../support/app-steps.ts';
import { type ClockedApp, startClockedApp } from '../support/schedule-steps.ts';

/** The app dies at the writes of schedules and of pushes past the gate, and starts on what it left on disk. */
let t: ClockedApp;
afterEach(() => t.close());

const MOMENTS = ['before', 'landed'] as const;

/** @param act makes the app come to the write */
async function dieAt(effect: EffectName, when: (typeof MOMENTS)[number], act: () => Promise<unknown>) {
  const reached = Promise.withResolvers<void>();
  const over = Promise.withResolvers<void>();
  t.github.faults.decide((x) =>
    effectOf(x) === effect && x.actor.type === 'installation'
      ? {
          match: () => true,
          [when]: async () => {
            t.github.faults.decide(undefined);
            reached.resolve();
            await over.promise;
            throw new Error('nobody is there to be answered');
          },
        }
      : undefined,
  );
  const acted = act();
  await reached.promise;
  const left = `${t.dataDir}-left`;
  await cp(t.dataDir, left, { recursive: true });
  await t.restart(async (dataDir) => {
    over.resolve();
    await rm(dataDir, { recursive: true });
    await cp(left, dataDir, { recursive: true });
    await rm(left, { recursive: true });
  });
  await acted.catch(() => {});
  await t.settle();
}

async function scheduleIssues() {
  const found = [];
  for (let number = 1; number < 20; number += 1) {
    const issue = await t.github.read.issue(number).catch(() => null);
    if (issue && !issue.pull_request) found.push(issue);
  }
  return found;
}

it.each(MOMENTS)('opens one issue for a schedule: %s', async (when) => {
  t = await startClockedApp('2026-11-22T12:00:00Z');
  const runner = await t.runner();
  await t.approved('hello');
  await t.at('2026-11-22T22:00:01Z');
  await dieAt('issue.create', when, () => runner.run({ output: ['nothing'] }));
  // Past the time in which a write without an answer may still land.
  await t.at('2026-11-22T22:01:00Z');
  expect(await scheduleIssues()).toMatchObject([{ state: 'open', title: 'READY of hello (hello)' }]);
});

it.each(MOMENTS)('closes it once: %s', async (when) => {
  t = await startClockedApp('2026-11-22T12:00:00Z');
  const runner = await t.runner();
  await t.approved('hello');
  await t.at('2026-11-22T22:00:01Z');
  await runner.run({ output: ['nothing'] });
  await t.settle();
  await t.at('2026-11-23T22:00:01Z');
  await dieAt('issue.update', when, () => runner.run({ output: ['ready'] }));
  // Past the time in which a write without an answer may still land.
  await t.at('2026-11-23T22:01:00Z');
  const [issue, ...more] = await scheduleIssues();
  expect(more).toEqual([]);
  expect(issue?.state).toBe('closed');
  expect(await t.said(Number(issue?.number))).toHaveLength(1);
});

it.each(MOMENTS)('says once on a commit that it brought a job past the gate: %s', async (when) => {
  t = await startClockedApp('2026-11-22T12:00:00Z');
  const id = '2026-11-22-001';
  await dieAt('commit_comment.create', when, () =>
    t.github.as('octo').push('main', { [`jobs/queue/${id}.json`]: jobFile(id) }),
  );
  // Past the time in which a write without an answer may still land.
  await t.at('2026-11-22T12:01:00Z');
  expect(await t.github.read.commitComments(t.github.read.head('main') ?? '')).toHaveLength(1);
});
