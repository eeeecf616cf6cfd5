import type { Budget, RequestCost } from './budget.ts';
import { EFFECTS, type EffectName, effect } from './effect.ts';
import { GitHubError, toGitHubError } from './errors.ts';
import type { GitHubOctokit } from './octokit.ts';

/** One repository as one installation sees it. */
export interface RepositoryContext {
  octokit: GitHubOctokit;
  owner: string;
  name: string;
  repoId: number;
  /** One per installation, shared by its repositories. */
  budget: Budget;
  /** The app's slug: it comments as `<slug>[bot]`, a login nobody else can have. */
  appSlug: string;
  appId: number;
  /** Default: the ten seconds after which GitHub ends a request. */
  landsWithinMs?: number | undefined;
  /** Trees of commits seen, by commit: they never change, so each is asked for once. */
  commitTrees?: Map<string, string> | undefined;
}

/** What every Octokit call of ours starts from. */
type BaseParameters = {
  owner: string;
  repo: string;
  request: { signal: AbortSignal; redirect?: 'manual' };
};

interface Answer {
  status: number;
  url: string;
  headers?: object;
}

/** A renamed repository keeps its id in the new address; a transferred issue is in one with another id. */
function isElsewhere(context: Pick<RepositoryContext, 'repoId'>, { headers = {} }: Answer): boolean {
  const location = 'location' in headers ? String(headers.location) : '';
  const id = /\/repositories\/(\d+)\//.exec(location)?.[1];
  return id !== undefined && Number(id) !== context.repoId;
}

export function read<T extends Answer>(
  context: RepositoryContext,
  signal: AbortSignal,
  send: (base: BaseParameters) => Promise<T>,
): Promise<T> {
  return call(context, 'read', signal, () =>
    send({ owner: context.owner, repo: context.name, request: { signal } }),
  );
}

export function write<T extends Answer>(
  context: RepositoryContext,
  name: EffectName,
  signal: AbortSignal,
  send: (base: BaseParameters) => Promise<T>,
): Promise<T> {
  return call(context, EFFECTS[name], signal, () =>
    effect(name, async () => {
      // fetch would follow a renamed repository's 301 by turning the POST into a GET.
      const request = { signal, redirect: 'manual' } as const;
      const answer = await send({ owner: context.owner, repo: context.name, request });
      if (answer.status < 300) return answer;
      if (isElsewhere(context, answer))
        throw new GitHubError('gone', 'it was transferred to another repository', { status: answer.status });
      throw new GitHubError('moved', `${context.owner}/${context.name} was renamed or transferred`, {
        status: answer.status,
      });
    }),
  );
}

/** GraphQL has no status of its own: it answers 200 or throws. */
export function mutate(
  context: RepositoryContext,
  name: EffectName,
  signal: AbortSignal,
  query: string,
  variables: Record<string, string>,
): Promise<unknown> {
  return call(context, EFFECTS[name], signal, () =>
    effect(name, () => context.octokit.graphql(query, { ...variables, request: { signal } })),
  );
}

async function call<T>(
  context: RepositoryContext,
  cost: RequestCost,
  signal: AbortSignal,
  send: () => Promise<T>,
): Promise<T> {
  const release = await context.budget.take(cost, signal);
  try {
    return await send();
  } catch (error) {
    if (signal.aborted) {
      throw new GitHubError('aborted', 'the call to GitHub was aborted', { cause: error });
    }
    const failure = toGitHubError(error, Date.now());
    if (failure.kind === 'rate_limited' && failure.retryAt !== null) {
      context.budget.pauseUntil(failure.retryAt);
    }
    throw failure;
  } finally {
    release();
  }
}

/** null where GitHub says that there is no such thing. */
export async function orNull<T>(promise: Promise<T>): Promise<T | null> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof GitHubError && error.kind === 'not_found') return null;
    throw error;
  }
}

/** Reads pages of 100 until one is short or `limit` is reached. */
export async function readPages<T>(
  limit: number,
  readPage: (page: number) => Promise<T[]>,
  firstPage = 1,
): Promise<{ items: T[]; truncated: boolean }> {
  const items: T[] = [];
  for (let page = firstPage; ; page += 1) {
    const found = await readPage(page);
    items.push(...found);
    if (found.length < 100) return { items: items.slice(0, limit), truncated: items.length > limit };
    if (items.length >= limit) return { items: items.slice(0, limit), truncated: true };
  }
}
