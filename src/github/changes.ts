import { orNull, type RepositoryContext, read } from './call-github.ts';
import { isGitHubError } from './errors.ts';
import { type Look, type LookMemory, look, NOTHING } from './look.ts';
import { toPull, toReview } from './pull-reads.ts';
import { toComment, toIssue, toReviewComment } from './thread-reads.ts';
import type { Comment, Issue, Pull, Review, ReviewComment } from './types.ts';

/** How a text came to be as it is. Times are ISO 8601. */
export interface TextHistory {
  /** When others could see it first: a review's comments are written before that. */
  publishedAt: string;
  /** Null: never edited. */
  editedAt: string | null;
  /** Null: never edited, or by an account that is gone. */
  editor: string | null;
}

/**
 * What has changed in one repository, by few lists of the whole of it. `since` is ISO 8601, inclusive, and
 * on `updated_at`, which has whole seconds.
 */
export interface Changes {
  /** Issues and pull requests, closed ones too, the oldest change first. */
  issues(since: string, signal: AbortSignal): Promise<Look<Issue>>;
  comments(since: string, signal: AbortSignal): Promise<Look<Comment>>;
  reviewComments(since: string, signal: AbortSignal): Promise<Look<ReviewComment>>;
  /** Open pull requests, the latest change first, at least down to `since`. */
  openPulls(since: string, signal: AbortSignal): Promise<Look<Pull>>;
  reviews(number: number, signal: AbortSignal): Promise<Look<Review>>;
  /** One item, the head commit; none in an empty repository. */
  head(branch: string, signal: AbortSignal): Promise<Look<string>>;
  /** Heads of the groups that GitHub's merge queues test now. */
  mergeGroups(signal: AbortSignal): Promise<Look<string>>;
  /** Names of the files in a folder at a commit; empty when there is none. */
  folder(path: string, ref: string, signal: AbortSignal): Promise<string[]>;
  /** Null: it was deleted. */
  textHistory(nodeId: string, signal: AbortSignal): Promise<TextHistory | null>;
}

const ITEMS_LIMIT = 1000;
const OPEN_PULLS_LIMIT = 300;

export function createChanges(context: RepositoryContext, memory: LookMemory): Changes {
  const { rest } = context.octokit;
  const inOrder = { sort: 'updated', direction: 'asc', per_page: 100 } as const;
  const limit = ITEMS_LIMIT;
  return {
    async issues(since, signal) {
      const send = (base: Base, page: number) =>
        rest.issues.listForRepo({ ...base, ...inOrder, state: 'all', since, page });
      const question = { name: 'issues', query: since, limit, send };
      const found = await look(context, memory, question, signal).catch((error: unknown) => {
        // Issues are turned off in this repository.
        if (isGitHubError(error, 'gone')) return NOTHING;
        throw error;
      });
      return map(found, toIssue);
    },

    async comments(since, signal) {
      const send = (base: Base, page: number) =>
        rest.issues.listCommentsForRepo({ ...base, ...inOrder, since, page });
      return map(
        await look(context, memory, { name: 'comments', query: since, limit, send }, signal),
        (item) => toComment(context, item, item.issue_url),
      );
    },

    async reviewComments(since, signal) {
      const send = (base: Base, page: number) =>
        rest.pulls.listReviewCommentsForRepo({ ...base, ...inOrder, since, page });
      return map(
        await look(context, memory, { name: 'review comments', query: since, limit, send }, signal),
        (item) => toReviewComment(context, item),
      );
    },

    async openPulls(since, signal) {
      const found = await look(
        context,
        memory,
        {
          name: 'open pulls',
          query: '',
          limit: OPEN_PULLS_LIMIT,
          send: (base, page) =>
            rest.pulls.list({
              ...base,
              state: 'open',
              sort: 'updated',
              direction: 'desc',
              per_page: 100,
              page,
            }),
          until: (items) => items.some((item) => item.updated_at < since),
        },
        signal,
      );
      return map(found, (item) => toPull(context, item));
    },

    async reviews(number, signal) {
      const send = (base: Base, page: number) =>
        rest.pulls.listReviews({ ...base, pull_number: number, per_page: 100, page });
      return map(
        await look(context, memory, { name: `reviews of ${number}`, query: '', limit, send }, signal),
        toReview,
      );
    },

    async head(branch, signal) {
      const send = async (base: Base) => {
        const answer = await rest.git.getRef({ ...base, ref: `heads/${branch}` });
        return { ...answer, data: [answer.data.object.sha] };
      };
      try {
        return await look(context, memory, { name: 'head', query: branch, limit: 1, send }, signal);
      } catch (error) {
        // An empty repository says so by 409.
        if (!isGitHubError(error, 'not_found', 'conflict')) throw error;
        return NOTHING;
      }
    },

    async mergeGroups(signal) {
      const send = async (base: Base) => {
        const answer = await rest.git.listMatchingRefs({ ...base, ref: 'heads/gh-readonly-queue/' });
        return { ...answer, data: answer.data.map((ref) => ref.object.sha) };
      };
      return look(context, memory, { name: 'merge groups', query: '', limit, send }, signal);
    },

    async folder(path, ref, signal) {
      memory.onRequest();
      const answer = await orNull(
        read(context, signal, (base) => rest.repos.getContent({ ...base, path, ref })),
      );
      return answer && Array.isArray(answer.data) ? answer.data.map((entry) => entry.name) : [];
    },

    async textHistory(nodeId, signal) {
      memory.onRequest();
      const node = await read(context, signal, async ({ request }) => {
        const data = await context.octokit.graphql<Answered>(HISTORY, { id: nodeId, request });
        return { ...data, status: 200, url: '' };
      }).then(
        (answer) => answer.node,
        (error: unknown) => {
          if (isGitHubError(error, 'not_found')) return null;
          throw error;
        },
      );
      if (!node?.publishedAt) return null;
      return {
        publishedAt: node.publishedAt,
        editedAt: node.lastEditedAt,
        editor: node.editor?.login ?? null,
      };
    },
  };
}

/** REST does not tell who edited a text, and `updated_at` changes for other reasons too. */
const HISTORY =
  'query($id: ID!) { node(id: $id) { ... on Comment { publishedAt lastEditedAt editor { login } } } }';

interface Answered {
  node: {
    publishedAt: string | null;
    lastEditedAt: string | null;
    editor: { login: string } | null;
  } | null;
}

type Base = Parameters<Parameters<typeof look>[2]['send']>[0];

function map<D, T>(found: Look<D>, convert: (item: D) => T): Look<T> {
  return { ...found, items: found.items.map(convert) };
}
