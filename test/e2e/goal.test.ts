import { afterEach, describe, expect, it } from 'vitest';
import { startTestApp, type TestApp, type TestAppOptions, WORKDIR } from '../support/app.ts';
import { ask, merged, pullOf } from '../support/app-steps.ts';
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
    await runner.run({ output: ['no result here'] });
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
});
