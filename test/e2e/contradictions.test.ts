import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTestApp, type TestApp } from '../support/app.ts';
import { ask, pullOf } from '../support/app-steps.ts';
import { loseData } from '../support/lose-data.ts';
import type { ModelReply, ModelRequest } from '../support/model.ts';
import { jobAnswer } from '../support/model-replies.ts';

const STATE = '# STATE\n\n- the smoke tests are green\n- the cluster is small\n';
const RED = '- the smoke tests are red';

let t: TestApp;
let plan: Parameters<typeof jobAnswer>[0];
let reading: object;
let asked: ModelRequest[];
beforeAll(async () => {
  t = await startTestApp({
    ingress: 'webhook',
    worker: { backoff: () => 1 },
    model: {
      otherwise: (request): ModelReply => {
        if (!request.instructions.includes('You compare one file')) return { text: jobAnswer(plan) };
        asked.push(request);
        return { text: { result: reading } };
      },
    },
  });
  await t.github.as('octo').push('main', { 'STATE.md': STATE, 'docs/a.md': '- a\n' }, 'Say how things are');
});
afterAll(async () => {
  expect(t.github.contractViolations).toEqual([]);
  await t.close();
});
beforeEach(() => {
  asked = [];
  reading = { kind: 'contradicts', line: 3, replacement: RED, why: 'The tests failed, @octo.' };
});

/** One job, planned to serve a file, that ends red. */
async function report(script: string, path = 'STATE.md'): Promise<void> {
  plan = { script: [script], serves: [{ path, passage: 'smoke' }] };
  const pull = await pullOf(t, await ask(t, '/ask are the smoke tests green?'));
  await t.github.as('octo').review(pull.number, { event: 'APPROVE' });
  await t.settle();
  await (await t.runner()).run({ exit_code: 1, output: ['FAILED smoke'] });
  await t.settle();
}

const corrections = async () =>
  (await t.github.read.pulls('all')).filter(({ head }) => head.ref.startsWith('guruguru/state-'));

describe('a result that contradicts a line of STATE', () => {
  it('becomes one pull request with the smallest edit, which says whose reading it is and on what evidence', async () => {
    await report('pytest tests/smoke');
    expect(asked).toHaveLength(1);
    expect(asked[0]?.input).toContain('FAILED smoke');
    const [pull, ...more] = await corrections();
    expect(more).toEqual([]);
    expect(await t.github.read.file('STATE.md', pull?.head.ref)).toBe(STATE.replace(/- the smoke.*/, RED));
    expect(await t.github.read.file('STATE.md')).toBe(STATE);
    expect(pull?.body).toContain("A model's reading, not a finding");
    expect(pull?.body).toContain('> - the smoke tests are green');
    expect(pull?.body).toMatch(/\/blob\/[0-9a-f]{40}\/reports\/jobs\/\d{4}-\d\d-\d\d-\d{3}\.out\)/);
    expect(pull?.body).not.toContain('@octo');
  });

  it('counts the call to the job in the ledger', async () => {
    const calls = await t.app().store.db.selectFrom('model_calls').selectAll().execute();
    expect(calls.map(({ outcome }) => outcome)).toEqual(['ok', 'ok']);
    expect(new Set(calls.map(({ ask_key }) => ask_key)).size).toBe(1);
  });

  it('is not asked about, or told, again by the same job', async () => {
    await report('pytest tests/smoke');
    expect(asked).toEqual([]);
    expect(await corrections()).toHaveLength(1);
  });

  it('has no second pull request while one about that line is open', async () => {
    await report('pytest tests/smoke -v');
    expect(asked).toHaveLength(1);
    expect(await corrections()).toHaveLength(1);
  });

  it('stays closed once a person has closed it, also after the loss of the database', async () => {
    const [pull] = await corrections();
    await t.github.as('octo').close(pull?.number ?? 0);
    await loseData(t);
    await t.reconcile();
    await report('pytest tests/smoke');
    expect(asked).toHaveLength(1);
    expect(await corrections()).toHaveLength(1);
  });

  it.each([
    ['/git/refs', 'before'],
    ['/git/refs', 'landed'],
    ['/pulls', 'before'],
    ['/pulls', 'landed'],
  ] as const)('is told once when the app dies at POST %s: %s', async (path, when) => {
    const count = (await corrections()).length;
    reading = { kind: 'contradicts', line: 4, replacement: `- the cluster is large ${count}`, why: 'It is.' };
    for (const open of await corrections())
      await t.github
        .as('octo')
        .close(open.number)
        .catch(() => {});
    let died = 0;
    t.github.faults.decide((x) => {
      const hit = x.method === 'POST' && x.path.endsWith(path) && asked.length > 0 && died === 0;
      if (!hit) return undefined;
      died += 1;
      const die = async () => Promise.reject(new Error('killed'));
      return { match: () => true, ...(when === 'before' ? { before: die } : { landed: die }) };
    });
    await report(`kubectl get nodes # ${path} ${when}`);
    t.github.faults.decide(undefined);
    expect(died).toBe(1);
    expect(await corrections()).toHaveLength(count + 1);
  });
});

describe('nothing happens', () => {
  it.each<[string, object]>([
    ['when the model sees no contradiction', { kind: 'agrees' }],
    ['with an answer that cannot be used', { kind: 'contradicts', line: 99, replacement: 'x', why: 'y' }],
  ])('%s', async (name, answer) => {
    const before = (await corrections()).length;
    reading = answer;
    await report(`true # ${name}`);
    expect(asked).toHaveLength(1);
    expect(await corrections()).toHaveLength(before);
  });

  it('with a file that is neither STATE nor docs', async () => {
    await report('true # settings', '.github/guruguru.yml');
    expect(asked).toEqual([]);
  });
});
