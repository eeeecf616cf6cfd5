import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { effectOf } from '../../chaos/wire/effect-routes.ts';
import type { Offer, RunResult } from '../../src/dispatch/protocol.ts';
import { EFFECTS, type EffectName } from '../../src/github/effect.ts';
import { type Asked, fencedAsk } from '../support/fenced-ask.ts';
import type { Exchange } from '../support/github/types.ts';
import { type WriteName, watchWrites } from '../support/github/write-watch.ts';
import { leftBy, nothingDue } from '../support/left-by.ts';
import { type Loop, startLoop } from '../support/loop.ts';
import { patiently } from '../support/patiently.ts';
import { createScriptedRunner } from '../support/scripted-runner.ts';

/** The app dies at the writes that an everyday ask does not need: a merge queue, and a log too long for a tree. */
const TIMEOUT_MS = 60_000;
/** More than git-data.ts puts into a tree, and than one call of a runner carries. */
const LOG = Array.from({ length: 3 }, (_, part) =>
  Buffer.from(
    Array.from(
      { length: 500 },
      (_, line) => `${JSON.stringify({ s: 'out', t: 1, d: `${part}.${line} ${'x'.repeat(80)}` })}\n`,
    ).join(''),
  ),
);

interface Round {
  loop: Loop;
  queued: Asked;
  long: Asked;
}

async function playRound(when: 'before' | 'landed'): Promise<Round> {
  const loop = await startLoop();
  const { github } = loop;
  github.admin.setMergeQueue('main', true);
  const watch = watchWrites(github);
  const token = await loop.createToken('fleet', 'octo/hello');
  const runner = () => createScriptedRunner({ url: loop.appUrl(), token });
  const until = <T>(what: string, look: () => Promise<T | undefined | false>) =>
    github.until(what, look, TIMEOUT_MS);
  const pullOf = (ask: Asked) =>
    until('the job PR', async () =>
      (await github.read.pulls()).find(({ head }) => head.ref === `guruguru/ask-c${ask.comment}`),
    );
  const isEffect = (effect: EffectName) => (x: Exchange) => effectOf(x) === effect;
  /** GitHub has it in its queue once the app has asked for that. */
  const throughQueue = async (ask: Asked) => {
    const { number } = await pullOf(ask);
    await patiently(() => github.admin.runMergeQueue(number), TIMEOUT_MS);
  };
  const take = () =>
    patiently(async () => (await runner().acquire(10)) ?? Promise.reject(new Error('no job')), TIMEOUT_MS);

  const long = await fencedAsk(loop, 'echo long');
  await throughQueue(long);
  const offer = await take();
  const blob = watch.holdIf(isEffect('blob.create'), when);
  await finishLong(runner(), offer);
  await blob;
  const enqueue = watch.holdIf(isEffect('pull.enqueue'), when);
  const queued = await fencedAsk(loop, 'echo queued');
  await enqueue;

  loop.app().kill('SIGKILL');
  await loop.app().exited;
  watch.cut();
  await loop.startApp();
  // The emulated queue would take back a commit that comes while it merges.
  await until('the long one', async () => (await leftBy(loop, long)).final.length > 0);
  await throughQueue(queued);
  const second = await take();
  await runner().start(second);
  await runner().finish(second);
  await until('the final reply', async () => (await leftBy(loop, queued)).final.length > 0);
  await nothingDue(loop, TIMEOUT_MS);
  return { loop, queued, long };
}

async function finishLong(runner: ReturnType<typeof createScriptedRunner>, offer: Offer): Promise<void> {
  await runner.start(offer);
  let offset = 0;
  for (const part of LOG) {
    await runner.sync(offer, { log: { offset, data: part.toString('base64') } });
    offset += part.length;
  }
  const now = new Date().toISOString();
  const result: RunResult = {
    outcome: 'exited',
    exit_code: 0,
    signal: null,
    started_at: now,
    finished_at: now,
    duration_seconds: 1,
    steps: [],
    message: null,
    report: null,
    log_bytes: offset,
  };
  expect((await runner.sync(offer, { phase: 'finished', result })).status).toBe(200);
}

const rounds: { before?: Round; landed?: Round } = {};
beforeAll(async () => {
  const played = await Promise.allSettled([playRound('before'), playRound('landed')]);
  for (const [index, name] of (['before', 'landed'] as const).entries()) {
    const round = played[index];
    if (round?.status === 'fulfilled') rounds[name] = round.value;
    else throw round?.reason;
  }
}, 300_000);
afterAll(async () => {
  for (const round of Object.values(rounds)) await round.loop.close();
});

describe.each(['before', 'landed'] as const)('the app is killed when a write has come to: %s', (when) => {
  const roundOf = () => rounds[when] ?? expect.fail('the round was not played');

  it.each(['pull.enqueue', 'blob.create'] as const)('%s: everything is there once', async (effect) => {
    const { loop, queued, long } = roundOf();
    const left = await leftBy(loop, effect === 'pull.enqueue' ? queued : long);
    expect(left).toMatchObject({
      pulls: [{ merged: true }],
      comments: 2,
      checks: [`guruguru / ${left.job}: completed success`, 'guruguru / validate: completed success'],
      reports: 1,
      runs: 1,
      ended: { state: 'ended', reason: 'succeeded' },
    });
    expect(left.log).toContain(effect === 'pull.enqueue' ? 'ok' : '2.499 x');
  });

  it('sends nothing that GitHub forbids', () => {
    expect(roundOf().loop.github.contractViolations).toEqual([]);
  });
});

/** The side effect behind each write that survive-crash.test.ts kills the app at. */
const IN_SURVIVE_CRASH: Record<WriteName, EffectName> = {
  reaction: 'reaction.create',
  'status comment': 'comment.create',
  'job tree': 'tree.create',
  'job commit': 'commit.create',
  'job branch': 'ref.create',
  'job PR': 'pull.create',
  'validate check': 'check_run.create',
  merge: 'pull.merge',
  'job check queued': 'check_run.create',
  'job check running': 'check_run.update',
  'report tree': 'tree.create',
  'report commit': 'commit.create',
  'report branch': 'ref.update',
  'job check ended': 'check_run.update',
  'final reply': 'comment.create',
  'status edit': 'comment.update',
};
const ELSEWHERE: Partial<Record<EffectName, string>> = {
  'pull.enqueue': 'here',
  'blob.create': 'here',
  'pull.update': 'survive-commands.test.ts',
  'commit_comment.create': 'survive-issues.test.ts',
  'issue.create': 'survive-issues.test.ts',
  'issue.update': 'survive-issues.test.ts',
};

it('every side effect has a place where the app is killed at it', () => {
  const killed = new Set([...Object.values(IN_SURVIVE_CRASH), ...Object.keys(ELSEWHERE)]);
  expect([...killed].sort()).toEqual(Object.keys(EFFECTS).sort());
});
