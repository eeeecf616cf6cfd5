import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CliProcess } from '../support/cli-process.ts';
import { type Asked, fencedAsk } from '../support/fenced-ask.ts';
import { leftBy, nothingDue, once } from '../support/left-by.ts';
import { type Loop, startLoop } from '../support/loop.ts';

/** App and runner as processes of their own, and a real shell: each of them dies in the middle of a job. */
let loop: Loop;
let runner: CliProcess;
let token: string;
let ask: Asked;
/** Where this test's job leaves its traces and is told to end. */
let traces: string;

const startRunner = async () => {
  runner = await loop.startRunner('devbox', { GURUGURU_RUNNER_TOKEN: token });
  await runner.line(/ready/);
};
const end = async (child: CliProcess) => {
  child.kill('SIGKILL');
  await child.exited;
};
const appears = (path: string) =>
  vi.waitFor(() => expect(existsSync(path), path).toBe(true), { timeout: 15_000, interval: 20 });
/** What the runner has on disk of its one run. */
async function onDisk(name: 'result.json' | 'upload.ndjson'): Promise<string> {
  const runs = join(loop.folder, 'runner-devbox', 'runs');
  const [run = ''] = await readdir(runs);
  return readFile(join(runs, run, name), 'utf8');
}
/** The job has ended, and the app does not know it yet. */
const spooled = () =>
  vi.waitFor(async () => expect(await onDisk('result.json')).toContain('exited'), {
    timeout: 15_000,
    interval: 20,
  });
const ran = async () => (await readFile(join(traces, 'ran'), 'utf8')).split('\n').length - 1;

beforeAll(async () => {
  loop = await startLoop();
  token = await loop.createToken('devbox', 'octo/hello');
  await startRunner();
});
afterAll(() => loop?.close());

beforeEach(async () => {
  traces = await mkdtemp(join(loop.folder, 'traces-'));
  ask = await fencedAsk(
    loop,
    'echo first line',
    `echo ran >> ${traces}/ran`,
    `while [ ! -e ${traces}/go ]; do sleep 0.05; done`,
    'echo last line',
  );
  await appears(join(traces, 'ran'));
});

describe('a job of a real runner', () => {
  it('goes on while the app is dead, and is delivered when it is back', async () => {
    await end(loop.app());
    await writeFile(join(traces, 'go'), '');
    await spooled();
    await loop.startApp();
    await loop.github.until(
      'the final reply',
      async () => (await leftBy(loop, ask)).final.length > 0,
      20_000,
    );
    await nothingDue(loop);
    const left = await leftBy(loop, ask);
    expect(left).toMatchObject(once(loop, ask, left.job));
    expect(left.log).toMatch(/first line[\s\S]*last line/);
    expect(await ran()).toBe(1);
  });

  it('is delivered by the next runner process when both died', async () => {
    await end(loop.app());
    await writeFile(join(traces, 'go'), '');
    await spooled();
    await end(runner);
    await loop.startApp();
    await startRunner();
    await loop.github.until(
      'the final reply',
      async () => (await leftBy(loop, ask)).final.length > 0,
      20_000,
    );
    await nothingDue(loop);
    const left = await leftBy(loop, ask);
    expect(left).toMatchObject(once(loop, ask, left.job));
    expect(left.log).toMatch(/first line[\s\S]*last line/);
    expect(await ran()).toBe(1);
  });

  it('is red, and not run again, when the runner died in the middle of it', async () => {
    await vi.waitFor(async () => expect(await onDisk('upload.ndjson')).toContain('first line'), {
      timeout: 15_000,
      interval: 20,
    });
    await end(runner);
    await startRunner();
    await loop.github.until(
      'the final reply',
      async () => (await leftBy(loop, ask)).final.length > 0,
      20_000,
    );
    await nothingDue(loop);
    const left = await leftBy(loop, ask);
    expect(left).toMatchObject({
      ...once(loop, ask, left.job),
      checks: [`guruguru / ${left.job}: completed failure`, 'guruguru / validate: completed success'],
      ended: { state: 'ended', reason: 'failed' },
    });
    expect(left.final).toEqual([expect.stringContaining('runner')]);
    expect(left.log).toContain('first line');
    expect(left.log).not.toContain('last line');
    expect(await ran()).toBe(1);
  });
  it('goes on when the app has lost its data directory, and is reported once', async () => {
    await end(loop.app());
    await rm(join(loop.folder, 'data'), { recursive: true });
    await loop.startApp();
    await writeFile(join(traces, 'go'), '');
    await loop.github.until(
      'the final reply',
      async () => (await leftBy(loop, ask)).final.length > 0,
      20_000,
    );
    const left = await leftBy(loop, ask);
    expect(left).toMatchObject(once(loop, ask, left.job));
    expect(left.log).toContain('first line');
    expect(left.log).toContain('last line');
    expect(await ran()).toBe(1);
    // Its token went with the data, and only a person can make another.
    expect(await runner.exited).toBe(1);
  });
});
