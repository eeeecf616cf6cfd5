import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { runnerEnvironment } from '../../src/config.ts';

const file = fileURLToPath(new URL('../../deploy/github-actions/guruguru.yml', import.meta.url));
const step = z.looseObject({ env: z.record(z.string(), z.unknown()).optional(), run: z.string().optional() });
const job = z.looseObject({
  needs: z.string().optional(),
  if: z.string(),
  'runs-on': z.string(),
  permissions: z.record(z.string(), z.string()).optional(),
  steps: z.array(step),
});
const workflow = z
  .looseObject({
    on: z.strictObject({ push: z.strictObject({ paths: z.array(z.string()) }) }),
    permissions: z.record(z.string(), z.string()),
    jobs: z.strictObject({ look: job, run: job }),
  })
  .parse(parseDocument(readFileSync(file, 'utf8')).toJS());
const { look, run } = workflow.jobs;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'actions-'));
  mkdirSync(join(folder, 'jobs/queue'), { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const jq = spawnSync('jq', ['--version']).status === 0;
const why = jq ? '' : ' (passed over: jq is not installed)';
if (!jq) console.warn(`the workflow's condition is not tried${why}`);

/** What the step `look` says to a queue of these files. */
function wanted(label: string, ...files: unknown[]): string {
  for (const [index, content] of files.entries()) {
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    writeFileSync(join(folder, `jobs/queue/2025-11-22-00${index + 1}.json`), text);
  }
  const output = join(folder, 'output');
  writeFileSync(output, '');
  // As GitHub runs a step.
  const script = look.steps.find((one) => one.run !== undefined)?.run ?? '';
  const ran = spawnSync('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', script], {
    cwd: folder,
    env: { PATH: process.env.PATH, LABEL: label, GITHUB_OUTPUT: output },
    encoding: 'utf8',
  });
  expect(ran.status, ran.stderr).toBe(0);
  return readFileSync(output, 'utf8').trim();
}

describe('deploy/github-actions', () => {
  it('looks only when the queue of the default branch changes, on another machine than the scale set', () => {
    expect(workflow.on).toEqual({ push: { paths: ['jobs/queue/**'] } });
    expect(look.if).toBe('github.ref_name == github.event.repository.default_branch');
    expect(look['runs-on']).toBe('ubuntu-latest');
  });

  it('wakes the scale set only for what the look has counted, and only that job may write', () => {
    expect(run).toMatchObject({ needs: 'look', if: "needs.look.outputs.wanted != '0'" });
    expect(run['runs-on']).toMatch(/^\$\{\{ vars\.GURUGURU_LABEL \}\}$/);
    expect(workflow.permissions).toEqual({ contents: 'read' });
    expect(look.permissions).toBeUndefined();
    expect(run.permissions).toEqual({ contents: 'write' });
  });

  it.skipIf(!jq).each([
    ['nothing in the queue', [], 0],
    ['a job for the devbox', [{ runs_on: ['devbox'] }], 0],
    ['a job for any runner', [{ id: '2025-11-22-001' }], 0],
    ['a label that only looks like it', [{ runs_on: ['arc-2', 'xarc'] }], 0],
    ['the label where no label stands', [{ title: 'arc', runs_on: 'arc', requires: ['arc'] }], 0],
    ['no JSON', ['{ "runs_on": ["arc"'], 0],
    ['a job that asks for it', [{ runs_on: ['arc'] }], 1],
    ['it as a second wish, beside others', [{ runs_on: ['devbox'] }, { runs_on: ['gke', 'arc'] }, '[]'], 1],
    ['two jobs', [{ runs_on: ['arc'] }, { runs_on: ['arc', 'devbox'] }], 2],
  ])(`counts %s${why}`, (_name, files, count) => {
    expect(wanted('arc', ...files)).toBe(`wanted=${count}`);
  });

  it('names only settings a runner knows, and commands there are', () => {
    const last = run.steps.at(-1);
    const names = Object.keys(last?.env ?? {}).filter((name) => name.startsWith('GURUGURU_'));
    for (const name of names) expect(Object.keys(runnerEnvironment.shape)).toContain(name);
    expect(last?.run).toContain('runner --git . --once');
    expect(last?.run).toContain('runner --once');
    // What a person or a job wrote is never part of a script's text.
    for (const one of [...look.steps, ...run.steps]) expect(one.run ?? '').not.toMatch(/\$\{\{/);
  });
});
