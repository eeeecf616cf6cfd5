import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CodexJob } from '../../../src/job/job.ts';
import { eventsOf, outputsOf } from '../../../src/job/report-format.ts';
import type { LogRecord } from '../../../src/job/run-result.ts';
import { type CodexOptions, executeCodex } from '../../../src/runner/codex/execute-codex.ts';
import { probeCodex } from '../../../src/runner/codex/probe-codex.ts';
import { taggedProcesses } from '../../../src/runner/tagged-processes.ts';
import { type Checkout, makeCheckout } from '../../support/checkout.ts';
import {
  CACHE,
  type CodexModel,
  installCodex,
  startCodexModel,
  startSilentModel,
} from '../../support/real-codex.ts';

const bin = installCodex();
let folder: string;
let checkout: Checkout;
let model: CodexModel | undefined;
let number = 0;
beforeEach(() => {
  mkdirSync(CACHE, { recursive: true });
  folder = mkdtempSync(join(CACHE, 'test-'));
  mkdirSync(join(folder, 'home'));
  checkout = makeCheckout(folder, { 'README.md': '# hello\n' });
});
afterEach(async () => {
  await model?.close();
  model = undefined;
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
});

const KEY = 'mock-key-of-the-model-endpoint';
async function run(made: CodexModel, change: Partial<CodexJob> = {}, options: Partial<CodexOptions> = {}) {
  model = made;
  number += 1;
  const runId = `real-codex-${process.pid}-${number}`;
  const records: LogRecord[] = [];
  const home = join(folder, 'home');
  const result = await executeCodex(
    {
      id: '2025-11-22-001',
      kind: 'codex',
      workdir: checkout.path,
      prompt: 'Do what the model says.',
      sandbox: 'danger-full-access',
      model: 'mock-model',
      dod: 'exit_code == 0',
      report_path: 'reports/jobs/2025-11-22-001.out',
      timeout_minutes: 1,
      idempotent: false,
      secrets: ['CODEX_API_KEY', 'DEPLOY_TOKEN'],
      ...change,
    },
    {
      runId,
      roots: [{ repository: null, path: folder }],
      repository: 'octo/loop',
      environment: {
        PATH: `${bin}:${process.env.PATH}`,
        HOME: home,
        CODEX_HOME: home,
        CODEX_API_KEY: KEY,
        DEPLOY_TOKEN: 'correct-horse-battery',
        GURUGURU_RUNNER_TOKEN: 'ggr_0123456789abcdef0123',
      },
      copies: join(folder, 'copies'),
      codexConfig: made.config,
      onRecord: (record) => records.push(record),
      ...options,
      timing: { graceMs: 1000, ...options.timing },
    },
  );
  return { result, records, ...outputsOf(records), events: eventsOf(records), runId };
}

describe.skipIf(bin === null)('the real Codex CLI', () => {
  it('is proved by its version', async () => {
    expect(await probeCodex({ PATH: `${bin}:${process.env.PATH}` })).toEqual({
      ok: true,
      version: expect.stringContaining('codex-cli'),
    });
    expect(await probeCodex({ PATH: join(folder, 'nothing') })).toEqual({ ok: false, why: null });
  });

  it('does a turn with a command: readable log, tokens, last words, the change as a diff', async () => {
    const before = checkout.state();
    const made = await startCodexModel([
      {
        run: 'echo more >> README.md; echo "secret: $DEPLOY_TOKEN, key: [$CODEX_API_KEY], runner: [$GURUGURU_RUNNER_TOKEN]"',
      },
      { say: 'I wrote a line.' },
    ]);
    const ran = await run(made);
    expect(ran.result).toMatchObject({
      outcome: 'exited',
      exit_code: 0,
      agent: {
        base: checkout.git('rev-parse', 'HEAD'),
        message: 'I wrote a line.',
        usage: { input_tokens: 200, output_tokens: 40 },
        files: ['README.md'],
        kept: null,
      },
    });
    expect(ran.result.agent?.diff).toContain('+more\n');
    expect(ran.stdout).toMatch(/\$ .*echo more >> README\.md/);
    // Hidden by its name in the runner's environment, and its own key is not for its commands.
    expect(ran.stdout).toContain('  secret: ***, key: [], runner: []\n');
    expect(ran.stdout).toContain('I wrote a line.\ntokens: 200 in, 40 out\n');
    expect(JSON.stringify([ran.records, ran.result])).not.toMatch(/correct-horse|mock-key/);
    for (const line of ran.events.trimEnd().split('\n')) expect(JSON.parse(line)).toHaveProperty('type');
    expect(checkout.state()).toBe(before);
    expect(readdirSync(join(folder, 'copies'))).toEqual([]);
  });

  it('cannot write outside its copy in workspace-write', async () => {
    const before = checkout.state();
    const outside = join(folder, 'outside.txt');
    const made = await startCodexModel([
      { run: `echo in > inside.txt; echo x > ${outside}; echo x > ${checkout.path}/README.md; echo tried` },
      { say: 'Done.' },
    ]);
    const ran = await run(made, { sandbox: 'workspace-write' });
    expect(ran.result).toMatchObject({ outcome: 'exited', exit_code: 0 });
    expect(existsSync(outside)).toBe(false);
    expect(checkout.state()).toBe(before);
    if (ran.stdout.includes('tried')) expect(ran.result.agent?.files).toEqual(['inside.txt']);
    else
      console.log(
        `Codex's own sandbox does not work on this machine, so its commands do not run: ${ran.stdout}`,
      );
  });

  it('is ended at the time limit when the model does not answer', async () => {
    const ran = await run(await startSilentModel(), {}, { timing: { timeoutMs: 2500 } });
    expect(ran.result).toMatchObject({ outcome: 'timeout', agent: { diff: '', message: null } });
    expect(await taggedProcesses(ran.runId)).toEqual([]);
  });

  it('is ended with its commands when it is cancelled', async () => {
    const cancel = new AbortController();
    const records: LogRecord[] = [];
    const made = await startCodexModel([{ run: 'sleep 300' }, { say: 'never' }]);
    const ran = await run(
      made,
      {},
      {
        signal: cancel.signal,
        onRecord: (record) => {
          records.push(record);
          if (record.s === 'out' && record.d.includes('sleep 300')) cancel.abort('cancelled by /cancel');
        },
      },
    );
    expect(ran.result).toMatchObject({ outcome: 'cancelled', message: 'cancelled by /cancel' });
    expect(await taggedProcesses(ran.runId)).toEqual([]);
  });

  it('that is killed is told as killed, with nothing of it left', async () => {
    const silent = await startSilentModel();
    const ran = await run(
      silent,
      {},
      {
        onStart: (pid) => void silent.asked.then(() => process.kill(-pid, 'SIGKILL')),
      },
    );
    expect(ran.result).toMatchObject({ outcome: 'exited', exit_code: null, signal: 'SIGKILL' });
    expect(await taggedProcesses(ran.runId)).toEqual([]);
  });
});
