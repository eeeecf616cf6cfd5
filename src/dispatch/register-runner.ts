import { announce } from '../store/announce.ts';
import type { Tx } from '../store/store.ts';
import { leasesOf, returnRun } from './lease.ts';
import { noteRunner, type RunnerIdentity } from './runner-identity.ts';
import { processTopic } from './topics.ts';

/**
 * Notes that a runner process asks for work. A new process of a name replaces the one before: what that one
 * had leased and not started goes back to the queue, what it started goes on.
 * @returns `fenced` when a newer process of this name was here already
 */
export async function registerRunner(
  tx: Tx,
  runner: RunnerIdentity,
  now: number,
): Promise<'registered' | 'fenced'> {
  const known = await tx
    .selectFrom('runners')
    .select(['process', 'draining'])
    .where('token_id', '=', runner.tokenId)
    .where('name', '=', runner.name)
    .execute();
  if (known.some((row) => row.process === runner.process && row.draining === 1)) return 'fenced';
  for (const old of known) {
    if (old.process === runner.process || old.draining === 1) continue;
    await tx
      .updateTable('runners')
      .set({ draining: 1, run_id: null })
      .where('token_id', '=', runner.tokenId)
      .where('name', '=', runner.name)
      .where('process', '=', old.process)
      .execute();
    for (const lease of await leasesOf(tx, { ...runner, process: old.process }))
      await returnRun(tx, lease.run, now);
    announce(tx, processTopic(old.process));
  }
  await noteRunner(tx, runner, null, now);
  return 'registered';
}
