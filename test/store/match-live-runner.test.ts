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
