import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ExitReason } from '../../src/runner/resident.ts';
import { runResident } from '../../src/runner/resident.ts';
import { taggedProcesses } from '../../src/runner/tagged-processes.ts';
import { type FakeApp, startFakeApp } from '../support/fake-app.ts';

let app: FakeApp;
let work: string;
let drain: AbortController;
let cancel: AbortController;
let said: string[];
let running: Promise<ExitReason> | null;
const children: ChildProcess[] = [];

beforeEach(async () => {
  app = await startFakeApp();
  work = realpathSync(mkdtempSync(join(tmpdir(), 'resident-')));
  drain = new AbortController();
  cancel = new AbortController();
  said = [];
  running = null;
});
afterEach(async () => {
  drain.abort('drain');
  cancel.abort('end of test');
  await running;
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await app.close();
  rmSync(work, { recursive: true, force: true });
});

let number = 0;
const job = (script: string[], more: object = {}) => {
  number += 1;
  const id = `2025-11-22-${String(number).padStart(3, '0')}`;
  return {
    id,
    kind: 'run_shell',
    workdir: work,
    script,
    dod: 'exit_code == 0',
    report_path: `reports/jobs/${id}.out`,
    ...more,
  };
};
const state = () => join(work, '.state');
function start(change: object = {}): Promise<ExitReason> {
  running = runResident(
    {
      url: app.url,
      token: app.token,
      name: 'r1',
      labels: ['linux', 'r1'],
      capabilities: ['bash'],
      version: '0.0.0',
      roots: [{ repository: null, path: work }],
      stateDirectory: state(),
      timing: { shell: { graceMs: 300 }, farewellMs: 300, sync: { renewalMs: 600 } },
      ...change,
    },
    { environment: process.env, say: (line) => said.push(line), drain: drain.signal, cancel: cancel.signal },
  );
  return running;
}
function startProcess(): { child: ChildProcess; ended: Promise<number | null>; errors: () => string } {
  const settings = JSON.stringify({
    mode: 'app',
    url: app.url,
    token: app.token,
    root: work,
    state: state(),
  });
  const child = spawn(process.execPath, ['test/support/runner-main.ts', settings], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  children.push(child);
  let errors = '';
  child.stderr?.on('data', (chunk) => {
    errors += chunk;
  });
  return { child, ended: new Promise((resolve) => child.on('exit', resolve)), errors: () => errors };
}

describe('runResident', () => {
  it('runs an offer: starting first, log and result delivered, nothing left on disk', async () => {
    const run = app.offer(job(['echo hello; echo oops >&2', 'echo more']));
    start();
    await app.until(() => run.result !== null);
    expect(run.phases[0]).toBe('starting');
    expect(run.result).toMatchObject({ outcome: 'exited', exit_code: 0 });
    expect(run.result?.log_bytes).toBe(run.log.length);
    expect(
      run.records().map(({ s, ...rest }) => ('d' in rest ? `${s} ${rest.d}` : `${s} ${rest.line}`)),
    ).toEqual(
      expect.arrayContaining(['step 0', 'out hello', 'err oops', 'done 0', 'step 1', 'out more', 'done 1']),
    );
    drain.abort('drain');
    expect(await running).toMatchObject({ reason: 'drained', code: 0 });
    expect(readdirSync(join(state(), 'runs'))).toEqual([]);
    expect(app.mistakes).toEqual([]);
  });

  it('sends the log while the job runs, and a cancel arrives at once', async () => {
    const run = app.offer(job(['echo begun; sleep 60']));
    start();
    await app.until(() => run.log.includes('begun'));
    const asked = performance.now();
    app.cancel(run.offer.run);
    await app.until(() => run.result !== null);
    expect(performance.now() - asked).toBeLessThan(2000);
    expect(run.result).toMatchObject({ outcome: 'cancelled', message: 'cancelled by /cancel' });
  });

  it('with once, takes one run and ends, and ends without one after some asking', async () => {
    const first = app.offer(job(['true']));
    const second = app.offer(job([`touch ${work}/ran`]));
    expect(await start({ once: true })).toMatchObject({ reason: 'drained', code: 0 });
    expect(first.result).toMatchObject({ outcome: 'exited' });
    expect(second.result).toBeNull();
    await start({ once: true });
    expect(second.result).toMatchObject({ outcome: 'exited' });
    const timing = { acquireSeconds: 0.25, farewellMs: 300 };
    expect(await start({ once: true, timing })).toMatchObject({ reason: 'drained' });
  });

  it('runs nothing when starting is refused', async () => {
    app.fault = (call, body) => (call === 'sync' && body.phase === 'starting' ? 'stale_fence' : null);
    app.offer(job([`touch ${work}/ran`]));
    start();
    await app.until(() => app.acquires.length >= 2);
    expect(existsSync(join(work, 'ran'))).toBe(false);
    expect(readdirSync(join(state(), 'runs'))).toEqual([]);
  });

  it('repeats starting when its answer was lost, and then runs once', async () => {
    let faults = 2;
    app.fault = (call, body) =>
      call === 'sync' && body.phase === 'starting' && faults-- > 0 ? 'drop_after' : null;
    const run = app.offer(job([`echo x >> ${work}/ran`]));
    start();
    await app.until(() => run.result !== null);
    expect(readFileSync(join(work, 'ran'), 'utf8')).toBe('x\n');
    expect(run.phases.filter((phase) => phase === 'starting')).toHaveLength(3);
  });

  it.each([
    ['another digest', (j: object) => app.offer(j, { digest: `sha256:${'0'.repeat(64)}` }), 'digest'],
    ['an invalid job file', (j: object) => app.offer({ ...j, extra: 1 }), 'extra'],
    ['labels it has not', (j: object) => app.offer({ ...j, runs_on: ['gpu'] }), 'runs_on'],
    [
      'a workdir outside its roots',
      (j: object) => app.offer({ ...j, workdir: '/' }),
      'GURUGURU_WORKDIR_ROOTS',
    ],
    [
      'a workdir that is missing',
      (j: object) => app.offer({ ...j, workdir: `${work}/none` }),
      'does not exist',
    ],
    [
      'a secret it has not',
      (j: object) => app.offer({ ...j, secrets: ['NO_SUCH_SECRET'] }),
      'NO_SUCH_SECRET',
    ],
  ])('refuses an offer with %s and says why', async (_name, offer, word) => {
    const run = offer(job([`touch ${work}/ran`]));
    start();
    await app.until(() => run.result !== null);
    expect(run.result).toMatchObject({ outcome: 'refused', exit_code: null });
    expect(run.result?.message).toContain(word);
    expect(existsSync(join(work, 'ran'))).toBe(false);
  });

  it('does not start again what it has started under the same number', async () => {
    const file = job([`echo x >> ${work}/ran`]);
    const first = app.offer(file);
    start();
    await app.until(() => first.result !== null);
    // As an app whose database was put back to an older state would.
    const again = app.offer(file);
    await app.until(() => again.result !== null);
    expect(again.result).toMatchObject({ outcome: 'refused' });
    expect(again.result?.message).toContain(first.offer.run);
    expect(readFileSync(join(work, 'ran'), 'utf8')).toBe('x\n');
    const asked = app.offer(file, { attempt: 2 });
    await app.until(() => asked.result !== null);
    expect(asked.result).toMatchObject({ outcome: 'exited' });
  });

  it('delivers through dropped calls, 503, a proxy and a wrong offset', async () => {
    const faults = ['drop', 'unavailable', 'html', 'drop_after', 'wrong_offset'] as const;
    let at = 0;
    app.fault = (call, body) =>
      call === 'sync' && body.phase !== 'starting' && body.hasLog ? (faults[at++] ?? null) : null;
    const run = app.offer(job(['echo hello']));
    start();
    await app.until(() => run.result !== null);
    expect(run.records()).toContainEqual(expect.objectContaining({ s: 'out', d: 'hello' }));
  });

  it('lets a started job go on when its fence is stale, and keeps the result it may not deliver', async () => {
    const run = app.offer(job([`sleep 0.3; touch ${work}/finished`]));
    app.fault = (call, body) => (call === 'sync' && body.phase !== 'starting' ? 'stale_fence' : null);
    start();
    const kept = join(state(), 'rejected', run.offer.run, 'result.json');
    await app.until(() => existsSync(kept));
    expect(existsSync(join(work, 'finished'))).toBe(true);
    expect(JSON.parse(readFileSync(kept, 'utf8'))).toMatchObject({ outcome: 'exited', exit_code: 0 });
  });

  it('ends an idempotent job, and no other, when renewals fail', async () => {
    app.fault = (call, body) => (call === 'sync' && body.phase === 'running' ? 'unavailable' : null);
    const lasting = app.offer(job(['sleep 1.2']));
    const ended = app.offer(job(['sleep 30'], { idempotent: true }));
    start();
    await app.until(() => lasting.result !== null);
    expect(lasting.result).toMatchObject({ outcome: 'exited', exit_code: 0 });
    await app.until(() => ended.phases.includes('starting'));
    await app.until(() => said.some((line) => line.includes('cancelled')));
    app.fault = () => null;
    await app.until(() => ended.result !== null);
    expect(ended.result?.message).toContain('could not be renewed');
  });

  it('drains on the first signal and cancels on the second', async () => {
    const run = app.offer(job(['echo begun; sleep 60']));
    start();
    await app.until(() => run.log.includes('begun'));
    drain.abort('drain');
    await app.until(() => run.syncs.length > 2);
    expect(run.result).toBeNull();
    cancel.abort('cancelled: the runner was stopped (SIGTERM)');
    expect(await running).toMatchObject({ reason: 'cancelled', code: 1 });
    expect(run.result).toMatchObject({
      outcome: 'cancelled',
      message: 'cancelled: the runner was stopped (SIGTERM)',
    });
  });

  it('takes a drain from the app after the run', async () => {
    const run = app.offer(job([`echo begun; until [ -e ${work}/told ]; do sleep 0.05; done`]));
    const end = start();
    await app.until(() => run.log.includes('begun'));
    app.drain(run.offer.run);
    // The next call that waits: the answer to the one before has been read.
    const waiting = () => run.syncs.filter((call) => (call.wait ?? 0) > 0).length;
    const before = waiting();
    await app.until(() => waiting() > before);
    writeFileSync(join(work, 'told'), '');
    expect(await end).toMatchObject({ reason: 'drained' });
    expect(run.result).not.toBeNull();
  });

  it('ends with one clear message when the token is unknown', async () => {
    app.token = 'another';
    const end = await start({ token: 'grt_unknown' });
    expect(end).toMatchObject({ reason: 'unauthorized', code: 1 });
    expect(end.message).toContain('GURUGURU_RUNNER_TOKEN');
  });

  it('refuses to share its state directory', async () => {
    start();
    await app.until(() => app.acquires.length > 0);
    const first = running;
    const second = await start();
    expect(second).toMatchObject({ reason: 'locked', code: 1 });
    expect(second.message).toContain('--name');
    running = first;
  });

  it('keeps a result while the app is away and delivers it at the next start', async () => {
    const run = app.offer(job(['echo hello']));
    app.fault = (call, body) => (call === 'sync' && body.phase === 'finished' ? 'unavailable' : null);
    start();
    await app.until(() => said.some((line) => line.includes('will be sent again')));
    drain.abort('drain');
    expect((await running)?.message).toContain('1 result(s) will be delivered');
    app.fault = () => null;
    drain = new AbortController();
    start();
    await app.until(() => run.result !== null);
    expect(run.result).toMatchObject({ outcome: 'exited', exit_code: 0 });
  });

  it('runs nothing when it cannot write its journal (disk full), says so, and goes on', async () => {
    mkdirSync(join(state(), 'runs'), { recursive: true });
    const blocked = app.offer(job([`touch ${work}/ran`]));
    writeFileSync(join(state(), 'runs', blocked.offer.run), 'in the way');
    const next = app.offer(job(['true']));
    start();
    await app.until(() => next.result !== null);
    expect(blocked.result).toMatchObject({ outcome: 'runner_error', log_bytes: 0 });
    expect(blocked.result?.message).toContain('nothing of it was run');
    expect(existsSync(join(work, 'ran'))).toBe(false);
  });

  it('delivers a result that it cannot write down (disk full), and goes on', async () => {
    const folder = () => join(state(), 'runs', run.offer.run);
    const run = app.offer(job([`rm -r ${state()}/runs/run-1; touch ${state()}/runs/run-1; echo done`]));
    const next = app.offer(job(['true']));
    start();
    await app.until(() => next.result !== null);
    expect(folder()).toBe(join(state(), 'runs', 'run-1'));
    expect(run.result).toMatchObject({ outcome: 'exited', exit_code: 0 });
    expect(run.records()).toContainEqual(expect.objectContaining({ s: 'out', d: 'done' }));
  });

  it('does not ask in a circle where nothing holds its call', async () => {
    app.holds = false;
    start();
    await app.until(() => app.acquires.length === 1);
    const asked = performance.now();
    await app.until(() => app.acquires.length > 1);
    expect(performance.now() - asked).toBeGreaterThan(500);
  });

  it('kill -9 while a job runs: told at the next start, leftovers ended, never run again', async () => {
    const run = app.offer(job([`echo x >> ${work}/ran; echo begun; setsid sleep 600 & sleep 600`]));
    const first = startProcess();
    await app.until(() => run.log.includes('begun'), 'the first output');
    first.child.kill('SIGKILL');
    await first.ended;
    const second = startProcess();
    await app.until(() => run.result !== null, 'the result');
    expect(run.result).toMatchObject({ outcome: 'runner_error' });
    expect(run.result?.message).toContain('runner was killed while the job ran');
    expect(run.records()).toContainEqual(expect.objectContaining({ s: 'out', d: 'begun' }));
    expect(await taggedProcesses(run.offer.run)).toEqual([]);
    second.child.kill('SIGTERM');
    expect(await second.ended).toBe(0);
    expect(readFileSync(join(work, 'ran'), 'utf8')).toBe('x\n');
    expect(second.errors()).toContain('drained');
  });

  it('asks the app first when the machine has slept', async () => {
    let shift = 0;
    running = runResident(
      {
        url: app.url,
        token: app.token,
        name: 'r1',
        labels: [],
        capabilities: [],
        version: '0',
        roots: 'anything',
        stateDirectory: state(),
      },
      {
        environment: {},
        say: (line) => said.push(line),
        drain: drain.signal,
        cancel: cancel.signal,
        clock: { wall: () => Date.now() + shift, monotonic: () => performance.now() },
      },
    );
    await app.until(() => app.acquires.length === 1);
    shift = 60_000;
    await app.until(() => app.acquires.length === 2);
    expect(said.join('\n')).toContain('the machine slept');
  });
});
