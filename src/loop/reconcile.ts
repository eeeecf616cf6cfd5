import { BoundedMap } from '../github/bounded-map.ts';
import type { Budget } from '../github/budget.ts';
import type { RepositoryContext } from '../github/call-github.ts';
import { type GitHubError, isGitHubError } from '../github/errors.ts';
import type { Octokits } from '../github/octokit.ts';
import type { Log } from '../github/scope.ts';
import { listRepositories } from '../store/repositories.ts';
import type { Store } from '../store/store.ts';
import type { RepositoryRow } from '../store/tables.ts';
import { wakeOutages } from '../store/work.ts';
import type { Due } from './due.ts';
import { type Listed, scanInstallations } from './scan-installations.ts';
import { type ScanDeps, scanRepository } from './scan-repository.ts';
import { sweepDeliveries } from './sweep-deliveries.ts';

/** The work item of the reconciler: one for all repositories. */
export const RECONCILE_KEY = 'reconcile';

export interface ReconcileOptions {
  store: Store;
  octokits: Octokits;
  budgetOf: (installationId: number) => Budget;
  app: { id: number; slug: string };
  log: Log;
  now: () => number;
  /** Between two passes. */
  intervalMs: number;
  /** Whether webhooks come: then every pass is a full one, and their failures are swept. Else most only look whether anything changed. */
  webhooks: boolean;
  dueOf: (name: string, payload: unknown, now: number) => Due[];
  isKnownEvent: (name: string, action: string | null) => boolean;
}

export interface Reconciler {
  /** Looks once at everything that is due to be looked at, and says when to look again. Throws only on abort. */
  pass(signal: AbortSignal): Promise<{ dueAt: number }>;
}

/** Without webhooks, every repository is read in full this often, not all in one pass. */
const FULL_EVERY_MS = 180_000;
/** And the list of installations and repositories. */
const INSTALLATIONS_EVERY_MS = 60_000;
/**
 * A pass that asked much is followed by a longer pause: 120 points of GitHub's 900 a minute, so that polling
 * leaves the rest to the work however many repositories there are.
 */
const REQUESTS_PER_SECOND = 2;
const AT_A_TIME = 4;
const MARKS_KEPT = 20_000;
const TAKEN_KEPT = 10_000;

/**
 * Finds what webhooks did not tell: it only records what they would have recorded, under the same keys, so
 * that doing it twice is nothing. Without webhooks it is the only ear.
 */
export function createReconciler(options: ReconcileOptions): Reconciler {
  const { store, octokits, budgetOf, log, now } = options;
  let requests = 0;
  let passes = 0;
  let installationsAt = Number.NEGATIVE_INFINITY;
  const memory = {
    etags: new Map<string, { query: string; etag: string }>(),
    onRequest: () => {
      requests += 1;
    },
  };
  const scan: ScanDeps = { store, now, memory, marks: new BoundedMap(MARKS_KEPT), read: new Set() };
  const taken = new BoundedMap<string, true>(TAKEN_KEPT);
  const listed: Listed = new Map();
  const fullEvery = options.webhooks ? 1 : Math.max(1, Math.round(FULL_EVERY_MS / options.intervalMs));

  async function pass(signal: AbortSignal): Promise<{ dueAt: number }> {
    const startedAt = now();
    requests = 0;
    const outcome = await look(signal).catch((error: unknown) => {
      if (signal.aborted) throw error;
      log.warn({ err: error }, 'the reconciler could not look at GitHub; trying again');
      return isGitHubError(error) ? (error as GitHubError) : 'done';
    });
    passes += 1;
    const pause = Math.max(options.intervalMs, (requests / REQUESTS_PER_SECOND) * 1_000);
    if (outcome === 'more') return { dueAt: now() };
    const retryAt = outcome === 'done' ? null : outcome.retryAt;
    return { dueAt: Math.max(startedAt + pause, retryAt ?? 0) };
  }

  async function look(signal: AbortSignal): Promise<'more' | 'done'> {
    const swept = options.webhooks
      ? await orDone('the failed deliveries', signal, () =>
          sweepDeliveries({ ...options, memory, taken }, signal),
        )
      : 'done';
    // After the sweep: a late delivery may tell of a state that is over.
    if (options.webhooks || now() - installationsAt >= INSTALLATIONS_EVERY_MS) {
      await orDone('the installations', signal, async () => {
        await scanInstallations({ ...options, memory, listed }, signal);
        installationsAt = now();
        return 'done';
      });
    }
    const repositories = await listRepositories(store.db, 'active');
    const results = await inGroups(repositories, (repo, index) => scanOne(repo, index, signal));
    // GitHub answers again.
    await store.write((tx) => wakeOutages(tx));
    return [swept, ...results].includes('more') ? 'more' : 'done';
  }

  /** What the app asks as itself may fail while repositories can be read. */
  async function orDone(
    what: string,
    signal: AbortSignal,
    work: () => Promise<'more' | 'done'>,
  ): Promise<'more' | 'done'> {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted) throw error;
      log.warn({ err: error }, `${what} could not be read; trying again`);
      return 'done';
    }
  }

  async function scanOne(repo: RepositoryRow, index: number, signal: AbortSignal): Promise<'more' | 'done'> {
    const context: RepositoryContext = {
      octokit: octokits.installation(repo.installation_id),
      owner: repo.owner,
      name: repo.name,
      repoId: repo.id,
      budget: budgetOf(repo.installation_id),
      appSlug: options.app.slug,
      appId: options.app.id,
    };
    // Each in another pass, so that no minute holds them all.
    const full = !scan.read.has(repo.id) || (passes + index) % fullEvery === 0;
    try {
      return await scanRepository(scan, context, repo, full, signal);
    } catch (error) {
      // GitHub is away or wants a rest: the others would fail too.
      if (signal.aborted || isGitHubError(error, 'unavailable', 'rate_limited', 'aborted', 'unauthorized'))
        throw error;
      log.warn({ err: error, repository: `${repo.owner}/${repo.name}` }, 'a repository could not be read');
      return 'done';
    }
  }

  return { pass };
}

async function inGroups<T, R>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const one = async () => {
    while (next < items.length) {
      const index = next;
      next += 1;
      const item = items[index];
      if (item !== undefined) results.push(await work(item, index));
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, one));
  return results;
}
