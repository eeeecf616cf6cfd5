import { cp, rm } from 'node:fs/promises';
import { enqueue } from '../../src/store/work.ts';
import type { TestApp } from './app.ts';

/** Deletes the app's data directory and starts it again, after `meanwhile`: it knows nothing but GitHub. */
export async function loseData(t: TestApp, meanwhile?: () => Promise<unknown>): Promise<void> {
  await t.restart(async (dataDir) => {
    await rm(dataDir, { recursive: true, force: true });
    await meanwhile?.();
  });
  await t.settle();
}

/** Keeps the app's data as it is now. Resolves to how the app is started on that again, later. */
export async function backUp(t: TestApp): Promise<() => Promise<void>> {
  let backup = '';
  await t.restart(async (dataDir) => {
    backup = `${dataDir}-backup`;
    await cp(dataDir, backup, { recursive: true });
  });
  await t.settle();
  return async () => {
    await t.restart(async (dataDir) => {
      await rm(dataDir, { recursive: true, force: true });
      await cp(backup, dataDir, { recursive: true });
      await rm(backup, { recursive: true, force: true });
    });
    await t.settle();
  };
}

/** Lets the time pass in which a runner may still be heard of: what is lost is told. */
export async function tellLost(t: TestApp): Promise<void> {
  const { store } = t.app();
  const due = await store.db.selectFrom('work').select('key').where('key', 'like', 'lost:%').execute();
  await store.write(async (tx) => {
    for (const { key } of due) await enqueue(tx, key);
  });
  await t.settle();
}
