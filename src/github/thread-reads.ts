import type { RestEndpointMethodTypes } from '@octokit/plugin-rest-endpoint-methods';
import { type RepositoryContext, read, readPages } from './call-github.ts';
import type { RepositoryClient } from './repository-api.ts';
import type { Comment, Issue, ReviewComment } from './types.ts';

type ThreadReads = Pick<RepositoryClient, 'issue' | 'comments' | 'issueComment' | 'reviewComment'>;
export type IssueData = RestEndpointMethodTypes['issues']['get']['response']['data'];
export type CommentData = RestEndpointMethodTypes['issues']['getComment']['response']['data'];
export type ReviewCommentData = RestEndpointMethodTypes['pulls']['getReviewComment']['response']['data'];

export function createThreadReads(context: RepositoryContext): ThreadReads {
  const { rest } = context.octokit;

  return {
    async issue(number, signal) {
      const { data } = await read(context, signal, (base) =>
        rest.issues.get({ ...base, issue_number: number }),
      );
      return toIssue(data);
    },

    comments: (number, options, signal) => readComments(context, number, options, signal),

    async issueComment(id, signal) {
      const { data } = await read(context, signal, (base) =>
        rest.issues.getComment({ ...base, comment_id: id }),
      );
      return toComment(context, data, data.issue_url);
    },

    async reviewComment(id, signal) {
      const { data } = await read(context, signal, (base) =>
        rest.pulls.getReviewComment({ ...base, comment_id: id }),
      );
      return toReviewComment(context, data);
    },
  };
}

/** The thread's comments in order; GitHub lists them oldest first only, so a long thread's last pages. */
export async function readComments(
  context: RepositoryContext,
  number: number,
  options: { limit?: number; since?: string | undefined },
  signal: AbortSignal,
): Promise<Comment[]> {
  const limit = options.limit ?? 300;
  const filter = options.since === undefined ? {} : { since: options.since };
  const readPage = (page: number) =>
    read(context, signal, (base) =>
      context.octokit.rest.issues.listComments({
        ...base,
        ...filter,
        issue_number: number,
        per_page: 100,
        page,
      }),
    );
  const first = await readPage(1);
  const found = [...first.data];
  if (first.data.length === 100) {
    const last = lastPage(first.headers.link);
    const start = last === null ? 2 : Math.max(2, last - Math.ceil(limit / 100));
    const rest = await readPages(
      Number.POSITIVE_INFINITY,
      async (page) => (await readPage(page)).data,
      start,
    );
    found.push(...rest.items);
  }
  return found.slice(-limit).map((item) => toComment(context, item, item.issue_url));
}

function lastPage(link: string | undefined): number | null {
  const url = link?.match(/<([^>]+)>;\s*rel="last"/)?.[1];
  const page = url === undefined ? Number.NaN : Number(new URL(url).searchParams.get('page'));
  return Number.isInteger(page) && page > 0 ? page : null;
}

export function toIssue(data: IssueData): Issue {
  return {
    number: data.number,
    nodeId: data.node_id,
    title: data.title,
    body: data.body ?? '',
    login: data.user?.login ?? 'ghost',
    loginType: data.user?.type ?? 'User',
    state: data.state === 'closed' ? 'closed' : 'open',
    isPull: data.pull_request !== undefined,
    merged: Boolean(data.pull_request?.merged_at),
    createdAt: data.created_at,
    updatedAt: data.updated_at,
  };
}

type Described = Pick<
  CommentData,
  'id' | 'node_id' | 'body' | 'user' | 'created_at' | 'updated_at' | 'html_url'
>;

export function toComment(context: RepositoryContext, data: Described, threadUrl: string): Comment {
  return {
    id: Number(data.id),
    nodeId: data.node_id,
    body: data.body ?? '',
    login: data.user?.login ?? 'ghost',
    loginType: data.user?.type ?? 'User',
    ours: data.user?.login === `${context.appSlug}[bot]`,
    thread: numberAtEnd(threadUrl),
    createdAt: data.created_at,
    updatedAt: data.updated_at,
    url: data.html_url,
  };
}

export function toReviewComment(context: RepositoryContext, data: ReviewCommentData): ReviewComment {
  return {
    ...toComment(context, data, data.pull_request_url),
    path: data.path,
    diffHunk: data.diff_hunk,
    line: data.line ?? data.original_line ?? null,
    inReplyTo: data.in_reply_to_id === undefined ? null : Number(data.in_reply_to_id),
  };
}

function numberAtEnd(url: string): number {
  return Number(url.slice(url.lastIndexOf('/') + 1));
}
