import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { closeDod, judgeDod } from '../../src/job/dod.ts';
import { DEFAULT_SETTINGS } from '../../src/job/settings.ts';
import { createModel } from '../../src/llm/client.ts';
import { makePlan } from '../../src/plan/make-plan.ts';
import type { PlannedJob } from '../../src/plan/plan.ts';
import { loadPrompts } from '../../src/plan/prompts.ts';
import { validatePlan } from '../../src/plan/validate-plan.ts';
import { type ModelServer, startModel } from './model.ts';
import { recordedReplies, recordings } from './model-replies.ts';

let server: ModelServer;
let workspace = '';
beforeAll(async () => {
  server = await startModel({ replies: await recordedReplies() });
});
afterAll(async () => {
  await server.close();
  await closeDod();
});
beforeEach(async () => {
  workspace = await mkdtemp(join(tmpdir(), 'workspace-'));
  await writeFile(join(workspace, 'README.md'), '# Site\n\nA site.\n');
});
afterEach(() => rm(workspace, { recursive: true }));

/** The plan that the recorded answer to an ask becomes, shown a file STATE.md or not. */
async function planFor(ask: string, files: string[]): Promise<PlannedJob> {
  const commit = 'a'.repeat(40);
  const shown = files
    .map((path) => `BEGIN d kind=file label="${path}" permission=write\nx\nEND d\n`)
    .join('');
  const settings = { ...DEFAULT_SETTINGS, defaults: { workdir: workspace } };
  const result = await makePlan({
    model: createModel({ apiKey: 'sk-test', baseURL: server.url, model: 'gpt-5' }),
    prompts: await loadPrompts(),
    input: [{ role: 'user', text: `${shown}BEGIN d kind=ask label="x" permission=write\n${ask}\nEND d\n` }],
    commit,
    validate: (plan) => validatePlan(plan, settings, { commit, paths: new Set(files) }),
    signal: new AbortController().signal,
    onStart: () => undefined,
    onCall: () => undefined,
  });
  if (!result.ok || result.plan.kind !== 'job') throw new Error(JSON.stringify(result));
  expect(result.usage.calls).toBe(1);
  return result.plan;
}

/** What the job's script does in the workspace, and what its definition of done says of it. */
async function verdictOf({ job }: PlannedJob): Promise<[number | null, string]> {
  if (job.kind === 'codex') throw new Error('no script');
  const reportPath = join(workspace, 'report.json');
  const run = spawnSync('bash', ['-eo', 'pipefail', '-c', job.script.join('\n')], {
    cwd: workspace,
    env: { PATH: process.env.PATH, GURUGURU_REPORT: reportPath },
    encoding: 'utf8',
  });
  const report: unknown = JSON.parse(await readFile(reportPath, 'utf8'));
  const { stdout, stderr, status } = run;
  const facts = { exit_code: status, stdout, stderr, duration_seconds: 1, steps: [], report };
  return [status, (await judgeDod(job.dod ?? '', facts)).kind];
}

describe('recorded answers', () => {
  it('say how they came to be', async () => {
    for (const { source } of await recordings()) expect(source).not.toBe('');
  });

  it.each([
    ['readme-lines', 'met'],
    ['usage-section-ja', 'unmet'],
  ])('%s exits 0 with its definition of done %s', async (name, verdict) => {
    const recording = (await recordings()).find((it) => it.name === name);
    const plan = await planFor(recording?.ask ?? '', []);
    expect(await verdictOf(plan)).toEqual([0, verdict]);
  });

  it('serve a passage only where its file is', async () => {
    const ask = 'please check that the workspace has a README and count its lines';
    expect((await planFor(ask, [])).serves).toEqual([]);
    expect((await planFor(ask, ['STATE.md'])).serves).toMatchObject([{ path: 'STATE.md' }]);
  });
});

describe('startModel', () => {
  it('answers 404 where it has no answer', async () => {
    const request = {
      method: 'POST',
      headers: { authorization: 'Bearer k' },
      body: '{"model":"m","input":"x"}',
    };
    expect((await fetch(`${server.url}/responses`, request)).status).toBe(404);
    expect((await fetch(`${server.url}/chat/completions`, request)).status).toBe(404);
  });

  it('refuses a schema that strict mode refuses', async () => {
    const schema = { type: 'object', properties: { a: { type: 'string' } }, required: [] };
    const body = {
      model: 'm',
      input: 'x',
      text: { format: { type: 'json_schema', strict: true, name: 'n', schema } },
    };
    const answer = await fetch(`${server.url}/responses`, {
      method: 'POST',
      headers: { authorization: 'Bearer k' },
      body: JSON.stringify(body),
    });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain('additionalProperties');
  });
});
