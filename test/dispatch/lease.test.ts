import { expect, it } from 'vitest';
import { acquireJob } from '../../src/dispatch/lease.ts';
import { registerRunner } from '../../src/dispatch/register-runner.ts';
import { queueJobs, startDispatch } from '../support/dispatch.ts';

it('leases nothing to a process that was replaced while it was being matched', async () => {
  const { store } = await startDispatch();
  await queueJobs(store, {});
  const old = {
    tokenId: 't',
    repositories: ['acme/site'],
    name: 'devbox',
    process: 'process-old',
    labels: [],
    capabilities: [],
    version: '1',
  };
  const fresh = { ...old, process: 'process-new' };
  await store.write((tx) => registerRunner(tx, old, 1));
  await store.write((tx) => registerRunner(tx, fresh, 2));
  expect(await store.write((tx) => acquireJob(tx, old, 3))).toBeUndefined();
  expect(await store.write((tx) => acquireJob(tx, fresh, 3))).toMatchObject({ run: { attempt: 1 } });
});
