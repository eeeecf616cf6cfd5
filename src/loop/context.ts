import { gatherPlannerInput } from '../ask/gather-input.ts';
import { BoundedMap } from '../github/bounded-map.ts';
import type { Budget } from '../github/budget.ts';
import { GitHubError } from '../github/errors.ts';
import type { Octokits } from '../github/octokit.ts';
import { createRepositoryClient, type RepositoryClient } from '../github/repository-client.ts';
import type { Log, Scope } from '../github/scope.ts';
import { createTurns, type Turns } from '../github/turns.ts';
import type { MergeMethod } from '../github/types.ts';
import { parseSettings } from '../job/settings.ts';
import type { Model } from '../llm/client.ts';
import type { Prompts } from '../plan/prompts.ts';
import { writeAudit } from '../store/audit.ts';
import { addPause, listPauses, removePause } from '../store/pauses.ts';
import { getRepository } from '../store/repositories.ts';
import type { Store } from '../store/store.ts';
import type { RepositoryRow } from '../store/tables.ts';
import { type Redact, redactingClient, redactingModel } from './outgoing.ts';
import { wakeRepository } from './record.ts';
import { repositoryOf, type WorkContext } from './work.ts';

export const SETTINGS_PATH = '.github/guruguru.yml';
/** A push tells of a change at once; this is for a push that was missed. */
const SETTINGS_MAX_AGE_MS = 10 * 60_000;
const MERGE_METHODS_MAX_AGE_MS = 10 * 60_000;

export interface LoopDeps {
  store: Store;
  octokits: Octokits;
  /** One per installation. */
  budgetOf: (installationId: number) => Budget;
  app: { id: number; slug: string };
  /** As in RepositoryContext. */
  landsWithinMs: number | undefined;
  model: Model | null;
  prompts: Prompts;
  redact: Redact;
  webUrl: string;
  log: Log;
  now: () => number;
}

/** Nothing can be written while the app is suspended or the repository archived; their ends wake what waits. */
export class ParkedError extends Error {
  override readonly name = 'ParkedError';
  /** Milliseconds since the epoch; in case the event of that end was missed. */
  readonly retryAt: number;

  constructor(repo: Pick<RepositoryRow, 'owner' | 'name' | 'state'>, now: number) {
    super(`${repo.owner}/${repo.name} is ${repo.state}: what is due there waits until it is not`);
    this.retryAt = now + PARKED_MS;
  }
}

const PARKED_MS = 3_600_000;

/**
 * Makes the context of one work item; null when its repository is unknown or gone.
 * @throws ParkedError
 */
export type MakeContext = (key: string, signal: AbortSignal, attempts: number) => Promise<WorkContext | null>;

export function createContexts(deps: LoopDeps): MakeContext {
  const methods = new Map<number, { at: number; value: MergeMethod[] }>();
  const blobs = new Map<string, Uint8Array>();
  const trees = new BoundedMap<string, Tree>(TREES_KEPT);
  const turns = createTurns();
  const commitTrees = new BoundedMap<string, string>(COMMIT_TREES_KEPT);
  const settingsReads = new Map<number, Promise<string | null>>();
  return async (key, signal, attempts) => {
    const repo = await getRepository(deps.store.db, repositoryOf(key));
    if (!repo || repo.state === 'gone') return null;
    const looks = key.startsWith('repo:');
    if (repo.state === 'suspended' || (repo.state === 'archived' && !looks))
      throw new ParkedError(repo, deps.now());
    const direct = sparing(
      trees,
      turns,
      createRepositoryClient({
        octokit: deps.octokits.installation(repo.installation_id),
        owner: repo.owner,
        name: repo.name,
        repoId: repo.id,
        budget: deps.budgetOf(repo.installation_id),
        appSlug: deps.app.slug,
        appId: deps.app.id,
        commitTrees,
        landsWithinMs: deps.landsWithinMs,
      }),
    );
    const client = redactingClient(direct, deps.redact);
    // Passes that start together ask for the settings once.
    const reading = settingsReads.get(repo.id) ?? settingsText(deps, repo, client, signal);
    settingsReads.set(repo.id, reading);
    const text = await reading.finally(() => settingsReads.delete(repo.id));
    const parsed = parseSettings(text, SETTINGS_PATH);
    const paused = await pauseOf(deps, repo.id, parsed.settings.paused);
    const scope: Scope = {
      store: deps.store,
      client,
      repo,
      settings: parsed.settings,
      settingsFindings: parsed.ok ? [] : parsed.findings,
      paused,
      webUrl: deps.webUrl,
      signal,
      log: deps.log,
      now: deps.now,
    };
    return {
      ...scope,
      key,
      rest: key.slice(key.indexOf(':') + 1),
      attempts,
      planner: {
        model: deps.model && redactingModel(deps.model, deps.redact),
        prompts: deps.prompts,
        contradictionPrompt: deps.prompts.contradiction,
        gather: (ask) => gatherPlannerInput(scope, ask, blobs),
      },
      mergeMethods: async () => {
        const known = methods.get(repo.id);
        if (known && isFresh(deps.now() - known.at, MERGE_METHODS_MAX_AGE_MS)) return known.value;
        const value = (await client.getRepository(signal)).mergeMethods;
        methods.set(repo.id, { at: deps.now(), value });
        return value;
      },
    };
  };
}

const COMMIT_TREES_KEPT = 1_000;

type Tree = Awaited<ReturnType<RepositoryClient['tree']>>;
const TREES_KEPT = 16;

/** A pass that plans, or waits for the write budget, may take minutes; what it saw before is asked again. */
const FRESH_MS = 2_000;

/**
 * Asks GitHub no question twice in one pass: within two seconds a login's permission and a PR (without a
 * write of ours in between), and what never changes, the tree of a commit, over all passes. Commits on one
 * branch take turns: made at once, all but one would find it moved and be made again.
 */
function sparing(trees: Map<string, Tree>, turns: Turns, client: RepositoryClient): RepositoryClient {
  const permissions = new Map<
    string,
    { at: number; permission: ReturnType<RepositoryClient['permission']> }
  >();
  const pulls = new Map<number, { at: number; pull: ReturnType<RepositoryClient['pull']> }>();
  const changing =
    <A extends unknown[], R>(call: (...args: A) => R) =>
    (...args: A): R => {
      pulls.clear();
      return call(...args);
    };
  return {
    ...client,
    mergePull: changing(client.mergePull),
    updatePull: changing(client.updatePull),
    closePull: changing(client.closePull),
    updateBranch: changing(client.updateBranch),
    commitFiles: (options, signal) =>
      turns.take(`${client.repoId}:${options.branch}`, signal, () => client.commitFiles(options, signal)),
    pull(number, signal) {
      const seen = pulls.get(number);
      if (seen && performance.now() - seen.at < FRESH_MS) return seen.pull;
      const pull = client.pull(number, signal);
      pulls.set(number, { at: performance.now(), pull });
      return pull;
    },
    permission(login, signal) {
      const asked = permissions.get(login);
      if (asked && performance.now() - asked.at < FRESH_MS) return asked.permission;
      const permission = client.permission(login, signal);
      permissions.set(login, { at: performance.now(), permission });
      return permission;
    },
    async tree(ref, options, signal) {
      const fixed = /^[0-9a-f]{40}$/.test(ref);
      const key = `${client.repoId}:${ref}:${options.recursive}`;
      const known = trees.get(key);
      if (known) return known;
      const tree = await client.tree(ref, options, signal);
      if (fixed) trees.set(key, tree);
      return tree;
    },
  };
}

/** What was read in the future is not fresh: the clock was set back since. */
const isFresh = (ageMs: number, maxMs: number) => ageMs >= 0 && ageMs < maxMs;

/** The settings file of the default branch; what a PR's head says never counts. */
async function settingsText(
  deps: LoopDeps,
  repo: RepositoryRow,
  client: Scope['client'],
  signal: AbortSignal,
): Promise<string | null> {
  if (repo.settings_read_at > 0 && isFresh(deps.now() - repo.settings_read_at, SETTINGS_MAX_AGE_MS))
    return repo.settings_text;
  const startedAt = deps.now();
  const file = await client.readFile(SETTINGS_PATH, repo.default_branch, signal).catch((error: unknown) => {
    if (error instanceof GitHubError && error.kind === 'not_found') return null;
    throw error;
  });
  const text = file?.text ?? null;
  // A push that came while we read has set another mark: then what we read may be old, and is read again.
  await deps.store.write(async (tx) => {
    const { numUpdatedRows } = await tx
      .updateTable('repositories')
      .set({ settings_text: text, settings_read_at: startedAt })
      .where('id', '=', repo.id)
      .where('settings_read_at', '=', repo.settings_read_at)
      .executeTakeFirst();
    if (numUpdatedRows === 0n || text === repo.settings_text) return;
    await writeAudit(tx, {
      what: 'settings_applied',
      who: `branch ${repo.default_branch}`,
      subject: `${repo.owner}/${repo.name}`,
      repoId: repo.id,
      detail: { blob: file?.blobSha ?? null },
    });
  });
  return text;
}

/** Who paused a repository; what the settings say of it is kept as a row, which the leases look at. */
async function pauseOf({ store, now }: LoopDeps, repoId: number, byFile: boolean): Promise<Scope['paused']> {
  const pauses = await listPauses(store.db, repoId);
  if (pauses.some(({ source }) => source === 'file') === byFile) return pauses[0] ?? null;
  await store.write(async (tx) => {
    if (byFile) await addPause(tx, { repo_id: repoId, source: 'file', login: null, at: now() });
    else if (await removePause(tx, repoId, 'file')) await wakeRepository(tx, repoId);
  });
  return (await listPauses(store.db, repoId))[0] ?? null;
}
