import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { effectOf } from '../../chaos/wire/effect-routes.ts';
import type { Exchange } from '../support/github/types.ts';
import { watchWrites } from '../support/github/write-watch.ts';
import { nothingDue, query } from '../support/left-by.ts';
import { type Loop, startLoop } from '../support/loop.ts';
import { patiently } from '../support/patiently.ts';
import { createScriptedRunner } from '../support/scripted-runner.ts';

const TIMEOUT_MS = 60_000;

/** The writes of a goal that an ask does not make, in their order, by how they look on the wire. */
const WRITES: [string, (x: Exchange, goalPull: number) => boolean][] = [
  ['the decision on the first job', (x) => commits(x, /^guruguru: goal \S+ goes on with job 1/)],
  [
    "the first job's branch",
    (x) => effectOf(x) === 'ref.create' && /"refs\/heads\/guruguru\/step-/.test(String(x.raw)),
  ],
  ["the first job's PR", (x) => effectOf(x) === 'pull.create' && /"guruguru\/step-/.test(String(x.raw))],
  ['its merge', (x, goalPull) => effectOf(x) === 'pull.merge' && !x.path.includes(`/${goalPull}/`)],
  ['the decision that it is reached', (x) => commits(x, /^guruguru: goal \S+ reached/)],
  ['the final reply', (x) => effectOf(x) === 'comment.create' && x.raw.includes('Reached')],
];

function commits(x: Exchange, message: RegExp): boolean {
  return (
    effectOf(x) === 'commit.create' &&
    message.test(String((JSON.parse(String(x.raw)) as { message?: string }).message))
  );
}

interface Round {
  loop: Loop;
  thread: number;
  goalPull: number;
}

/** One goal, and the app killed at each of these writes. */
async function playRound(when: 'before' | 'landed'): Promise<Round> {
  const loop = await startLoop();
  const { github } = loop;
  const watch = watchWrites(github);
  const token = await loop.createToken('fleet', 'octo/hello');
  const goal = {
    goal: 'It works.',
    dod: 'stdout.contains("passed")',
    envelope: { runners: ['devbox'], commands: ['cat'], effect: 'read' },
    first_job: { script: ['cat README.md'], runs_on: ['devbox'] },
  };
  const thread = await github.as('octo').openIssue({ title: 'Goal' });
  await github.as('octo').comment(thread, `/goal\n\`\`\`json\n${JSON.stringify(goal, null, 2)}\n\`\`\``);
  const { number: goalPull } = await github.until(
    'the goal PR',
    async () => (await github.read.pulls()).find(({ title }) => title.startsWith('guruguru goal')),
    TIMEOUT_MS,
  );
  const finish = () =>
    patiently(async () => {
      const runner = createScriptedRunner({ url: loop.appUrl(), token });
      const offer = await runner.acquire(10);
      if (!offer) throw new Error('no job');
      await runner.start(offer);
      await runner.finish(offer, { output: ['3 passed'] });
    }, TIMEOUT_MS);
  await patiently(() => github.as('octo').review(goalPull, { event: 'APPROVE' }), TIMEOUT_MS);
  let held = watch.holdIf((x) => WRITES[0]?.[1](x, goalPull) ?? false, when);
  for (const [index, [name]] of WRITES.entries()) {
    if (name === 'the decision that it is reached') await finish();
    await held;
    loop.app().kill('SIGKILL');
    await loop.app().exited;
    watch.cut();
    const next = WRITES[index + 1]?.[1];
    if (next) held = watch.holdIf((x) => next(x, goalPull), when);
    await loop.startApp();
  }
  await nothingDue(loop, TIMEOUT_MS);
  return { loop, thread, goalPull };
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

describe.each(['before', 'landed'] as const)('the app is killed at every write of a goal: %s', (when) => {
  const roundOf = () => rounds[when] ?? expect.fail('the round was not played');

  it('everything is there once', async () => {
    const { loop, thread, goalPull } = roundOf();
    const { read, app } = loop.github;
    const [row, ...more] = query(loop, 'select id, state, job_id from goals');
    expect([row?.state, more]).toEqual(['reached', []]);
    const pulls = (await read.pulls()).map(({ number, merged, head }) => [number, merged, head.ref]);
    expect(pulls).toHaveLength(2);
    expect(pulls).toEqual(
      expect.arrayContaining([
        [goalPull, true, expect.stringContaining('guruguru/ask-c')],
        [expect.any(Number), true, `guruguru/step-${row?.id}-1`],
      ]),
    );
    const said = (await read.comments(thread)).filter((comment) => comment.author === app.botLogin);
    const count = (kind: string) => said.filter(({ body }) => body.includes(`<!-- guruguru:${kind}:`)).length;
    expect([count('status'), count('final'), said.length]).toEqual([1, 1, 2]);
    const record = JSON.parse((await read.file(`reports/jobs/${row?.job_id}.json`)) ?? '{}');
    expect(record.runs).toHaveLength(1);
    expect(record.approval).toMatchObject({ how: 'goal', login: 'octo' });
    const messages = (await read.commits()).map((commit) => JSON.stringify(commit));
    expect(messages.filter((one) => one.includes('goes on with job 1'))).toHaveLength(1);
    expect(messages.filter((one) => one.includes(' reached [skip ci]'))).toHaveLength(1);
    expect(loop.github.contractViolations).toEqual([]);
  });
});
