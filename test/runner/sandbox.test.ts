import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ShellJob } from '../../src/job/job.ts';
import { outputsOf } from '../../src/job/render-log.ts';
import type { LogRecord } from '../../src/job/run-result.ts';
import { executeShell, type ShellOptions } from '../../src/runner/execute-shell.ts';
import { probeSandbox } from '../../src/runner/sandbox/probe-sandbox.ts';
import type { Sandbox } from '../../src/runner/sandbox/sandbox.ts';
import { sandboxProfile } from '../../src/runner/sandbox/sandbox-exec.ts';
import { taggedProcesses } from '../../src/runner/tagged-processes.ts';

const BWRAP: Sandbox = { kind: 'bwrap', read: [], network: 'on', hide: [] };
const ENVIRONMENT = { PATH: process.env.PATH, HOME: process.env.HOME };
const missing = await probeSandbox(BWRAP, ENVIRONMENT);
if (missing !== null) console.warn(`the tests with a real bwrap are skipped: ${missing}`);

let base: string;
let work: string;
let number = 0;
beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'sandbox-')));
  work = join(base, 'work');
  mkdirSync(work);
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

async function run(
  script: string[],
  sandbox: Partial<Sandbox> = {},
  change: Partial<ShellJob> = {},
  options: Partial<ShellOptions> = {},
) {
  number += 1;
  const runId = `sandbox-${process.pid}-${number}`;
  const records: LogRecord[] = [];
  const job: ShellJob = {
    id: '2025-11-22-001',
    kind: 'run_shell',
    workdir: work,
    script,
    dod: 'exit_code == 0',
    report_path: 'reports/jobs/2025-11-22-001.out',
    timeout_minutes: 30,
    idempotent: false,
    ...change,
  };
  const result = await executeShell(job, {
    runId,
    roots: [{ repository: null, path: base }],
    repository: 'octo/loop',
    environment: ENVIRONMENT,
    sandbox: { ...BWRAP, ...sandbox },
    onRecord: (record) => records.push(record),
    ...options,
    timing: { graceMs: 2000, ...options.timing },
  });
  const notes = records.map((record) => (record.s === 'note' ? record.d : '')).join('\n');
  return { result, records, ...outputsOf(records), notes, runId };
}

describe.skipIf(missing !== null)('a job in bwrap', () => {
  it('works in its workdir, with steps, report and a temporary folder of its own', async () => {
    const ran = await run([
      'echo one > file; cat file',
      'mktemp -d > name; touch "$(cat name)/x" "$TMPDIR/y"; echo "$TMPDIR"',
      'echo oops >&2',
      'echo \'{"rows": 3}\' > "$GURUGURU_REPORT"',
      'false',
    ]);
    expect(ran.result).toMatchObject({ outcome: 'exited', exit_code: 1, report: { rows: 3 } });
    expect(ran.result.steps.map((step) => step.exit_code)).toEqual([0, 0, 0, 0, 1]);
    expect(ran.stdout).toBe('one\n/tmp\n');
    expect(ran.stderr).toBe('oops\n');
    expect(readFileSync(join(work, 'file'), 'utf8')).toBe('one\n');
    expect(existsSync(readFileSync(join(work, 'name'), 'utf8').trim())).toBe(false);
  });

  it('writes nowhere else', async () => {
    writeFileSync(join(base, 'neighbour'), 'mine');
    const ran = await run([
      `for file in /etc/guruguru-x /usr/guruguru-x /guruguru-x ${base}/neighbour "$HOME/../x"; do`.concat(
        ' if (echo x > "$file") 2>/dev/null; then echo "wrote $file"; fi; done',
      ),
      'mount -o remount,rw / 2>/dev/null && echo remounted || :',
    ]);
    expect(ran.result.exit_code).toBe(0);
    // What it wrote below a home or /tmp went into its own.
    expect(ran.stdout.split('\n').filter((line) => line.includes('/etc') || line.includes('/usr'))).toEqual(
      [],
    );
    expect(ran.stdout).not.toContain('remounted');
    expect(readFileSync(join(base, 'neighbour'), 'utf8')).toBe('mine');
    expect(existsSync('/guruguru-x')).toBe(false);
  });

  it('sees no home, no state of the runner and no socket, but what was named', async () => {
    const home = join(base, 'home');
    const state = join(base, 'state');
    for (const [folder, file] of [
      [join(home, '.ssh'), 'id_ed25519'],
      [join(home, '.config'), 'gcloud'],
      [join(work, '.guruguru'), 'journal'],
      [state, 'run.json'],
    ] as const) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, file), `CANARY-${file}`);
    }
    writeFileSync(join(work, '.env'), 'CANARY-env');
    const ran = await run(
      [
        'ls -A /home /root 2>/dev/null | grep -v : || :',
        `cat ${home}/.ssh/id_ed25519 ${state}/run.json .guruguru/journal .env 2>&1 || :`,
        `cat ${home}/.config/gcloud; echo`,
        'for socket in /run/docker.sock /var/run/docker.sock; do test -e "$socket" && echo "$socket"; done; :',
        'if [ -z "$SSH_AUTH_SOCK" ]; then echo none; fi',
      ],
      {
        read: [join(home, '.config/gcloud')],
        hide: [state, join(work, '.guruguru'), join(work, '.env')],
      },
      {},
      { environment: { ...ENVIRONMENT, HOME: home, SSH_AUTH_SOCK: join(home, 'agent') } },
    );
    expect(ran.stdout.match(/CANARY-\w+/g)).toEqual(['CANARY-gcloud']);
    expect(ran.stdout).not.toContain('docker.sock');
    expect(ran.stdout.endsWith('none\n')).toBe(true);
    expect(ran.result.exit_code).toBe(0);
    expect(readFileSync(join(state, 'run.json'), 'utf8')).toBe('CANARY-run.json');
  });

  it('sees no other process, nor its environment', async () => {
    const other = spawn('sleep', ['60'], { env: { ...process.env, OTHER_TOKEN: 'CANARY-other' } });
    try {
      const ran = await run([
        `grep -rl CANARY-other /proc/[0-9]*/environ 2>/dev/null || echo none`,
        `kill -0 ${other.pid} 2>/dev/null && echo reached || echo gone`,
        `test -e /proc/${process.pid}/environ && grep -c GURUGURU_RUN= /proc/${process.pid}/environ || echo absent`,
      ]);
      expect(ran.stdout).toMatch(/^none\ngone\n/);
      expect(ran.stdout).not.toContain('CANARY');
    } finally {
      other.kill('SIGKILL');
    }
  });

  it('reaches the network or not, as the job says, else as the runner says', async () => {
    const server: Server = createServer((_request, response) => response.end('hello'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const script = [`exec 3<>/dev/tcp/127.0.0.1/${port} && echo reached`];
    try {
      expect((await run(script, {}, { network: 'on' })).stdout).toBe('reached\n');
      expect((await run(script, { network: 'off' }, { network: 'on' })).stdout).toBe('reached\n');
      expect((await run(script, {})).stdout).toBe('reached\n');
      expect((await run(script, {}, { network: 'off' })).stdout).toBe('');
      const off = await run(script, { network: 'off' });
      expect(off.stdout).toBe('');
      expect(off.stderr).toContain('Connection refused');
      expect(off.result.exit_code).toBe(1);
    } finally {
      server.close();
    }
  });

  it('has no privileges to regain', async () => {
    const ran = await run(['grep -E "^(CapEff|NoNewPrivs):" /proc/self/status']);
    expect(ran.stdout).toMatch(/CapEff:\t0{16}\nNoNewPrivs:\t1\n/);
  });

  it('passes exit codes on, and a signal as a shell does', async () => {
    expect((await run(['exit 42'])).result).toMatchObject({ outcome: 'exited', exit_code: 42, signal: null });
    expect((await run(['kill -KILL $$'])).result).toMatchObject({ outcome: 'exited', exit_code: 137 });
  });

  it('is cancelled, with time to tidy up, and leaves nothing', async () => {
    const cancel = new AbortController();
    const ran = await run(
      [
        'trap "echo tidied > tidy; exit 3" TERM',
        'setsid sleep 300 & echo started; while :; do sleep 0.05; done',
      ],
      {},
      {},
      {
        signal: cancel.signal,
        onRecord: (record) => {
          if (record.s === 'out' && record.d === 'started') cancel.abort('cancelled by a person');
        },
      },
    );
    expect(ran.result).toMatchObject({ outcome: 'cancelled', message: 'cancelled by a person' });
    expect(readFileSync(join(work, 'tidy'), 'utf8')).toBe('tidied\n');
    expect(await taggedProcesses(ran.runId)).toEqual([]);
  });

  it('is ended after its timeout, also when it ignores SIGTERM', async () => {
    const ran = await run(
      ['trap "" TERM', 'while :; do sleep 0.05; done'],
      {},
      {},
      {
        timing: { timeoutMs: 300, graceMs: 300 },
      },
    );
    expect(ran.result.outcome).toBe('timeout');
    expect(await taggedProcesses(ran.runId)).toEqual([]);
  });

  it('ends and notes what it left running, and nothing else', async () => {
    const left = await run(['setsid sleep 300 & sleep 300 & echo done']);
    expect(left.result.exit_code).toBe(0);
    expect(left.notes).toContain('ended 2 process(es)');
    expect(await taggedProcesses(left.runId)).toEqual([]);
    for (let count = 0; count < 5; count += 1) expect((await run(['true'])).notes.trim()).toBe('');
  });

  it('is refused where its workdir holds what is hidden', async () => {
    const ran = await run(['echo ran'], {}, {}, { environment: { ...ENVIRONMENT, HOME: work } });
    expect(ran.result).toMatchObject({ outcome: 'refused' });
    expect(ran.result.message).toContain('which the sandbox hides');
  });

  it('works in a workdir below a hidden home', async () => {
    const home = join(base, 'home');
    const inner = join(home, 'project');
    mkdirSync(inner, { recursive: true });
    writeFileSync(join(home, 'private'), 'CANARY');
    const ran = await run(
      ['echo x > made; cat ../private 2>&1 || :'],
      {},
      { workdir: inner },
      {
        environment: { ...ENVIRONMENT, HOME: home },
      },
    );
    expect(ran.stdout).not.toContain('CANARY');
    expect(readFileSync(join(inner, 'made'), 'utf8')).toBe('x\n');
  });
});

describe('without a sandbox', () => {
  it('refuses a job that must have no network', async () => {
    const ran = await run(['touch ran'], { kind: 'none' }, { network: 'off' });
    expect(ran.result).toMatchObject({ outcome: 'refused' });
    expect(ran.result.message).toContain('--sandbox bwrap');
    expect(existsSync(join(work, 'ran'))).toBe(false);
  });
});

describe('probeSandbox', () => {
  it('tells how to install what is missing', async () => {
    const problem = await probeSandbox(BWRAP, { PATH: base, HOME: base });
    const expected = process.platform === 'linux' ? 'apt-get install bubblewrap' : 'is for Linux';
    expect(problem).toContain(expected);
  });

  it.runIf(process.platform === 'linux')('tells what to allow where namespaces are not', async () => {
    const fake = join(base, 'bwrap');
    writeFileSync(fake, '#!/bin/sh\necho "bwrap: setting up uid map: Permission denied" >&2; exit 1\n', {
      mode: 0o755,
    });
    const problem = await probeSandbox(BWRAP, { PATH: `${base}:${process.env.PATH}`, HOME: base });
    expect(problem).toContain('setting up uid map');
    expect(problem).toContain('AppArmor');
  });

  it.runIf(process.platform === 'linux')('does not take one that keeps nothing apart', async () => {
    const fake = join(base, 'bwrap');
    writeFileSync(fake, '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done; shift; exec "$@"\n', {
      mode: 0o755,
    });
    const problem = await probeSandbox(BWRAP, { PATH: `${base}:${process.env.PATH}`, HOME: base });
    expect(problem).toContain('let through what it should not');
  });
});

describe('the profile for macOS', () => {
  it('lets a job write in its workdir, hides homes and denies the network', () => {
    const places = {
      workdir: '/Users/mona/site "x"',
      folder: '/private/var/folders/a/run',
      tmp: '/private/var/folders/a/run/tmp',
      emptied: ['/Users', '/private/var/tmp'],
      read: ['/Users/mona/.kube/config'],
      hidden: [{ path: '/Users/mona/site/.env', folder: false }],
    };
    const lines = sandboxProfile({ ...places, network: 'off' })
      .trim()
      .split('\n');
    expect(lines).toEqual([
      '(version 1)',
      '(allow default)',
      '(deny file-write*)',
      '(deny file-read* (subpath "/Users") (subpath "/private/var/tmp") (subpath "/private/tmp"))',
      '(allow file-read-metadata)',
      '(allow file-read* (subpath "/Users/mona/.kube/config"))',
      '(allow file-read* file-write* (subpath "/Users/mona/site \\"x\\"") (subpath "/private/var/folders/a/run"))',
      '(allow file-write* (literal "/dev/null") (literal "/dev/zero") (literal "/dev/tty") (regex #"^/dev/fd/"))',
      '(deny file-read* file-write* (subpath "/Users/mona/site/.env"))',
      '(deny process-info* (target others))',
      '(deny signal (target others))',
      '(allow signal (target same-sandbox))',
      '(deny network*)',
    ]);
    expect(sandboxProfile({ ...places, network: 'on' })).not.toContain('network');
  });
});
