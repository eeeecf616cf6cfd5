import type { Reader, Tx } from './announce.ts';
import type { RunnerRow, RunRow } from './tables.ts';
import { tokenRepositories } from './tokens.ts';

/** A runner that was heard of within this many ms is live. It calls at least every 25 s, waiting or working. */
export const RUNNER_LIVE_MS = 70_000;
/** As the runner names its system. */
const MAC_CAPABILITY = 'macos';

export interface LiveRunner {
  name: string;
  labels: string[];
  capabilities: string[];
  version: string;
  /** The run it works on, null when it waits for one. */
  runId: string | null;
  /** Finishes what it has and takes nothing more: another process of the same name replaced it. */
  draining: boolean;
  /** ms since the epoch */
  seenAt: number;
}

export async function putRunner(tx: Tx, row: RunnerRow): Promise<void> {
  const { token_id: _token, name: _name, process: _process, ...changes } = row;
  await tx
    .insertInto('runners')
    .values(row)
    .onConflict((conflict) => conflict.columns(['token_id', 'name', 'process']).doUpdateSet(changes))
    .execute();
}

/** A Mac that was heard of in the last week may only be asleep; `RUNNER_DAYS` of prune.ts keeps it as long. */
const ASLEEP_MAX_MS = 7 * 86_400_000;

/**
 * Macs whose token covers a repository and that are silent: their lid is closed. Any other machine that falls silent
 * is gone, as far as can be known.
 */
export async function listAsleepRunners(db: Reader, repository: string, now: number): Promise<LiveRunner[]> {
  const known = await listLiveRunners(db, repository, now - ASLEEP_MAX_MS);
  const macs = new Map<string, LiveRunner>();
  for (const runner of known) {
    const before = macs.get(runner.name);
    if (!before || before.seenAt < runner.seenAt) macs.set(runner.name, runner);
  }
  return [...macs.values()].filter(
    ({ capabilities, draining, seenAt }) =>
      capabilities.includes(MAC_CAPABILITY) && !draining && now - seenAt > RUNNER_LIVE_MS,
  );
}

/** Whether a run's runner is a Mac, which sleeps when its lid is closed. */
export async function runsOnMac(db: Reader, run: Pick<RunRow, 'runner' | 'process'>): Promise<boolean> {
  const row = await db
    .selectFrom('runners')
    .select('capabilities')
    .where('name', '=', run.runner)
    .where('process', '=', run.process)
    .executeTakeFirst();
  return row !== undefined && (JSON.parse(row.capabilities) as string[]).includes(MAC_CAPABILITY);
}

/** Runners of any repository that were heard of since `since` and wait for work. */
export async function listIdleRunners(
  db: Reader,
  since: number,
): Promise<(Pick<LiveRunner, 'labels' | 'capabilities'> & { repositories: string[] })[]> {
  const rows = await db
    .selectFrom('runners')
    .innerJoin('tokens', 'tokens.id', 'runners.token_id')
    .select(['runners.labels', 'runners.capabilities', 'tokens.repositories'])
    .where('runners.seen_at', '>=', since)
    .where('runners.draining', '=', 0)
    .where('runners.run_id', 'is', null)
    .where('tokens.revoked_at', 'is', null)
    .execute();
  return rows.map((row) => ({
    labels: JSON.parse(row.labels) as string[],
    capabilities: JSON.parse(row.capabilities) as string[],
    repositories: tokenRepositories(row),
  }));
}

/** Runners heard of since `since` whose token covers a repository (`owner/name`), by name. */
export async function listLiveRunners(db: Reader, repository: string, since: number): Promise<LiveRunner[]> {
  const rows = await db
    .selectFrom('runners')
    .innerJoin('tokens', 'tokens.id', 'runners.token_id')
    .selectAll('runners')
    .select('tokens.repositories')
    .where('runners.seen_at', '>=', since)
    .where('tokens.revoked_at', 'is', null)
    .orderBy('runners.name')
    .orderBy('runners.token_id')
    .execute();
  return rows
    .filter((row) => tokenRepositories(row).includes(repository.toLowerCase()))
    .map((row) => ({
      name: row.name,
      labels: JSON.parse(row.labels) as string[],
      capabilities: JSON.parse(row.capabilities) as string[],
      version: row.version,
      runId: row.run_id,
      draining: row.draining === 1,
      seenAt: row.seen_at,
    }));
}
