import { awaitLanding } from './await-landing.ts';
import { orNull, type RepositoryContext, read, readPages, write } from './call-github.ts';
import { clipText, TEXT_LIMIT } from './clip-text.ts';
import type { RepositoryClient } from './repository-api.ts';
import { readComments } from './thread-reads.ts';

type Comments = Pick<
  RepositoryClient,
  'react' | 'reacted' | 'ensureComment' | 'updateComment' | 'commitComment'
>;

/** A thread's comments searched for a marker of ours, newest first. */
const SEARCH_LIMIT = 1000;

/** The hidden last line that says what a comment of ours is for. */
export function commentMarker(key: string): string {
  if (!/^[A-Za-z0-9._:/@-]+$/.test(key) || key.includes('--')) {
    throw new RangeError(`a comment's key must be letters, digits and . _ : / @ -, but it is ${key}`);
  }
  return `<!-- guruguru:${key} -->`;
}

export function createComments(context: RepositoryContext): Comments {
  const { rest } = context.octokit;

  const updateComment: Comments['updateComment'] = async (id, options, signal) => {
    const answer = await orNull(
      write(context, 'comment.update', signal, (base) =>
        rest.issues.updateComment({ ...base, comment_id: id, body: withMarker(options) }),
      ),
    );
    return answer === null ? 'gone' : 'updated';
  };

  return {
    updateComment,

    /** GitHub answers 200 to a reaction that is there already. */
    async react(source, content, signal) {
      await write<{ status: number; url: string }>(context, 'reaction.create', signal, (base) => {
        if (source.kind === 'i') {
          return rest.reactions.createForIssue({ ...base, issue_number: source.id, content });
        }
        const target = { ...base, comment_id: source.id, content };
        return source.kind === 'c'
          ? rest.reactions.createForIssueComment(target)
          : rest.reactions.createForPullRequestReviewComment(target);
      });
    },

    async reacted(source, content, signal) {
      const { data } = await read(context, signal, (base) => {
        const filter = { ...base, content, per_page: 100 };
        if (source.kind === 'i') return rest.reactions.listForIssue({ ...filter, issue_number: source.id });
        const target = { ...filter, comment_id: source.id };
        return source.kind === 'c'
          ? rest.reactions.listForIssueComment(target)
          : rest.reactions.listForPullRequestReviewComment(target);
      });
      return data.some((reaction) => reaction.user?.login === `${context.appSlug}[bot]`);
    },

    async ensureComment(options, signal) {
      const { knownId } = options;
      if (knownId !== undefined && (await updateComment(knownId, options, signal)) === 'updated') {
        return { id: knownId, created: false };
      }
      const body = withMarker(options);
      if (options.search) {
        const limits = { limit: SEARCH_LIMIT, since: options.since };
        const comments = await readComments(context, options.issue, limits, signal);
        const found = comments.findLast((comment) => comment.ours && bears(comment.body, options.key));
        const kept =
          found && (found.body === body || (await updateComment(found.id, options, signal)) === 'updated');
        if (found && kept) return { id: found.id, created: false };
        awaitLanding(options);
      }
      const { data } = await write(context, 'comment.create', signal, (base) =>
        rest.issues.createComment({ ...base, issue_number: options.issue, body }),
      );
      return { id: Number(data.id), created: true };
    },

    async commitComment(sha, options, signal) {
      const { items } = await readPages(SEARCH_LIMIT, async (page) => {
        const { data } = await read(context, signal, (base) =>
          rest.repos.listCommentsForCommit({ ...base, commit_sha: sha, per_page: 100, page }),
        );
        return data;
      });
      const found = items.find(
        (comment) => comment.user?.login === `${context.appSlug}[bot]` && bears(comment.body, options.key),
      );
      if (found) return { id: Number(found.id), created: false };
      awaitLanding(options);
      const { data } = await write(context, 'commit_comment.create', signal, (base) =>
        rest.repos.createCommitComment({ ...base, commit_sha: sha, body: withMarker(options) }),
      );
      return { id: Number(data.id), created: true };
    },
  };
}

function withMarker(options: { key: string; body: string }): string {
  const marker = `\n\n${commentMarker(options.key)}`;
  return `${clipText(options.body, TEXT_LIMIT - marker.length)}${marker}`;
}

/** Only as the last line: text that somebody else wrote can stand anywhere above it. */
function bears(body: string, key: string): boolean {
  return body.trimEnd().endsWith(commentMarker(key));
}
