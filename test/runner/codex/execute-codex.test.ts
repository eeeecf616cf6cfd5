import { existsSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CodexJob } from '../../../src/job/job.ts';
import { eventsOf, outputsOf, renderLog } from '../../../src/job/report-format.ts';
import { type LogRecord, runResult } from '../../../src/job/run-result.ts';
import { type CodexOptions, executeCodex } from '../../../src/runner/codex/execute-codex.ts';
import type { Sandbox } from '../../../src/runner/sandbox/sandbox.ts';
import { taggedProcesses } from '../../../src/runner/tagged-processes.ts';
import { type Checkout, makeCheckout } from '../../support/checkout.ts';
import { fakeCodex } from '../../support/fake-codex.ts';

let folder: string;
let checkout: Checkout;
let number = 0;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'codex-')));
  checkout = makeCheckout(folder, {
    'README.md': '# hello\n',
    'src/a.ts': 'export const a = 1;\n',
    '.gitignore': 'build/\n',
  });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function run(prompt: string, change: Partial<CodexJob> = {}, options: Partial<CodexOptions> = {}) {
  number += 1;
  const runId = `codex-test-${process.pid}-${number}`;
  const job: CodexJob = {
    id: '2025-11-22-001',
    kind: 'codex',
    workdir: checkout.path,
    prompt,
    sandbox: 'workspace-write',
    dod: 'exit_code == 0',
    report_path: 'reports/jobs/2025-11-22-001.out',
    timeout_minutes: 30,
    idempotent: false,
    ...change,
  };
  const records: LogRecord[] = [];
  const result = await executeCodex(job, {
    runId,
    roots: [{ repository: null, path: folder }],
    repository: 'octo/loop',
    environment: { PATH: fakeCodex(folder), HOME: folder, GURUGURU_RUNNER_TOKEN: 'ggr_0123456789abcdef0123' },
    copies: join(folder, 'copies'),
    onRecord: (record) => records.push(record),
    ...options,
    timing: { graceMs: 300, ...options.timing },
  });
  // What is sent must be what the app takes.
  runResult.parse({ ...result, log_bytes: 0 });
  const notes = records.map((record) => (record.s === 'note' ? record.d : '')).join('\n');
  return { result, records, ...outputsOf(records), events: eventsOf(records), notes, runId };
}

describe('executeCodex', () => {
  it('works in a copy of the newest commit, brings the change back as a diff, and leaves the checkout alone', async () => {
    const newest = checkout.push({ 'src/a.ts': 'export const a = 2;\n' });
    writeFileSync(join(checkout.path, 'README.md'), 'a change of a person\n');
    const before = checkout.state();
    const ran = await run(
      'cat src/a.ts >&2; echo "export const a = 3;" > src/a.ts; echo x > new.txt; say done',
    );
    expect(ran.stderr).toBe('export const a = 2;\n');
    expect(ran.result).toMatchObject({
      outcome: 'exited',
      exit_code: 0,
      agent: {
        base: newest,
        files: ['new.txt', 'src/a.ts'],
        kept: null,
        message: 'done',
        usage: { input_tokens: 1200, cached_input_tokens: 200, output_tokens: 34 },
      },
      report: { message: 'done', files: ['new.txt', 'src/a.ts'] },
    });
    const diff = ran.result.agent?.diff ?? '';
    expect(diff).toContain('-export const a = 2;\n+export const a = 3;\n');
    expect(diff).toContain('new file mode 100644');
    expect(checkout.state()).toBe(before);
    expect(readdirSync(join(folder, 'copies'))).toEqual([]);
    checkout.git('stash', '--quiet');
    checkout.git('pull', '--quiet', '--ff-only');
  });

  it('starts in the place of the workdir, with the words of the job and nothing of the runner', async () => {
    const ran = await run(
      'pwd >&2; echo "$ARGUMENTS" >&2; env >&2',
      { workdir: join(checkout.path, 'src'), model: 'gpt-x', network: 'on', env: { COLOR: 'red' } },
      { codexConfig: ['model_provider="proxy"'] },
    );
    expect(ran.stderr).toMatch(/^\S+\/copies\/\S+\/work\/src\n/);
    expect(ran.stderr).toContain(
      'exec --json --ephemeral --ignore-user-config --ignore-rules --color never --cd',
    );
    expect(ran.stderr).toContain('--sandbox workspace-write --model gpt-x');
    expect(ran.stderr).toContain('--config model_provider="proxy" ');
    expect(ran.stderr).toContain('--config sandbox_workspace_write.network_access=true ');
    expect(ran.stderr).toContain('COLOR=red');
    expect(ran.stderr).not.toContain('RUNNER_TOKEN');
  });

  it('tells events in readable lines and keeps them as they came', async () => {
    const ran = await run(
      [
        `event '{"type":"item.started","item":{"id":"1","type":"command_execution","command":"ls src"}}'`,
        `event '{"type":"item.completed","item":{"id":"1","type":"command_execution","command":"ls src","aggregated_output":"a.ts\\n","exit_code":2}}'`,
        `event '{"type":"item.completed","item":{"id":"2","type":"file_change","changes":[{"path":"a","kind":"update"}]}}'`,
        `event '{"type":"item.completed","item":{"id":"3","type":"of_tomorrow"}}'`,
        'event "no JSON"',
        'say first; say last',
        'exit 3',
      ].join('\n'),
    );
    expect(ran.stdout).toBe('$ ls src\n  a.ts\n  = 2\nupdate: a\n(of_tomorrow)\nno JSON\nfirst\nlast\n');
    expect(ran.result).toMatchObject({
      exit_code: 3,
      agent: { message: 'last', usage: null, diff: '', files: [] },
    });
    const events = ran.events.trimEnd().split('\n');
    expect(events).toHaveLength(9);
    expect(JSON.parse(events[2] ?? '')).toMatchObject({ type: 'item.started', item: { command: 'ls src' } });
    expect(renderLog(ran.records)).toContain('  | $ ls src\n  |   a.ts\n  |   = 2\n');
    expect(renderLog(ran.records)).not.toContain('thread.started');
  });

  it('tells a turn that failed', async () => {
    const ran = await run(`event '{"type":"turn.failed","error":{"message":"no such model"}}'; exit 1`);
    expect(ran.stderr).toBe('no such model\n');
    expect(ran.result).toMatchObject({
      outcome: 'exited',
      exit_code: 1,
      agent: { message: null, usage: null },
    });
  });

  it('shows no secret: not in lines, events, message or diff', async () => {
    const secret = 'correct-horse-battery';
    const environment = { PATH: fakeCodex(folder), HOME: folder, DEPLOY_TOKEN: secret };
    const ran = await run(
      'say "it is $DEPLOY_TOKEN"; echo "$DEPLOY_TOKEN" >&2; echo "$DEPLOY_TOKEN" > leak.txt',
      { secrets: ['DEPLOY_TOKEN'] },
      { environment },
    );
    expect(JSON.stringify([ran.records, ran.result])).not.toContain(secret);
    expect(ran.result.agent).toMatchObject({ diff: '', files: ['leak.txt'], kept: { code: 'secret' } });
    expect(ran.events).toContain('it is ***');
  });

  it('obeys nothing that the agent left in its copy', async () => {
    const trap = join(folder, 'trapped');
    const ran = await run(
      [
        `printf '#!/bin/sh\\ntouch ${trap}\\n' > .git/trap; chmod +x .git/trap`,
        'for name in core.fsmonitor diff.external filter.x.clean filter.x.smudge core.pager; do git config $name "$PWD/.git/trap"; done',
        'mkdir -p .git/hooks; for hook in pre-commit post-index-change; do cp .git/trap .git/hooks/$hook; done',
        'echo "* filter=x diff=x" > .gitattributes',
        'git -c user.name=a -c user.email=a@b -c core.fsmonitor=false -c core.hooksPath= commit -q --allow-empty -m mine; git branch theirs',
        `rm -f ${trap}; mkdir build; echo out > build/out`,
      ].join('\n'),
    );
    expect(ran.result.agent).toMatchObject({ files: ['.gitattributes'], kept: null });
    expect(existsSync(trap)).toBe(false);
    expect(checkout.git('branch', '--all')).not.toContain('theirs');
  });

  it.each([
    ['its repository', 'rm -rf .git; echo x > new.txt', { files: ['new.txt'], kept: null }],
    ['its copy', 'cd ..; rm -rf work; ln -s /etc work', { files: [], kept: { code: 'unreadable' } }],
    [
      'a change that is too large',
      'head -c 700000 /dev/zero | tr "\\0" "x" > big.txt',
      { kept: { code: 'too_large' } },
    ],
  ])('is honest where the agent made away with %s', async (_, prompt, agent) => {
    const before = checkout.state();
    const ran = await run(prompt);
    expect(ran.result).toMatchObject({
      outcome: 'exited',
      exit_code: 0,
      agent: { diff: expect.any(String), ...agent },
    });
    expect(checkout.state()).toBe(before);
  });

  it('ends with all its children at the time limit, and tells what was done until then', async () => {
    const ran = await run(
      'echo half > new.txt; setsid sleep 60 & sleep 60',
      {},
      { timing: { timeoutMs: 400, graceMs: 200 } },
    );
    expect(ran.result).toMatchObject({ outcome: 'timeout', agent: { files: ['new.txt'] } });
    expect(await taggedProcesses(ran.runId)).toEqual([]);
  });

  it('ends when it is cancelled, also if it will not hear', async () => {
    const cancel = new AbortController();
    const ran = run(
      `trap '' TERM; event '{"type":"error","message":"deaf"}'; sleep 60 & wait; sleep 60`,
      {},
      {
        signal: cancel.signal,
        onRecord: (record) => {
          if (record.s === 'err') cancel.abort('cancelled by /cancel');
        },
      },
    );
    expect((await ran).result).toMatchObject({ outcome: 'cancelled', message: 'cancelled by /cancel' });
    expect(await taggedProcesses((await ran).runId)).toEqual([]);
  });

  it('says on which commit it stands where the remote cannot be asked', async () => {
    const known = checkout.git('rev-parse', 'HEAD');
    rmSync(checkout.remote, { recursive: true });
    const ran = await run('say hello');
    expect(ran.result.agent?.base).toBe(known);
    expect(ran.notes).toContain(`the remote origin could not be asked; the agent works on ${known}`);
  });

  const SANDBOX: Sandbox = { kind: 'bwrap', read: [], network: 'on', hide: [] };
  it.each<[string, Partial<CodexJob>, Partial<CodexOptions>, string]>([
    ['no checkout', { workdir: tmpdir() }, { roots: 'anything' }, 'is no git checkout'],
    ['a runner with a sandbox', {}, { sandbox: SANDBOX }, '--sandbox'],
    ['a secret that is not there', { secrets: ['NOPE'] }, {}, 'secrets: this runner has no NOPE'],
  ])('is refused with %s', async (_, change, options, message) => {
    const { result } = await run('say hello', change, options);
    expect(result).toMatchObject({ outcome: 'refused', message: expect.stringContaining(message) });
    expect(result.agent).toBeUndefined();
  });

  it('says what to install where there is no codex', async () => {
    const { result } = await run('say hello', {}, { environment: { PATH: '/usr/bin:/bin', HOME: folder } });
    expect(result).toMatchObject({
      outcome: 'runner_error',
      message: expect.stringContaining('Install the Codex CLI'),
    });
    expect(readdirSync(join(folder, 'copies'))).toEqual([]);
  });
});
