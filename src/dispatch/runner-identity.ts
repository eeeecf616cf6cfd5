import { putRunner } from '../store/runners.ts';
import type { Tx } from '../store/store.ts';

/** A runner process that asks for work, and what its token allows. */
export interface RunnerIdentity {
  tokenId: string;
  /** `owner/name` in lower case. */
  repositories: readonly string[];
  name: string;
  process: string;
  labels: string[];
  capabilities: string[];
  version: string;
}

/** Writes down that the runner lives, and what it works on. */
export async function noteRunner(
  tx: Tx,
  runner: RunnerIdentity,
  runId: string | null,
  now: number,
): Promise<void> {
  await putRunner(tx, {
    token_id: runner.tokenId,
    name: runner.name,
    process: runner.process,
    labels: JSON.stringify(runner.labels),
    capabilities: JSON.stringify(runner.capabilities),
    version: runner.version,
    run_id: runId,
    draining: 0,
    seen_at: now,
  });
}

/** A newer process of this name has taken its place. */
export async function isFenced(tx: Tx, runner: RunnerIdentity): Promise<boolean> {
  const row = await tx
    .selectFrom('runners')
    .select('draining')
    .where('token_id', '=', runner.tokenId)
    .where('name', '=', runner.name)
    .where('process', '=', runner.process)
    .executeTakeFirst();
  return row?.draining === 1;
}
