import { gatherPlannerInput } from '../ask/gather-input.ts';
import type { Budget } from '../github/budget.ts';
import { GitHubError } from '../github/errors.ts';
import type { Octokits } from '../github/octokit.ts';
import { createRepositoryClient } from '../github/repository-client.ts';
import type { Log, Scope } from '../github/scope.ts';
import type { MergeMethod } from '../github/types.ts';
import { parseSettings } from '../job/settings.ts';
import type { Model } from '../llm/client.ts';
import type { Prompts } from '../plan/prompts.ts';
import { getRepository, patchRepository } from '../store/repositories.ts';
import type { Store } from '../store/store.ts';
import type { RepositoryRow } from '../store/tables.ts';
import type { WorkContext } from './work.ts';

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
  model: Model | null;
  prompts: Prompts;
  webUrl: string;
  log: Log;
  now: () => number;
}

/** Makes the context of one work item; null when its repository is unknown, suspended or gone. */
export type MakeContext = (key: string, signal: AbortSignal, attempts: number) => Promise<WorkContext | null>;

export function createContexts(deps: LoopDeps): MakeContext {
  const methods = new Map<number, { at: number; value: MergeMethod[] }>();
  const blobs = new Map<string, Uint8Array>();
  return async (key, signal, attempts) => {
    // `status:` and `stuck:` stand before a whole key, whose second part is the repository too.
    const parts = key.split(':');
    const repoId = Number(parts.find((part) => /^\d+$/.test(part)));
    const repo = await getRepository(deps.store.db, repoId);
    if (!repo || repo.state === 'suspended' || repo.state === 'gone') return null;
    const client = createRepositoryClient({
      octokit: deps.octokits.installation(repo.installation_id),
      owner: repo.owner,
      name: repo.name,
      repoId: repo.id,
      budget: deps.budgetOf(repo.installation_id),
      appSlug: deps.app.slug,
      appId: deps.app.id,
    });
    const text = await settingsText(deps, repo, client, signal);
    const parsed = parseSettings(text, SETTINGS_PATH);
    const scope: Scope = {
      store: deps.store,
      client,
      repo,
      settings: parsed.settings,
      settingsFindings: parsed.ok ? [] : parsed.findings,
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
        model: deps.model,
        prompts: deps.prompts,
        gather: (ask) => gatherPlannerInput(scope, ask, blobs),
      },
      mergeMethods: async () => {
        const known = methods.get(repo.id);
        if (known && deps.now() - known.at < MERGE_METHODS_MAX_AGE_MS) return known.value;
        const value = (await client.getRepository(signal)).mergeMethods;
        methods.set(repo.id, { at: deps.now(), value });
        return value;
      },
    };
  };
}

/** The settings file of the default branch; what a PR's head says never counts. */
async function settingsText(
  deps: LoopDeps,
  repo: RepositoryRow,
  client: Scope['client'],
  signal: AbortSignal,
): Promise<string | null> {
  if (repo.settings_read_at > 0 && deps.now() - repo.settings_read_at < SETTINGS_MAX_AGE_MS)
    return repo.settings_text;
  const startedAt = deps.now();
  const file = await client.readFile(SETTINGS_PATH, repo.default_branch, signal).catch((error: unknown) => {
    if (error instanceof GitHubError && error.kind === 'not_found') return null;
    throw error;
  });
  const text = file?.text ?? null;
  await deps.store.write((tx) =>
    patchRepository(tx, repo.id, { settings_text: text, settings_read_at: startedAt }),
  );
  return text;
}
