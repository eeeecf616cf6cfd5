import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseRecord } from '../../src/job/report-format.ts';
import { runJobFile } from '../../src/runner/job-run.ts';

let root: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'job-run-')));
  mkdirSync(join(root, '.git'));
  mkdirSync(join(root, 'jobs/queue'), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const file = () => join(root, 'jobs/queue/2025-11-22-001.json');
function write(change: object): void {
  const job = {
    id: '2025-11-22-001',
    kind: 'run_shell',
    workdir: root,
    script: ['echo hello; echo oops >&2'],
    dod: 'exit_code == 0',
    report_path: 'reports/jobs/2025-11-22-001.out',
  };
  writeFileSync(file(), JSON.stringify({ ...job, ...change }));
}
async function run(more: object = {}): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const code = await runJobFile({
    file: file(),
    environment: { PATH: process.env.PATH },
    stdout: (text) => {
      out += text;
    },
    stderr: (text) => {
      err += text;
    },
    ...more,
  });
  return { code, out, err };
}
const record = (base = root) =>
  parseRecord(readFileSync(join(base, 'reports/jobs/2025-11-22-001.json'), 'utf8'));

describe('runJobFile', () => {
  it('runs the minimal job, shows it live, and writes log and record into the repository', async () => {
    write({});
    const ran = await run();
    expect(ran).toMatchObject({ code: 0, out: 'hello\n' });
    expect(ran.err).toContain('! oops\n');
    expect(ran.err).toContain('succeeded: the definition of done is met');
    expect(readFileSync(join(root, 'reports/jobs/2025-11-22-001.out'), 'utf8')).toMatch(
      /^\$ echo hello.*\n {2}[|!] \w+\n {2}[|!] \w+\n {2}= exit 0/,
    );
    expect(record()).toMatchObject({ state: 'succeeded', runs: [{ attempt: 1, reason: 'dod_met' }] });
  });

  it('exits 1 when the DoD is not met though every line exited 0, and says what it saw', async () => {
    write({ dod: 'stdout.contains("goodbye")' });
    const ran = await run();
    expect(ran.code).toBe(1);
    expect(ran.err).toContain('is not met: stdout.contains("goodbye")');
    expect(record()).toMatchObject({ state: 'failed', runs: [{ reason: 'dod_unmet', exit_code: 0 }] });
  });

  it('adds a run when the file is run again', async () => {
    write({});
    await run();
    await run();
    expect(record()?.runs.map((entry) => entry.log)).toEqual([
      'reports/jobs/2025-11-22-001.out',
      'reports/jobs/2025-11-22-001.2.out',
    ]);
    expect(existsSync(join(root, 'reports/jobs/2025-11-22-001.2.out'))).toBe(true);
  });

  it('writes below another directory when told', async () => {
    write({});
    const base = join(root, 'elsewhere');
    expect((await run({ reportDirectory: base })).code).toBe(0);
    expect(record(base)?.state).toBe('succeeded');
  });

  it('exits 2 with the findings when the file is no job, and when there is no file', async () => {
    write({ extra: true });
    expect(await run()).toMatchObject({ code: 2, err: expect.stringContaining('extra') });
    expect(existsSync(join(root, 'reports'))).toBe(false);
    expect(await run({ file: join(root, 'none.json') })).toMatchObject({
      code: 2,
      err: expect.stringContaining('ENOENT'),
    });
  });

  it('reports a refused workdir like any other end', async () => {
    write({ workdir: join(root, 'none') });
    expect((await run()).code).toBe(1);
    expect(record()).toMatchObject({ runs: [{ reason: 'refused', dod: { verdict: 'not_judged' } }] });
  });
});
