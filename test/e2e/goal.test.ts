import { rm } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { startTestApp, type TestApp, type TestAppOptions, WORKDIR } from '../support/app.ts';
import { ask, check, merged, pullOf } from '../support/app-steps.ts';
import { DEFAULT_USERS, OTHER_ACTORS } from '../support/github/seed.ts';
import { workAt } from '../support/work-at.ts';

let t: TestApp;
afterEach(() => t.close());

const ENVELOPE = { runners: ['devbox'], workdirs: [WORKDIR], commands: ['cat', 'npm test'], effect: 'read' };
const FIRST = { script: ['cat README.md'], runs_on: ['devbox'] };

const fence = (changes: Record<string, unknown> = {}) =>
  `/goal it works\n\`\`\`json\n${JSON.stringify(
    {
      goal: 'The tests pass.',
      dod: 'stdout.contains("passed")',
      envelope: ENVELOPE,
      first_job: FIRST,
      ...changes,
    },
    null,
    2,
  )}\n\`\`\``;

const step = (changes: Record<string, unknown> = {}) => ({
  kind: 'job',
  title: 'Run the tests',
  summary: 'Runs them.',
  workdir: null,
  script: [{ run: 'npm test', why: 'to see' }],
  dod: 'exit_code == 0',
  runs_on: ['devbox'],
  requires: null,
  touches: null,
  effect: 'read',
  timeout_minutes: null,
  env: null,
  secrets: null,
  concurrency: null,
  idempotent: false,
  undo: 'nothing to undo',
  serves: [],
  ...changes,
});
const next = (changes?: Record<string, unknown>) => ({
  text: { result: { kind: 'next', why: 'The README names no result.', job: step(changes) } },
});

async function start(options: TestAppOptions = {}): Promise<void> {
  t = await startTestApp({ model: { otherwise: next() }, ...options });
}

/** A goal whose PR was approved; its first job is in the queue. */
async function approvedGoal(text = fence()): Promise<{ issue: number; goal: number; id: string }> {
  const issue = await ask(t, text);
  const pull = await pullOf(t, issue);
  await t.github.as('writer').comment(pull.number, '/approve');
  expect(await merged(t, pull)).toBe(true);
  const { id } = await goalRow();
  return { issue, goal: pull.number, id };
}

async function goalRow() {
  return t.app().store.db.selectFrom('goals').selectAll().executeTakeFirstOrThrow();
}

async function jobs(): Promise<string[]> {
  const rows = await t.app().store.db.selectFrom('jobs').select(['id', 'state']).orderBy('id').execute();
  return rows.map(({ id, state }) => `${id.slice(-3)} ${state}`);
}

describe('a goal', () => {
  it('is approved once and reached in two jobs, without another click', async () => {
    await start();
    const { issue, goal, id } = await approvedGoal();
    expect((await t.github.read.pull(goal)).title).toContain('guruguru goal');
    expect(await jobs()).toEqual(['001 queued']);

    const runner = await t.runner();
    const offer = await runner.run({ output: ['no result here'] });
    expect(offer.goal_pull).toBe(goal);
    await t.settle();
    expect(await jobs()).toEqual(['001 succeeded', '002 queued']);
    await runner.run({ output: ['3 passed'] });
    await t.settle();

    expect(await goalRow()).toMatchObject({ state: 'reached' });
    const final = await t.marked(issue, 'final');
    expect(final.map(({ body }) => body)).toEqual([
      expect.stringContaining("**✅ Reached.** The goal's definition of done holds"),
    ]);
    const [status, ...more] = await t.marked(issue, 'status');
    expect(more).toEqual([]);
    expect(status?.body).toContain('✅ reached');
    expect(status?.body).toMatch(/\| 1 \| .*succeeded \| .* \| not yet \(DoD does not hold\) \|/);
    expect(status?.body).toMatch(/\| 2 \| .*succeeded \| .* \| reached: its definition of done holds \|/);
    const state = JSON.parse((await t.github.read.file(`reports/goals/${id}.json`)) ?? '{}');
    expect(state).toMatchObject({
      state: 'reached',
      steps: [{}, { verdict: { by: 'dod', kind: 'reached' } }],
    });
    expect(t.model?.requests).toHaveLength(1);
    await workAt(t, `costs:${t.github.repository().id}`, Date.now() + 86_400_000);
    const costs = (await t.github.read.tree()).filter((path) => /^reports\/costs\/.*\.md$/.test(path));
    const texts = await Promise.all(costs.map((path) => t.github.read.file(path)));
    // Two jobs, both well, and one call of the model, which is the goal's and no job's.
    expect(texts.join()).toMatch(new RegExp(`\\| goal .*\\n.*\\n\\| \`${id}\` \\| 2 \\| 2 \\|`));
    expect(t.log).toEqual([]);
  });

  it('waits for a person with a job outside the envelope, and goes on once that is approved', async () => {
    await start({ model: { otherwise: next({ script: [{ run: 'git push', why: 'so' }] }) } });
    const { issue } = await approvedGoal();
    const runner = await t.runner();
    await runner.run({ output: ['no result here'] });
    await t.settle();
    expect(await jobs()).toEqual(['001 succeeded', '002 proposed']);
    const [question] = await t.marked(issue, 'question');
    expect(question?.body).toContain('`git push`, which `envelope.commands` does not name');
    const pull = (await t.github.read.pulls()).find(({ state }) => state === 'open');
    expect(pull?.body).toContain('It leaves the envelope, so it waits for you');

    // Waiting for a person sends one reminder and never ends a goal, whatever its time.
    const later = Date.now() + 48 * 3_600_000;
    const key = `goal:${t.github.repository().id}:${(await goalRow()).id}`;
    for (const now of [later, later + 86_400_000]) expect(await workAt(t, key, now)).toBe('done');
    expect(await t.marked(issue, 'reminder')).toHaveLength(1);
    expect(await goalRow()).toMatchObject({ state: 'waiting' });
    await t.github.as('writer').comment(issue, '/status');
    await t.settle();
    expect((await t.marked(issue, 'reply'))[0]?.body).toMatch(
      /\| goal \| .*\n.*\n.*waiting for a person \| 2\/5 \|/,
    );

    await t.github.as('writer').comment(pull?.number ?? 0, '/approve');
    await t.settle();
    expect(await jobs()).toEqual(['001 succeeded', '002 queued']);
    await runner.run({ output: ['3 passed'] });
    await t.settle();
    expect(await goalRow()).toMatchObject({ state: 'reached' });
  });

  it('asks what follows when somebody closes its job, and goes on by /retry', async () => {
    const outside = step({ script: [{ run: 'git push', why: 'so' }] });
    await start();
    t.model?.next({ text: { result: { kind: 'next', why: 'so', job: outside } } });
    const { issue } = await approvedGoal();
    await (await t.runner()).run({ output: ['no result here'] });
    await t.settle();
    const pull = (await t.github.read.pulls()).find(({ state }) => state === 'open');
    await t.github.as('writer').close(pull?.number ?? 0);
    await t.settle();
    expect((await t.marked(issue, 'question')).at(-1)?.body).toContain('was closed without merging');
    await t.github.as('writer').comment(issue, '/retry');
    await t.settle();
    expect(await jobs()).toEqual(['001 succeeded', '002 rejected', '003 queued']);
  });

  it('is kept apart from another on the same thing, and names the holder', async () => {
    await start();
    const apart = fence({ first_job: { ...FIRST, concurrency: 'gke' } });
    await approvedGoal(apart);
    const [first] = await t.app().store.db.selectFrom('goals').selectAll().execute();
    const issue = await ask(t, apart);
    const pull = await pullOf(t, issue);
    await t.github.as('writer').comment(pull.number, '/approve');
    await t.settle();
    const runner = await t.runner();
    const offer = await runner.acquire(5);
    if (!offer) return expect.fail('no job');
    await runner.start(offer);
    await t.settle();
    expect(await (await t.runner('other')).acquire(0)).toBeNull();
    const key = `status:${(await t.app().store.db.selectFrom('goals').selectAll().where('thread', '=', issue).executeTakeFirstOrThrow()).ask_key}`;
    await workAt(t, key, Date.now() + 10_000);
    const [status] = await t.marked(issue, 'status');
    expect(status?.body).toContain(
      `waits for \`${offer.job_id}\` of the goal \`${first?.id}\`, which works on \`gke\``,
    );
  });

  it('stops by itself when the same failure comes twice', async () => {
    await start();
    const { issue } = await approvedGoal();
    const runner = await t.runner();
    const boom = { exit_code: 1, output: ['boom after 0.3s'] };
    await runner.run(boom);
    await t.settle();
    await runner.run({ ...boom, output: ['boom after 1.7s'] });
    await t.settle();
    expect(await goalRow()).toMatchObject({ state: 'stopped' });
    const [final, ...more] = await t.marked(issue, 'final');
    expect(final?.body).toContain('the same failure came twice');
    expect(more).toEqual([]);
    expect(t.model?.requests).toHaveLength(1);
  });

  it('asks, takes an answer by /retry, and labels what only the model says', async () => {
    await start({ model: { otherwise: { text: { result: { kind: 'stuck', question: 'Which tests?' } } } } });
    const { issue } = await approvedGoal(fence({ dod: 'report.passed == true' }));
    await (await t.runner()).run();
    await t.settle();
    expect((await t.marked(issue, 'question')).map(({ body }) => body)).toEqual([
      expect.stringContaining('> Which tests?'),
    ]);
    await t.github.as('writer').comment(issue, 'All of tests/smoke.');
    const path = 'reports/jobs/2001-01-01-001.json';
    const reached = (evidence: string) => ({
      text: { result: { kind: 'reached', text: 'They pass.', evidence: [evidence] } },
    });
    const [row] = await t.app().store.db.selectFrom('jobs').select('id').execute();
    t.model?.next(reached(path), reached(`reports/jobs/${row?.id}.json`));
    await t.github.as('writer').comment(issue, '/retry');
    await t.settle();
    expect(await goalRow()).toMatchObject({ state: 'reached' });
    expect(t.model?.requests.at(-1)?.input).toContain('All of tests/smoke.');
    expect(t.model?.requests.at(-1)?.input).toContain('`evidence` names');
    const [final] = await t.marked(issue, 'final');
    expect(final?.body).toContain("Reached, in the model's opinion");
    expect(final?.body).toContain('could not be evaluated');
    expect(final?.body).toContain(`reports/jobs/${row?.id}.json`);
  });

  it('is ended by /cancel, its running job too', async () => {
    await start();
    const { issue } = await approvedGoal();
    const runner = await t.runner();
    const offer = await runner.acquire(5);
    if (!offer) return expect.fail('no job');
    await runner.start(offer);
    await t.github.as('writer').comment(issue, '/cancel');
    await t.settle();
    expect(await runner.wait(offer, 1)).toMatchObject({ cancel: expect.anything() });
    await runner.finish(offer, { outcome: 'cancelled', exit_code: null, signal: 'SIGTERM' });
    await t.settle();
    expect(await goalRow()).toMatchObject({ state: 'cancelled' });
    expect(await jobs()).toEqual(['001 cancelled']);
    const final = await t.marked(issue, 'final');
    expect(final.map(({ body }) => body)).toEqual([expect.stringContaining('Goal cancelled** by `writer`')]);
  });

  it('goes on after the loss of the database from what is on record', async () => {
    await start();
    const { issue, id } = await approvedGoal();
    const runner = await t.runner();
    await runner.run({ output: ['no result here'] });
    await t.settle();
    expect(await jobs()).toEqual(['001 succeeded', '002 queued']);
    await t.restart(async (dataDir) => rm(dataDir, { recursive: true, force: true }));
    await t.github.as('octo').comment(issue, '/status');
    await t.settle();
    // What may have been started is not started again unasked.
    expect(await goalRow()).toMatchObject({ id, state: expect.stringMatching('running|waiting') });
    const lost = await t.app().store.db.selectFrom('jobs').selectAll().execute();
    const second = lost.find((row) => row.id.endsWith('002'));
    expect(second?.state).toBe('lost');
    await t.github.as('writer').comment(issue, `/retry ${second?.id}`);
    await t.settle();
    await (await t.runner('again')).run({ output: ['3 passed'] });
    await t.settle();
    expect(await goalRow()).toMatchObject({ state: 'reached' });
    expect(await t.marked(issue, 'status')).toHaveLength(1);
    expect(await t.marked(issue, 'final')).toHaveLength(1);
    expect(t.model?.requests).toHaveLength(1);
  });
});

describe('/goal', () => {
  it('merged by a bot waits for /retry by somebody who may', async () => {
    await start({ github: { users: [...DEFAULT_USERS, ...OTHER_ACTORS] } });
    const issue = await ask(t, fence());
    const pull = await pullOf(t, issue);
    await t.github.as('ci[bot]').merge(pull.number);
    await t.settle();
    expect([await jobs(), (await goalRow()).state]).toEqual([[], 'proposed']);
    await t.github.as('writer').comment(pull.number, '/retry');
    await t.settle();
    expect([await jobs(), (await goalRow()).state]).toEqual([['001 queued'], 'running']);
  });

  it('without a model says so clearly', async () => {
    t = await startTestApp();
    const issue = await ask(t, '/goal the tests pass');
    expect((await t.marked(issue, 'final')).map(({ body }) => body)).toEqual([
      expect.stringContaining('No model is configured here, so words cannot become a goal file'),
    ]);
  });

  it('in words becomes one PR with a goal file by the planner, in its language', async () => {
    const plan = {
      kind: 'goal',
      title: 'テストが通る',
      summary: 'まず実行します。',
      goal: 'スモークテストが通る。',
      dod: 'stdout.contains("passed")',
      envelope: {
        runners: ['devbox'],
        workdirs: null,
        kinds: ['run_shell'],
        commands: ['npm test'],
        effect: 'read',
        paths: [],
        timeout_minutes: 30,
        max_jobs: 5,
        max_usd: 1,
        max_hours: 24,
      },
      first_job: step(),
    };
    const narrow = { ...plan, envelope: { ...plan.envelope, commands: ['cat'] } };
    await start();
    t.model?.next({ text: { result: narrow } }, { text: { result: plan } });
    const issue = await ask(t, '/goal スモークテストが通るようにして');
    const pull = await pullOf(t, issue);
    expect((await goalRow()).id).toMatch(/^goal-c\d+$/);
    expect(await t.github.read.file(`jobs/goals/${(await goalRow()).id}.json`, pull.head.ref)).toContain(
      'passed',
    );
    expect(pull.body).toContain('承認する範囲');
    expect(t.model?.requests[1]?.input).toContain('first_job leaves the envelope');
    expect(await jobs()).toEqual([]);
  });

  it('written by hand: findings with their lines, and nothing runs before somebody who may approves', async () => {
    await start();
    const file = {
      id: 'by-hand',
      goal: 'It works.',
      envelope: { ...ENVELOPE, max_jobs: 9 },
      first_job: { ...FIRST, kind: 'run_shell', workdir: WORKDIR, dod: 'exit_code == 0', effect: 'read' },
    };
    const text = (value: object) => `${JSON.stringify(value, null, 2)}\n`;
    const path = 'jobs/goals/by-hand.json';
    const pull = await t.github.as('writer').openPull({ head: 'by-hand', files: { [path]: text(file) } });
    await t.settle();
    const validate = await check(t, pull.head.sha, 'validate');
    expect(validate?.conclusion).toBe('failure');
    expect(validate?.output.summary).toMatch(/by-hand.json.* line 16, .*at most 5 \(limits.jobs_per_goal\)/);
    await t.github.as('writer').push('by-hand', { [path]: text({ ...file, envelope: ENVELOPE }) });
    await t.settle();
    await t.github.as('writer').merge(pull.number);
    await t.settle();
    expect(await goalRow()).toMatchObject({ id: 'by-hand', state: 'running', thread: pull.number });
    expect(await jobs()).toEqual(['001 queued']);
    expect((await t.marked(pull.number, 'status'))[0]?.body).toContain('under way');
  });
});
