import { existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ShellJob } from '../../src/job/job.ts';
import { outputsOf } from '../../src/job/render-log.ts';
import type { LogRecord } from '../../src/job/run-result.ts';
import { executeShell, type ShellOptions, type ShellResult } from '../../src/runner/execute-shell.ts';
import { taggedProcesses } from '../../src/runner/tagged-processes.ts';

let work: string;
let number = 0;
beforeEach(() => {
  work = realpathSync(mkdtempSync(join(tmpdir(), 'shell-')));
});
afterEach(() => rmSync(work, { recursive: true, force: true }));

interface Ran {
  result: ShellResult;
  records: LogRecord[];
  stdout: string;
  stderr: string;
  notes: string;
  runId: string;
}
async function run(
  script: string[],
  change: Partial<ShellJob> = {},
  options: Partial<ShellOptions> = {},
): Promise<Ran> {
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
  number += 1;
  const runId = `test-${process.pid}-${number}`;
  const records: LogRecord[] = [];
  const result = await executeShell(job, {
    runId,
    roots: [{ repository: null, path: work }],
    repository: 'octo/loop',
    environment: { PATH: process.env.PATH, HOME: work },
    onRecord: (record) => records.push(record),
    ...options,
    timing: { graceMs: 300, ...options.timing },
  });
  const notes = records.map((record) => (record.s === 'note' ? record.d : '')).join('\n');
  return { result, records, ...outputsOf(records), notes, runId };
}
const codes = (ran: Ran) => ran.result.steps.map((step) => step.exit_code);
const shape = (ran: Ran) =>
  ran.records.map((r) =>
    'd' in r ? `${r.s} ${r.d}` : r.s === 'done' ? `done ${r.line} ${r.exit_code}` : `step ${r.line}`,
  );

/** What is in use once the garbage is gone, in bytes: of this worker, whatever else it has loaded. */
function heldMemory(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

describe('executeShell: one bash, step by step', () => {
  it('tells stdout from stderr, under the line that printed it', async () => {
    const ran = await run(['echo a', 'echo b >/dev/stderr', 'echo c']);
    expect(shape(ran)).toEqual([
      'step 0',
      'out a',
      'done 0 0',
      'step 1',
      'err b',
      'done 1 0',
      'step 2',
      'out c',
      'done 2 0',
    ]);
    expect(ran.result).toMatchObject({ outcome: 'exited', exit_code: 0, signal: null, message: null });
  });

  it('keeps a hundred quick lines and their output in order', async () => {
    const ran = await run(Array.from({ length: 100 }, (_, n) => `echo ${n}; echo ${n} >&2`));
    const order = shape(ran).map((text) => text.replace(/^(out|err) /, 'text '));
    expect(order).toEqual(
      Array.from({ length: 100 }, (_, n) => [`step ${n}`, `text ${n}`, `text ${n}`, `done ${n} 0`]).flat(),
    );
  });

  it.each([
    ['in turn', []],
    ['one by one', ['set +e']],
  ])('shows no output under a wrong line, silent and long ones among them: %s', async (_, before) => {
    const texts = ['', 'x', 'y\n', 'z'.repeat(70_000)];
    const lines = Array.from({ length: 120 }, (_, n) => texts[(n * n) % 4] ?? '');
    const ran = await run([
      ...before,
      ...lines.map((text, n) =>
        text.length > 9
          ? `printf '%070000d' ${n} >&${1 + (n % 2)}`
          : `printf '%s' '${text === '' ? '' : `${n}${text}`}' >&${1 + (n % 2)}`,
      ),
    ]);
    const seen = new Map<number, string>();
    let line = -1;
    for (const record of ran.records) {
      if (record.s === 'step') line = record.line - before.length;
      else if ('d' in record) seen.set(line, (seen.get(line) ?? '') + record.d);
    }
    for (const [n, text] of lines.entries()) {
      const expected =
        text.length > 9 ? String(n).padStart(70_000, '0') : text === '' ? undefined : `${n}${text.trim()}`;
      expect(seen.get(n), `line ${n}`).toEqual(expected);
    }
  });

  it('shows what a background process prints under the line that runs then', async () => {
    const ran = await run(['{ sleep 0.15; echo late; } &', 'true', 'sleep 0.6', 'echo end']);
    expect(shape(ran).filter((text) => !text.startsWith('done'))).toEqual([
      'step 0',
      'step 1',
      'step 2',
      'out late',
      'step 3',
      'out end',
    ]);
  });

  it.each<[string, string[], number | null, number[], string]>([
    ['exit inside a line', ['echo a', 'exit 3', 'echo no'], 3, [0, 3], 'a\n'],
    ['exit 0 ends the script too', ['exit 0', 'echo no'], 0, [0], ''],
    ['errexit', ['false', 'echo no'], 1, [1], ''],
    ['errexit in the middle of a line', ['false; echo no', 'echo no'], 1, [1], ''],
    ['pipefail', ['false | true', 'echo no'], 1, [1], ''],
    ['a list that may fail goes on, as in plain bash', ['false && true', 'echo "$?"'], 0, [1, 0], '1\n'],
    [
      'set +e carries over, and $? with it',
      ['set +e', 'false', 'echo "$?"', '( exit 4 )'],
      4,
      [0, 1, 0, 4],
      '1\n',
    ],
    [
      'cd, export and functions carry over',
      ['cd /', 'export A=b', 'f() { echo "$PWD $A $1"; }', 'f x'],
      0,
      [0, 0, 0, 0],
      '/ b x\n',
    ],
    [
      'a here-document',
      ['cat <<END\none\n  two\nEND', 'cat <<END\nthree\nEND\n'],
      0,
      [0, 0],
      'one\n  two\nthree\n',
    ],
    ['comments and blank lines', ['# nothing', ' ', 'echo a # b'], 0, [0, 0, 0], 'a\n'],
    [
      'quotes, backslashes, dollars',
      [`echo "it's" 'a "b"' \\$HOME \\\\ $'\\t'`],
      0,
      [0],
      `it's a "b" $HOME \\ \t\n`,
    ],
    ['a line that goes on', ['echo a \\\n b'], 0, [0], 'a b\n'],
    [
      'descriptors of its own',
      ['exec 3>f 9>g', 'echo x >&9; echo y >&3', 'exec 3>&- 9>&-; cat f g'],
      0,
      [0, 0, 0],
      'y\nx\n',
    ],
    [
      'output moved for good',
      ['exec 7>&1 >kept', 'echo a', 'echo b >&7', 'cat kept >&7'],
      0,
      [0, 0, 0, 0],
      'b\na\n',
    ],
    ['closing our descriptors', ['exec 28<&- 29>&-', 'echo a'], 0, [0, 0], 'a\n'],
    ['redirecting everything', ['exec >all', 'echo a', 'cat all >&2'], 0, [0, 0, 0], ''],
    ['a trap of its own', ["trap 'echo bye' EXIT", 'false'], 1, [0, 1], 'bye\n'],
    ['nounset', ['set -u', 'echo $NOT_SET', 'echo no'], 1, [0, 1], ''],
    ['exec of another program', ['exec sh -c "echo other; exit 5"', 'echo no'], 5, [5], 'other\n'],
    ['noexec', ['set -n', 'echo no'], 0, [0], ''],
    ['a command that is not there', ['nosuchcommand', 'echo no'], 127, [127], ''],
    ['unicode', ['echo 日本 🎌'], 0, [0], '日本 🎌\n'],
  ])('%s', async (_name, script, code, stepCodes, stdout) => {
    const ran = await run(script);
    expect({ code: ran.result.exit_code, steps: codes(ran), stdout: ran.stdout }).toEqual({
      code,
      steps: stepCodes,
      stdout,
    });
  });

  it.each([
    ['unbalanced quote', 'echo "no'],
    ['unbalanced quote further down', 'echo no\necho "no'],
    ['operator at the end', 'echo no &&'],
    ['unfinished if', 'echo no\nif true; then echo no'],
    ['closing brace', 'echo no\n}'],
  ])("a syntax error (%s) is that line's failure, and nothing of it runs", async (_name, text) => {
    const ran = await run(['echo before', text, 'echo after']);
    expect(ran.stdout).toBe('before\n');
    expect(codes(ran)[0]).toBe(0);
    expect(codes(ran)).toHaveLength(2);
    expect(ran.result.exit_code).not.toBe(0);
    expect(ran.stderr).toContain('unexpected');
  });

  it('lets a line switch extglob on for itself', async () => {
    expect((await run(['touch a b\nshopt -s extglob\necho !(a)'])).stdout).toBe('b\n');
  });

  it('shows only the job with set -x', async () => {
    const ran = await run(['set -x', 'echo a', 'set +x', 'echo b']);
    expect(ran.stderr).not.toContain('guruguru');
    expect(ran.stderr.split('\n').filter((line) => line !== '')).toHaveLength(2);
  });

  it('keeps its descriptors from commands (where bash can: 4.1 and newer) and gives them no stdin', async () => {
    const ran = await run(['test ! -e /dev/fd/28 && test ! -e /dev/fd/29', 'cat', 'read -r x || echo none']);
    expect(ran.result.exit_code).toBe(0);
    expect(ran.stdout).toBe('none\n');
  });

  it('says when the script ended itself early', async () => {
    expect((await run(['exit 0', 'echo no', 'echo no'])).notes).toContain('2 further line(s) were not run');
  });

  it('names the line in error messages by its number in the script', async () => {
    expect((await run(['true', 'true', 'nosuchcommand'])).stderr).toContain('line 3: nosuchcommand');
  });

  it('reports a shell killed by a signal', async () => {
    const ran = await run(['kill -9 $$']);
    expect(ran.result).toMatchObject({ outcome: 'exited', exit_code: null, signal: 'SIGKILL' });
    expect(codes(ran)).toEqual([137]);
  });
});

describe('executeShell: what it may see and leave', () => {
  it("gives the named environment, the job's own, and nothing else", async () => {
    const environment = {
      PATH: process.env.PATH,
      LC_ALL: 'C',
      GURUGURU_RUNNER_TOKEN: 'grt_secret',
      EXTRA_A: '1',
      OTHER: '2',
    };
    const ran = await run(
      ['env'],
      { env: { A: 'b', GURUGURU_JOB: 'forged' } },
      { environment, passOn: ['EXTRA_*'] },
    );
    const names = ran.stdout.split('\n').map((line) => line.split('=')[0]);
    expect(names).toEqual(
      expect.arrayContaining(['PATH', 'LC_ALL', 'A', 'EXTRA_A', 'GURUGURU_RUN', 'GURUGURU_REPORT']),
    );
    expect(names).not.toContain('GURUGURU_RUNNER_TOKEN');
    expect(names).not.toContain('OTHER');
    expect(ran.stdout).toContain('GURUGURU_JOB=2025-11-22-001');
  });

  it('gives secrets by name and hides them, also in the report', async () => {
    const environment = { PATH: process.env.PATH, KEY: 'hunter2-hunter2' };
    const script = [
      'echo "$KEY"; printf %s "$KEY" | base64',
      'echo "{\\"key\\": \\"$KEY\\"}" > "$GURUGURU_REPORT"',
    ];
    const ran = await run(script, { secrets: ['KEY'] }, { environment });
    expect(ran.stdout).toBe('***\n***\n');
    expect(ran.result.report).toEqual({ key: '***' });
    expect(JSON.stringify(ran.records)).not.toContain('hunter2');
  });

  it('hides a secret also where JSON writes its characters as escapes', async () => {
    const environment = { PATH: process.env.PATH, KEY: 'p&ss<word>42' };
    const script = [
      // As Go writes it, and as no program would.
      String.raw`printf '%s\n' 'p\u0026ss\u003cword\u003e42'`,
      String.raw`printf '%s' '{"\u0070&ss<word>42": ["\u0070\u0026ss<word>42"]}' > "$GURUGURU_REPORT"`,
    ];
    const ran = await run(script, { secrets: ['KEY'] }, { environment });
    expect(ran.stdout).toBe('***\n');
    expect(ran.result.report).toEqual({ '***': ['***'] });
  });

  it('refuses a job whose secret the runner does not have', async () => {
    const ran = await run(['touch ran'], { secrets: ['KEY', 'PATH'] });
    expect(ran.result).toMatchObject({ outcome: 'refused', exit_code: null });
    expect(ran.result.message).toMatch(/secrets: this runner has no KEY in/);
    expect(existsSync(join(work, 'ran'))).toBe(false);
  });

  it.each([
    ['missing', 'none', 'does not exist'],
    ['a file', 'file', 'is not a directory'],
  ])('refuses a workdir that is %s', async (_name, name, word) => {
    writeFileSync(join(work, 'file'), '');
    const ran = await run(['echo no'], { workdir: join(work, name) });
    expect(ran.result.outcome).toBe('refused');
    expect(ran.result.message).toContain(word);
  });

  it('refuses a workdir outside the roots and names the setting', async () => {
    const ran = await run(['echo no'], { workdir: '/' });
    expect(ran.result.message).toContain('GURUGURU_WORKDIR_ROOTS');
  });

  it.each([
    ['not JSON', 'echo nonsense > "$GURUGURU_REPORT"', 'not JSON'],
    ['too long', 'head -c 70000 /dev/zero > "$GURUGURU_REPORT"', '70000 bytes'],
    ['a link', 'ln -s /etc/hostname "$GURUGURU_REPORT"', 'plain file'],
    ['a pipe', 'mkfifo "$GURUGURU_REPORT"', 'plain file'],
    [
      'nested too deeply',
      'for c in "[" "]"; do head -c 30000 /dev/zero | tr "\\0" "$c"; done > "$GURUGURU_REPORT"',
      'nests too deeply',
    ],
    [
      'too long once it is written out',
      '{ printf "[1e20"; for ((i = 0; i < 9000; i++)); do printf ",1e20"; done; printf "]"; } > "$GURUGURU_REPORT"',
      'bytes',
    ],
  ])('does not take a report that is %s', async (_name, line, word) => {
    const ran = await run([line]);
    expect(ran.result.report).toBeNull();
    expect(ran.notes).toContain(word);
  });

  it('takes what comes through a process substitution after the shell has ended', async () => {
    expect((await run(['exec > >(sleep 0.05; cat)', 'echo late'])).stdout).toBe('late\n');
  });

  it('passes on a line without its newline, and puts it together again', async () => {
    const ran = await run(
      ['printf start; while ! test -e go; do sleep 0.01; done; echo " end"; printf last'],
      {},
      {
        timing: { partialMs: 10 },
        onRecord: (record) => {
          all.push(record);
          if (record.s === 'out' && record.d === 'start') writeFileSync(join(work, 'go'), '');
        },
      },
    );
    expect(ran.result.exit_code).toBe(0);
    expect(all).toContainEqual(expect.objectContaining({ s: 'out', d: 'start', p: true }));
    expect(outputsOf(all).stdout).toBe('start end\nlast');
  });
  const all: LogRecord[] = [];

  it('replaces invalid UTF-8, splits a long line, and survives NUL', async () => {
    const ran = await run(["printf '\\377a\\0b\\n'", 'head -c 40000 /dev/zero | tr "\\0" x']);
    expect(ran.stdout).toBe(`\uFFFDa\0b\n${'x'.repeat(40_000)}`);
    for (const record of ran.records)
      if ('d' in record) expect(Buffer.byteLength(record.d)).toBeLessThanOrEqual(16_384);
  });
});

describe('executeShell: ends', () => {
  const tagged = async (ran: Ran) => expect(await taggedProcesses(ran.runId)).toEqual([]);

  it('ends a job after its timeout, also one that ignores SIGTERM', async () => {
    const ran = await run(
      ['trap "" TERM', 'while :; do sleep 1; done'],
      {},
      { timing: { timeoutMs: 100, graceMs: 200 } },
    );
    expect(ran.result).toMatchObject({ outcome: 'timeout', exit_code: null, signal: 'SIGKILL' });
    expect(ran.result.message).toContain('timeout_minutes');
    await tagged(ran);
  });

  it('cancels, and says why', async () => {
    const stop = new AbortController();
    const ran = await run(
      ['echo begun; sleep 60'],
      {},
      {
        signal: stop.signal,
        onRecord: (record) => record.s === 'out' && stop.abort('cancelled by /cancel'),
      },
    );
    expect(ran.result).toMatchObject({
      outcome: 'cancelled',
      message: 'cancelled by /cancel',
      signal: 'SIGTERM',
    });
    await tagged(ran);
  });

  it('runs nothing when it was cancelled before', async () => {
    const ran = await run(['touch ran'], {}, { signal: AbortSignal.abort('stopped') });
    expect(ran.result).toMatchObject({ outcome: 'cancelled', message: 'stopped before the first line ran' });
    expect(existsSync(join(work, 'ran'))).toBe(false);
  });

  it("ends at the shell's exit: background jobs and daemons are ended and noted", async () => {
    const ran = await run(['sleep 600 &', 'setsid sleep 600 >/dev/null 2>&1 &', 'echo done']);
    expect(ran.result).toMatchObject({ outcome: 'exited', exit_code: 0 });
    expect(ran.result.duration_seconds).toBeLessThan(5);
    expect(ran.notes).toContain('ended 2 process(es)');
    await tagged(ran);
  });

  it('takes 200 MB of output within bounded memory', { timeout: 60_000 }, async () => {
    let bytes = 0;
    let highest = 0;
    let looks = 0;
    const before = heldMemory();
    const ran = await run(
      ['head -c 200000000 /dev/zero | tr "\\0" "y"'],
      {},
      {
        onRecord: (record) => {
          bytes += 'd' in record ? record.d.length : 0;
          if (bytes < looks * 20_000_000) return;
          looks += 1;
          highest = Math.max(highest, heldMemory());
        },
      },
    );
    expect(ran.result.exit_code).toBe(0);
    expect(bytes).toBe(200_000_000);
    expect(looks).toBe(11);
    expect(highest - before).toBeLessThan(40_000_000);
  });

  it('takes a flood of short lines', async () => {
    let text = 0;
    const ran = await run(
      ['yes | head -c 20000000 || true'],
      {},
      {
        onRecord: (record) => {
          if (record.s === 'out') text += record.d.length + 1;
        },
      },
    );
    expect(ran.result.exit_code).toBe(0);
    expect(text).toBe(20_000_000);
  });

  it('leaves no temporary files', async () => {
    const ran = await run(['echo "$0"; dirname "$GURUGURU_REPORT"']);
    for (const path of ran.stdout.trim().split('\n')) expect(existsSync(path)).toBe(false);
  });
});
