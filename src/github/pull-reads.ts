import type { RestEndpointMethodTypes } from '@octokit/plugin-rest-endpoint-methods';
import { type RepositoryContext, read, readPages } from './call-github.ts';
import type { RepositoryClient } from './repository-api.ts';
import type { Pull, PullFile, Review } from './types.ts';

type PullReads = Pick<
  RepositoryClient,
  | 'pull'
  | 'pullFiles'
  | 'pullDiff'
  | 'reviews'
  | 'pullOfFile'
  | 'pullOfCommit'
  | 'broughtBy'
  | 'pullsFrom'
  | 'openPulls'
>;
type PullData = RestEndpointMethodTypes['pulls']['get']['response']['data'];
type ListedPull = RestEndpointMethodTypes['pulls']['list']['response']['data'][number];
type FileData = RestEndpointMethodTypes['pulls']['listFiles']['response']['data'][number];
type ReviewData = RestEndpointMethodTypes['pulls']['listReviews']['response']['data'][number];

const FILES_LIMIT = 300;
const REVIEWS_LIMIT = 1000;
const OPEN_PULLS_LIMIT = 300;
const COMMITS_LIMIT = 100;

export function createPullReads(context: RepositoryContext): PullReads {
  const { rest } = context.octokit;
  return {
    pull: (number, signal) => readPull(context, number, signal),

    async pullFiles(number, signal) {
      const { items, truncated } = await readPages(FILES_LIMIT, async (page) => {
        const { data } = await read(context, signal, (base) =>
          rest.pulls.listFiles({ ...base, pull_number: number, per_page: 100, page }),
        );
        return data;
      });
      return { files: items.map(toPullFile), truncated };
    },

    pullDiff: (number, maxBytes, signal) => readDiff(context, number, maxBytes, signal),

    async reviews(number, signal) {
      const { items, truncated } = await readPages(REVIEWS_LIMIT, async (page) => {
        const { data } = await read(context, signal, (base) =>
          rest.pulls.listReviews({ ...base, pull_number: number, per_page: 100, page }),
        );
        return data;
      });
      // Nobody writes so many but to hide a later no behind them.
      return truncated ? [] : items.map(toReview);
    },

    async broughtBy(path, branch, signal) {
      const { data } = await read(context, signal, (base) =>
        rest.repos.listCommits({ ...base, sha: branch, path, per_page: 1 }),
      );
      const commit = data[0]?.sha;
      if (commit === undefined) return null;
      const pulls = await read(context, signal, (base) =>
        rest.repos.listPullRequestsAssociatedWithCommit({ ...base, commit_sha: commit }),
      );
      const pull = pulls.data.find(({ merged_at, base }) => merged_at !== null && base.ref === branch);
      return { commit, pull: pull?.number ?? null };
    },

    async pullOfFile(path, branch, signal) {
      const { items } = await readPages(COMMITS_LIMIT, async (page) => {
        const { data } = await read(context, signal, (base) =>
          context.octokit.rest.repos.listCommits({ ...base, sha: branch, path, per_page: 100, page }),
        );
        return data;
      });
      // The oldest brought it; with a merge commit GitHub may list that one too.
      for (const { sha } of items.toReversed()) {
        const { data } = await read(context, signal, (base) =>
          context.octokit.rest.repos.listPullRequestsAssociatedWithCommit({ ...base, commit_sha: sha }),
        );
        const found = data.find((pull) => pull.merged_at !== null && pull.base.ref === branch);
        if (found) return found.number;
      }
      return null;
    },

    async pullOfCommit(sha, signal) {
      const { data } = await read(context, signal, (base) =>
        context.octokit.rest.repos.listPullRequestsAssociatedWithCommit({ ...base, commit_sha: sha }),
      );
      return (data.find((pull) => pull.merged_at !== null) ?? data[0])?.number ?? null;
    },

    pullsFrom: (branch, signal) => readPulls(context, { head: branch, state: 'all' }, signal),
    openPulls: (filter, signal) => readPulls(context, filter, signal),
  };
}

export async function readPull(
  context: RepositoryContext,
  number: number,
  signal: AbortSignal,
): Promise<Pull> {
  const { data } = await read(context, signal, (base) =>
    context.octokit.rest.pulls.get({ ...base, pull_number: number }),
  );
  return toPull(context, data);
}

/** Newest first; the open ones unless said otherwise. */
export async function readPulls(
  context: RepositoryContext,
  filter: { base?: string; head?: string; state?: 'open' | 'all' },
  signal: AbortSignal,
): Promise<Pull[]> {
  const { items } = await readPages(OPEN_PULLS_LIMIT, async (page) => {
    const { data } = await read(context, signal, (base) =>
      context.octokit.rest.pulls.list({
        ...base,
        state: filter.state ?? 'open',
        ...(filter.base === undefined ? {} : { base: filter.base }),
        ...(filter.head === undefined ? {} : { head: `${context.owner}:${filter.head}` }),
        per_page: 100,
        page,
      }),
    );
    return data;
  });
  return items.map((item) => toPull(context, item));
}

async function readDiff(
  context: RepositoryContext,
  number: number,
  maxBytes: number,
  signal: AbortSignal,
): Promise<{ text: string; truncated: boolean }> {
  try {
    const { data } = await read(context, signal, (base) =>
      context.octokit.rest.pulls.get({
        ...base,
        pull_number: number,
        mediaType: { format: 'diff' },
        // The body as a stream, so that a huge diff is not held in memory.
        request: { ...base.request, parseSuccessResponseBody: false },
      }),
    );
    return await readStart(data as unknown as ReadableStream<Uint8Array>, maxBytes);
  } catch (error) {
    if (error instanceof Error && 'status' in error && error.status === 406) {
      return { text: '', truncated: true };
    }
    throw error;
  }
}

async function readStart(
  stream: ReadableStream<Uint8Array>,
  maxBytes: number,
): Promise<{ text: string; truncated: boolean }> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    size += chunk.byteLength;
    if (size > maxBytes) break;
  }
  const bytes = Buffer.concat(chunks);
  // `stream: true` drops a character that the cut has halved.
  const text = new TextDecoder().decode(bytes.subarray(0, maxBytes), { stream: size > maxBytes });
  return { text, truncated: size > maxBytes };
}

export function toPull(context: RepositoryContext, data: PullData | ListedPull): Pull {
  return {
    number: data.number,
    nodeId: data.node_id,
    title: data.title,
    body: data.body ?? '',
    login: data.user?.login ?? 'ghost',
    loginType: data.user?.type ?? 'User',
    ours: data.user?.login === `${context.appSlug}[bot]`,
    state: data.state === 'closed' ? 'closed' : 'open',
    draft: data.draft ?? false,
    merged: data.merged_at !== null,
    mergeable: 'mergeable' in data ? data.mergeable : null,
    mergedBy: 'merged_by' in data ? (data.merged_by?.login ?? null) : null,
    mergedByType: 'merged_by' in data ? (data.merged_by?.type ?? null) : null,
    mergedByUs: 'merged_by' in data && data.merged_by?.login === `${context.appSlug}[bot]`,
    mergeCommitSha: data.merge_commit_sha,
    headSha: data.head.sha,
    headRef: data.head.ref,
    headRepository: data.head.repo?.full_name ?? null,
    baseRef: data.base.ref,
    baseSha: data.base.sha,
    url: data.html_url,
    createdAt: data.created_at,
    updatedAt: data.updated_at,
  };
}

export function toPullFile(data: FileData): PullFile {
  return {
    path: data.filename,
    previousPath: data.previous_filename ?? null,
    status: data.status,
    blobSha: data.sha ?? '',
  };
}

export function toReview(data: ReviewData): Review {
  return {
    id: Number(data.id),
    login: data.user?.login ?? 'ghost',
    loginType: data.user?.type ?? 'User',
    state: toReviewState(data.state),
    body: data.body,
    commitSha: data.commit_id,
    submittedAt: data.submitted_at ?? null,
  };
}

function toReviewState(state: string): Review['state'] {
  const upper = state.toUpperCase();
  switch (upper) {
    case 'APPROVED':
    case 'CHANGES_REQUESTED':
    case 'DISMISSED':
    case 'PENDING':
      return upper;
    default:
      return 'COMMENTED';
  }
}
