import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { cancelJob } from '../../src/dispatch/cancel.ts';
import { returnRun } from '../../src/dispatch/lease.ts';
import { retryJob } from '../../src/dispatch/retry.ts';
import { getJob, patchJob } from '../../src/store/jobs.ts';
import { patchRun } from '../../src/store/runs.ts';
import type { RunRow } from '../../src/store/tables.ts';
import { type RunnerServer, startRunnerServer } from './runner-server.ts';

/** A runner as a process of its own. */
export interface RunnerProcess {
  /** Both streams. */
  output: () => string;
  /** The exit code; null when a signal ended it. */
  exited: Promise<number | null>;
  kill(): void;
}

export type StartRunner = (about: {
  url: string;
  token: string;
  name: string;
  /** Jobs may work below it; there is room for the runner's own files. */
  folder: string;
}) => RunnerProcess;

export interface Contract {
  start: StartRunner;
  /** Whether it knows where jobs may work. */
  checksWorkdir: boolean;
}

/** As `ps` shows it; empty: no such process. */
const stateOf = (pid: string) =>
  spawnSync('ps', ['-o', 'stat=', '-p', pid], { encoding: 'utf8' }).stdout.trim();

const PATIENCE = { timeout: 20_000, interval: 10 };

/** What the protocol asks of every runner: the real API with a real store, and the runner as another process. */
export function describeContract(title: string, contract: Contract): void {
  let server: RunnerServer;
  let runner: RunnerProcess;
  let number = 0;
  const others: RunnerProcess[] = [];

  const start = (token: string) => {
    number += 1;
    return contract.start({ url: server.url(), token, name: `runner-${number}`, folder: server.folder });
  };
  const file = (name: string) => join(server.folder, name);
  const appears = (name: string) =>
    vi.waitFor(() => expect(existsSync(file(name)), name).toBe(true), PATIENCE);
  /** Its latest run, once that is over. */
  const finished = (id: string): Promise<RunRow> =>
    vi.waitFor(async () => {
      const run = (await server.runs(id)).at(-1);
      if (run?.state !== 'finished') throw new Error(`${id} is ${run?.state}\n${runner.output()}`);
      return run;
    }, PATIENCE);
  const text = async (run: RunRow | undefined, stream: 'out' | 'err') =>
    (await server.log(run)).flatMap((record) => (record.s === stream ? [record.d] : [])).join('\n');

  describe(`the runner protocol: ${title}`, () => {
    beforeAll(async () => {
      server = await startRunnerServer();
      runner = start(await server.token());
    });
    afterAll(async () => {
      runner.kill();
      await runner.exited;
      await server.close();
    });
    beforeEach(() => {
      server.calls.length = 0;
    });
    afterEach(async () => {
      server.meddle = null;
      for (const other of others.splice(0)) {
        other.kill();
        await other.exited;
      }
    });

    it('takes a job, says starting first, tells the streams apart and the steps', async () => {
      const id = await server.queue({ script: ['echo hello; echo oops >&2', 'echo more', 'true'] });
      const run = await finished(id);
      expect(server.result(run)).toMatchObject({ outcome: 'exited', exit_code: 0, signal: null });
      expect(server.result(run).steps).toMatchObject([
        { line: 0, exit_code: 0 },
        { line: 1, exit_code: 0 },
        { line: 2, exit_code: 0 },
      ]);
      expect(await text(run, 'out')).toBe('hello\nmore');
      expect(await text(run, 'err')).toBe('oops');
      const syncs = server.calls.filter((call) => call.path === `/api/runner/runs/${run.id}/sync`);
      expect(syncs[0]).toMatchObject({ phase: 'starting', status: 200 });
      expect(syncs.at(-1)).toMatchObject({ phase: 'finished', status: 200 });
      expect(syncs.every((call) => call.status === 200)).toBe(true);
    });

    it('runs no command before starting is answered', async () => {
      const ran: boolean[] = [];
      server.meddle = async (call, handle) => {
        if (call.phase === 'starting') ran.push(existsSync(file('early')));
        if (call.phase !== 'starting' || ran.length > 2) return handle();
        return new Response('{"error":"unavailable","message":"later"}', { status: 503 });
      };
      await finished(await server.queue({ script: [`echo x >> ${file('early')}`] }));
      expect(ran).toEqual([false, false, false]);
      expect(readFileSync(file('early'), 'utf8')).toBe('x\n');
    });

    it('sends the log while the job runs, in as many calls as it needs', async () => {
      const id = await server.queue({
        script: [
          "seq -f 'line %05g of a log that is longer than what one call takes' 5000; echo begun >&2",
          `while [ ! -e ${file('log-seen')} ]; do sleep 0.05; done`,
        ],
      });
      await vi.waitFor(async () => {
        const run = (await server.runs(id)).at(-1);
        expect(await text(run, 'err')).toBe('begun');
        expect(run?.log_bytes).toBeGreaterThan(200_000);
      }, PATIENCE);
      expect((await server.runs(id)).at(-1)?.state).toBe('running');
      writeFileSync(file('log-seen'), '');
      const run = await finished(id);
      const lines = (await text(run, 'out')).split('\n');
      expect(lines).toHaveLength(5000);
      const expected = (n: number) =>
        `line ${String(n).padStart(5, '0')} of a log that is longer than what one call takes`;
      expect(lines.every((line, index) => line === expected(index + 1))).toBe(true);
    });

    it('tells in which line a job failed, and runs no further one', async () => {
      const id = await server.queue({ script: ['true', '( exit 3 )', `touch ${file('too-far')}`] });
      const run = await finished(id);
      expect(server.result(run)).toMatchObject({
        outcome: 'exited',
        exit_code: 3,
        steps: [
          { line: 0, exit_code: 0 },
          { line: 1, exit_code: 3 },
        ],
      });
      expect(existsSync(file('too-far'))).toBe(false);
    });

    it('ends a cancelled job, with what it had started, within two seconds', async () => {
      const id = await server.queue({
        script: [
          `trap 'touch ${file('told')}; exit 9' TERM`,
          `sleep 600 & echo $! > ${file('sleeper')}; touch ${file('begun')}; wait`,
        ],
      });
      await appears('begun');
      const sleeper = readFileSync(file('sleeper'), 'utf8').trim();
      const asked = performance.now();
      await server.store().write((tx) => cancelJob(tx, 1, id, 'ada', Date.now()));
      await appears('told');
      expect(performance.now() - asked).toBeLessThanOrEqual(2000);
      // Gone, or dead and not yet buried.
      await vi.waitFor(() => expect(stateOf(sleeper)).toMatch(/^(Z.*)?$/), PATIENCE);
      expect(server.result(await finished(id))).toMatchObject({ outcome: 'cancelled' });
    });

    it('sends a result again whose answer was lost; it counts once', async () => {
      let lost = 0;
      server.meddle = async (call, handle) => {
        const answer = await handle();
        if (call.phase !== 'finished' || answer.status !== 200 || lost > 0) return answer;
        lost += 1;
        return null;
      };
      const id = await server.queue({ script: ['echo once'] });
      await vi.waitFor(() => {
        const ends = server.calls.filter((call) => call.phase === 'finished');
        expect(ends.map((call) => call.status)).toEqual([null, 200]);
      }, PATIENCE);
      expect(await server.runs(id)).toHaveLength(1);
      expect(await text(await finished(id), 'out')).toBe('once');
    });

    it('delivers the result of a job that outlived the app', async () => {
      const id = await server.queue({
        script: [
          `echo before; touch ${file('app-may-stop')}`,
          `while [ ! -e ${file('app-stopped')} ]; do sleep 0.05; done`,
          `echo after; echo x >> ${file('outlived')}`,
        ],
      });
      await appears('app-may-stop');
      await server.stop();
      writeFileSync(file('app-stopped'), '');
      await appears('outlived');
      await server.start();
      const run = await finished(id);
      expect(server.result(run)).toMatchObject({ outcome: 'exited', exit_code: 0 });
      expect(await text(run, 'out')).toBe('before\nafter');
      expect(await server.runs(id)).toHaveLength(1);
      expect(readFileSync(file('outlived'), 'utf8')).toBe('x\n');
    });

    it('runs nothing of a lease it has lost, and takes the job anew', async () => {
      let refused = 0;
      server.meddle = async (call, handle) => {
        if (call.phase === 'starting' && refused === 0) {
          refused += 1;
          const [run] = await server.runs(id);
          if (run) await server.store().write((tx) => returnRun(tx, run, Date.now()));
        }
        return handle();
      };
      const id = await server.queue({ script: [`echo x >> ${file('anew')}`] });
      const run = await finished(id);
      expect(server.calls).toContainEqual(expect.objectContaining({ phase: 'starting', status: 409 }));
      const runs = await server.runs(id);
      expect(runs.map(({ state, attempt }) => ({ state, attempt }))).toEqual([
        { state: 'returned', attempt: 1 },
        { state: 'finished', attempt: 1 },
      ]);
      expect(run.id).toBe(runs[1]?.id);
      expect(readFileSync(file('anew'), 'utf8')).toBe('x\n');
    });

    it('has a result refused whose job was retried, and goes on with the next run', async () => {
      let retried = 0;
      server.meddle = async (call, handle) => {
        if (call.phase === 'finished' && retried === 0) {
          retried += 1;
          await server.store().write(async (tx) => {
            const [run] = await server.runs(id);
            await patchRun(tx, run?.id ?? '', { state: 'lost' });
            await patchJob(tx, 1, id, { state: 'lost', report_sha: 'sha' });
            await retryJob(tx, 1, id, Date.now());
          });
        }
        return handle();
      };
      const id = await server.queue({ script: ['echo hello'] });
      await finished(id);
      const runs = await server.runs(id);
      expect(runs.map(({ state, attempt, result }) => [state, attempt, result !== null])).toEqual([
        ['lost', 1, false],
        ['finished', 2, true],
      ]);
      expect(server.calls).toContainEqual(expect.objectContaining({ phase: 'finished', status: 409 }));
      expect((await getJob(server.store().db, 1, id))?.state).toBe('running');
    });

    it('ends with what to do when its token is not known', async () => {
      const other = start('ggr_of-another-app');
      others.push(other);
      expect(await other.exited).toBe(1);
      expect(other.output()).toContain('guruguru token create');
    });

    it('is given no job of a repository that its token does not cover', async () => {
      runner.kill();
      await runner.exited;
      const other = start(await server.token('acme/other'));
      others.push(other);
      // It waits before the job is there, so it would be served first.
      await vi.waitFor(async () => {
        const known = await server.store().db.selectFrom('runners').select('name').execute();
        expect(known.map(({ name }) => name)).toContain(`runner-${number}`);
      }, PATIENCE);
      const id = await server.queue({ script: ['true'] });
      runner = start(await server.token());
      await finished(id);
      expect((await server.runs(id)).map((run) => run.runner)).toEqual([`runner-${number}`]);
    });

    if (contract.checksWorkdir) {
      it('refuses a workdir outside its roots, and says which setting', async () => {
        const id = await server.queue({ script: [`touch ${file('outside')}`], workdir: '/' });
        const result = server.result(await finished(id));
        expect(result).toMatchObject({ outcome: 'refused', exit_code: null, steps: [] });
        expect(result.message).toContain('GURUGURU_WORKDIR_ROOTS');
        expect(existsSync(file('outside'))).toBe(false);
      });
    }
  });
}
