import { expect, it } from 'vitest';
import { matchLiveRunner } from '../../src/store/match-live-runner.ts';
import { queueJobs, startDispatch } from '../support/dispatch.ts';

it('counts a runner as busy with other jobs, not with the one it has taken', async () => {
  const { store, runner, clock } = await startDispatch();
  await queueJobs(store, {});
  const offer = await runner().take();
  const match = (ownRun?: string) =>
    matchLiveRunner(store.db, { owner: 'acme', name: 'site' }, {}, clock.now, ownRun);
  expect(await match(offer.run)).toMatchObject({ runner: 'devbox' });
  expect(await match(offer.run)).not.toHaveProperty('busy');
  expect(await match()).toMatchObject({ runner: 'devbox', busy: true });
});

it('shows what the runner has proved of what a job asks for, and of its cluster', async () => {
  const { store, runner, clock } = await startDispatch();
  await runner({ capabilities: ['linux', 'git', 'kubectl', 'cluster', 'ns.default', 'ksvc'] }).acquire();
  const match = (requires: string[]) =>
    matchLiveRunner(store.db, { owner: 'acme', name: 'site' }, { requires }, clock.now);
  expect((await match(['kubectl'])).proved).toEqual(['kubectl', 'cluster', 'ns.default', 'ksvc']);
  expect((await match(['git'])).proved).toEqual(['git']);
  expect((await match([])).proved).toEqual([]);
  expect(await match(['ns.shop'])).toMatchObject({ runner: null, proved: [] });
});
