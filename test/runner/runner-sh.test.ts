import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FakeApp, startFakeApp } from '../support/fake-app.ts';

let app: FakeApp;
let work: string;
let child: ChildProcess | null;

beforeEach(async () => {
  app = await startFakeApp();
  work = mkdtempSync(join(tmpdir(), 'runner-sh-'));
  child = null;
});
afterEach(async () => {
  // Its own group: a pipeline of curl and jq may be under way.
  if (child?.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  await app.close();
  rmSync(work, { recursive: true, force: true });
});

const job = (script: string[]) => ({
  id: '2025-11-22-001',
  kind: 'run_shell',
  workdir: work,
  script,
  dod: 'exit_code == 0',
  report_path: 'reports/jobs/2025-11-22-001.out',
});
function start(): void {
  child = spawn('bash', ['deploy/runner.sh'], {
    detached: true,
    stdio: 'ignore',
    env: {
      ...process.env,
      GURUGURU_URL: app.url,
      GURUGURU_RUNNER_TOKEN: app.token,
      GURUGURU_RUNNER_NAME: 'sh',
    },
  });
}

describe('deploy/runner.sh', () => {
  it('takes a run, says starting before it runs, sends the log and the result', async () => {
    const run = app.offer(job(['echo hello; echo oops >&2', 'exit 3']));
    start();
    await app.until(() => run.result !== null);
    expect(run.phases[0]).toBe('starting');
    expect(run.result).toMatchObject({ outcome: 'exited', exit_code: 3 });
    expect(
      run
        .records()
        .map((record) => ('d' in record ? `${record.s} ${record.d}` : record.s))
        .sort(),
    ).toEqual(['err oops', 'out hello']);
    expect(app.mistakes).toEqual([]);
  });

  it('runs nothing when starting is refused', async () => {
    app.fault = (call, body) => (call === 'sync' && body.phase === 'starting' ? 'stale_fence' : null);
    app.offer(job([`touch ${work}/ran`]));
    start();
    await app.until(() => app.acquires.length >= 2);
    expect(existsSync(join(work, 'ran'))).toBe(false);
  });

  it('ends a job that is cancelled, and delivers through a 503 and a wrong offset', async () => {
    const run = app.offer(job(['echo begun', 'sleep 60']));
    const faults = ['unavailable', 'wrong_offset'] as const;
    let at = 0;
    app.fault = (call, body) =>
      call === 'sync' && body.phase === 'finished' ? (faults[at++] ?? null) : null;
    start();
    await app.until(() => run.log.includes('begun'));
    app.cancel(run.offer.run);
    await app.until(() => run.result !== null);
    expect(run.result).toMatchObject({ outcome: 'cancelled' });
  });
});
