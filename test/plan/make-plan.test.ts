import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_SETTINGS, type Settings } from '../../src/job/settings.ts';
import { createModel } from '../../src/llm/client.ts';
import { ModelError } from '../../src/llm/model-error.ts';
import { type ModelCall, makePlan, type PlanResult } from '../../src/plan/make-plan.ts';
import { loadPrompts, type Prompts } from '../../src/plan/prompts.ts';
import { validatePlan } from '../../src/plan/validate-plan.ts';
import { type ModelReply, type ModelServer, startModel } from '../support/model.ts';
import { jobAnswer } from '../support/model-replies.ts';

const COMMIT = 'a'.repeat(40);
const settings: Settings = { ...DEFAULT_SETTINGS, defaults: { workdir: '/workspace/app' } };
const known = { commit: COMMIT, paths: new Set(['STATE.md']) };

let server: ModelServer;
let prompts: Prompts;
let calls: ModelCall[] = [];
beforeAll(async () => {
  server = await startModel();
  prompts = await loadPrompts();
});
afterAll(() => server.close());
beforeEach(() => {
  calls = [];
  server.requests.length = 0;
});

function plan(replies: ModelReply[], timeoutMs = 10_000): Promise<PlanResult> {
  server.next(...replies);
  return makePlan({
    model: createModel({ apiKey: 'sk-test', baseURL: server.url, model: 'gpt-5', timeoutMs }),
    prompts,
    input: [{ role: 'user', text: 'say hello' }],
    commit: COMMIT,
    validate: (made) => validatePlan(made, settings, known),
    signal: new AbortController().signal,
    onStart: () => undefined,
    onCall: (call) => {
      calls.push(call);
    },
    maxOutputTokens: 1000,
  });
}

const good: ModelReply = { text: jobAnswer() };
const job = (fields: Parameters<typeof jobAnswer>[0]): ModelReply => ({ text: jobAnswer(fields) });
const extra = (fields: object): ModelReply => {
  const { result } = jobAnswer();
  return { text: { result: { ...result, ...fields } } };
};

describe('makePlan', () => {
  it('makes a brief for an agent', async () => {
    const { result } = jobAnswer();
    if (result.kind !== 'job') throw new Error('no job');
    const { script: _, ...shared } = result;
    const brief = { ...shared, kind: 'codex' as const, prompt: 'Mend foo.', sandbox: null };
    expect(await plan([{ text: { result: brief } }])).toMatchObject({
      ok: true,
      plan: { kind: 'job', job: { kind: 'codex', prompt: 'Mend foo.', dod: 'exit_code == 0' } },
    });
  });

  it('makes a job with its record from one call', async () => {
    const result = await plan([job({ serves: [{ path: 'STATE.md', passage: 'Goal' }], runs_on: ['linux'] })]);
    expect(result).toMatchObject({
      ok: true,
      plan: {
        kind: 'job',
        title: 'Say hello',
        serves: [{ path: 'STATE.md', commit: COMMIT, passage: 'Goal' }],
        job: {
          script: ['echo hello'],
          why: ['needed: echo hello'],
          serves: [`STATE.md@${COMMIT}`],
          runs_on: ['linux'],
        },
      },
      usage: { input: 1200, output: 340, calls: 1 },
      model: 'gpt-5',
      promptDigest: prompts.digest,
      raw: expect.stringContaining('"Say hello"'),
    });
    expect(calls).toEqual([
      { model: 'gpt-5', number: 1, usage: { input: 1200, output: 340 }, outcome: 'ok' },
    ]);
    expect(server.requests[0]?.instructions).toBe(prompts.plan);
  });

  it.each([
    { kind: 'answer', text: 'It is 42.' },
    { kind: 'question', text: 'Which cluster?' },
    { kind: 'refusal', reason: 'It would delete the backups.' },
  ])('passes on $kind', async (result) => {
    expect(await plan([{ text: { result } }])).toMatchObject({ ok: true, plan: result });
  });

  it.each<[string, ModelReply, string, string]>([
    ['text that is not JSON', { text: 'Sure! Here it is' }, 'not_json', 'not JSON'],
    ['nothing', { empty: true }, 'empty', 'empty'],
    ['a cut', { cutShort: '{"result"' }, 'cut_short', 'token limit'],
    ['another schema', { text: { plan: 'x' } }, 'wrong_schema', 'result'],
    ['an unknown kind', { text: { result: { kind: 'poem' } } }, 'wrong_schema', 'result.kind'],
    ['a report_path', extra({ report_path: '../../etc/x' }), 'wrong_schema', 'report_path'],
    ['no script', job({ script: [] }), 'invalid', '`script`'],
    ['a DoD that is not CEL', job({ dod: 'exit code is zero' }), 'invalid', '`dod`'],
    ['a DoD over unknown facts', job({ dod: 'exitcode == 0' }), 'invalid', '`dod`'],
    ['a pattern that RE2 has not', job({ dod: 'stdout.matches("(?=a)b")' }), 'invalid', '`dod`'],
    ['a relative workdir', job({ workdir: 'app' }), 'invalid', '`workdir`'],
    ['an invisible character', job({ script: ['echo a\u202Eb'] }), 'invalid', 'invisible'],
    ['a timeout of days', job({ timeout_minutes: 9000 }), 'invalid', '`timeout_minutes`'],
    ['half a minute', job({ timeout_minutes: 0.5 }), 'invalid', '`timeout_minutes`'],
    ['a file that is not there', job({ serves: [{ path: 'GOAL.md', passage: null }] }), 'invalid', 'GOAL.md'],
    [
      'one variable twice',
      job({
        env: [
          { name: 'A', value: '1' },
          { name: 'A', value: '2' },
        ],
      }),
      'wrong_schema',
      'env',
    ],
    ['an empty answer', { text: { result: { kind: 'answer', text: ' ' } } }, 'invalid', '`text`'],
  ])('sends %s back with its error', async (_, bad, outcome, error) => {
    const result = await plan([bad, good]);
    expect(result).toMatchObject({ ok: true, usage: { input: 2400, output: 680, calls: 2 } });
    expect(calls.map((call) => call.outcome)).toEqual([outcome, 'ok']);
    const repair = server.requests[1]?.input ?? '';
    expect(repair).toContain('say hello');
    expect(repair).toContain('cannot be used');
    expect(repair).toContain(error);
    expect(repair).not.toContain('{{errors}}');
  });

  it('shows the model its own invalid answer', async () => {
    await plan([{ text: 'Sure! Here it is' }, good]);
    expect(server.requests[1]?.body.input).toMatchObject([
      { role: 'user', content: 'say hello' },
      { role: 'assistant', content: 'Sure! Here it is' },
      { role: 'user' },
    ]);
  });

  it('gives more room after a cut', async () => {
    await plan([{ cutShort: '{' }, good]);
    expect(server.requests.map((request) => request.body.max_output_tokens)).toEqual([1000, 2000]);
  });

  it('sends back at most twice, then says what was wrong', async () => {
    const bad = job({ dod: '???' });
    const result = await plan([{ text: 'no' }, bad, bad]);
    expect(result).toMatchObject({ ok: false, failed: 'invalid_output', usage: { calls: 3 } });
    expect(result.ok ? [] : result.errors).toEqual([expect.stringContaining('`dod`')]);
    expect(calls.map((call) => call.number)).toEqual([1, 2, 3]);
    expect(server.requests.length).toBe(3);
  });

  it('says when the last answer was cut short', async () => {
    const cut = { cutShort: '{' };
    expect(await plan([cut, cut, cut])).toMatchObject({ ok: false, failed: 'cut_short' });
  });

  it('does not argue with a refusal of the model', async () => {
    const result = await plan([{ refusal: 'I cannot help with that.' }]);
    expect(result).toMatchObject({
      ok: false,
      failed: 'refused_by_model',
      errors: ['I cannot help with that.'],
    });
    expect(server.requests.length).toBe(1);
  });

  it.each<[string, ModelReply, ModelError['kind']]>([
    ['429', { status: 429, headers: { 'retry-after': '3' } }, 'rate_limited'],
    ['500', { status: 500 }, 'unavailable'],
    ['no answer', { hang: true }, 'timeout'],
  ])('leaves %s to the work item', async (_, reply, kind) => {
    const error = await plan([reply], 200).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ModelError);
    expect(error).toMatchObject({ kind, passing: true });
    expect(calls).toEqual([]);
  });

  it('is not held up by a pattern that would backtrack for ever', async () => {
    const started = performance.now();
    expect(await plan([job({ dod: 'stdout.matches("(a+)+$")' })])).toMatchObject({ ok: true });
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it('keeps text with dollar signs in errors as it is', async () => {
    await plan([job({ serves: [{ path: "$&$'", passage: null }] }), good]);
    expect(server.requests[1]?.input).toContain('is "$&$\'": the repository has no such file');
  });
});
