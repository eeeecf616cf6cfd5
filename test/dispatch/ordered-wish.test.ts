import { expect, it } from 'vitest';
import type { Offer } from '../../src/dispatch/protocol.ts';
import { queueJobs, startDispatch } from '../support/dispatch.ts';

const WISH = { runs_on: JSON.stringify(['mac', 'devbox']) };
const MAC = { name: 'mac', process: 'process-mac', labels: ['mac'] };
const DEVBOX = { name: 'devbox', process: 'process-dev', labels: ['devbox'] };
const status = async (response: Response | Promise<Response>) => (await response).status;

it('gives a job to the runner wished for most of those that are free, in whatever order they ask', async () => {
  const { store, runner } = await startDispatch();
  expect(await status(runner(MAC).acquire())).toBe(204);
  await queueJobs(store, { id: 'a', ...WISH });
  expect(await status(runner(DEVBOX).acquire())).toBe(204);
  expect(await runner(MAC).take()).toMatchObject({ job_id: 'a' });
});

it('gives it to the next where that one works', async () => {
  const { store, runner } = await startDispatch();
  await queueJobs(store, { id: 'a', ...WISH }, { id: 'b', ...WISH });
  const offer = await runner(MAC).take();
  await runner(MAC).starting(offer);
  expect(await runner(DEVBOX).take()).toMatchObject({ job_id: 'b' });
});

it('gives it to the next where that one sleeps: a minute without a word, and no longer', async () => {
  const { store, runner, clock } = await startDispatch();
  await runner(MAC).acquire();
  await queueJobs(store, { id: 'a', ...WISH });
  clock.now += 69_000;
  expect(await status(runner(DEVBOX).acquire())).toBe(204);
  clock.now += 2_000;
  expect(await runner(DEVBOX).take()).toMatchObject({ job_id: 'a' });
});

it('gives the rest to one that waits as soon as the better one has taken its own', async () => {
  const { store, runner } = await startDispatch();
  await runner(MAC).acquire();
  const waiting = runner(DEVBOX).acquire(25);
  const both = runner(MAC).acquire(25);
  await queueJobs(store, { id: 'a', ...WISH }, { id: 'b', ...WISH });
  const ids = [waiting, both].map(async (response) => ((await (await response).json()) as Offer).job_id);
  expect((await Promise.all(ids)).sort()).toEqual(['a', 'b']);
});
