import { type Heard, hear, type Written } from '../ask/receive-text.ts';
import type { TextHistory } from '../github/changes.ts';
import type { Comment, Issue, ReviewComment } from '../github/types.ts';
import type { PullData } from '../store/row-data.ts';

/** A text found by looking, with what is known of how it came to be. */
export interface FoundText {
  written: Written;
  nodeId: string;
  /** ISO 8601. */
  createdAt: string;
  updatedAt: string;
}

export function commentText(repoId: number, comment: Comment): FoundText {
  // A PR's comments are listed with the issues'; only their address tells.
  return found(repoId, comment, 'c', /\/pull\/\d+#/.test(comment.url));
}

export function reviewCommentText(repoId: number, comment: ReviewComment): FoundText {
  return found(repoId, comment, 'r', true);
}

export function openingText(repoId: number, issue: Issue): FoundText {
  const { number, nodeId, login, loginType, body, isPull, createdAt, updatedAt } = issue;
  return {
    nodeId,
    createdAt,
    updatedAt,
    written: {
      repoId,
      thread: number,
      onPull: isPull,
      source: 'i',
      sourceId: number,
      login,
      accountType: loginType,
      text: body,
      writtenAt: Date.parse(createdAt),
    },
  };
}

function found(repoId: number, comment: Comment, source: 'c' | 'r', onPull: boolean): FoundText {
  const { id, nodeId, thread, login, loginType, body, createdAt, updatedAt } = comment;
  return {
    nodeId,
    createdAt,
    updatedAt,
    written: {
      repoId,
      thread,
      onPull,
      source,
      sourceId: id,
      login,
      accountType: loginType,
      text: body,
      writtenAt: Date.parse(createdAt),
    },
  };
}

/** Whether it is surely as it was written, and written since then. */
export function isFresh(text: Pick<FoundText, 'createdAt' | 'updatedAt'>, since: number): boolean {
  return text.createdAt === text.updatedAt && Date.parse(text.createdAt) >= since;
}

/**
 * What a text starts that may have been edited, or was there before. Nobody saw it without the edit, so the
 * writer's own words count as they are; words that somebody else put there, or that were added later to what
 * was read before, get the reply an edit gets (`issue_comment.edited`).
 */
export function hearEdited(
  text: FoundText,
  history: TextHistory | null,
  since: number,
  now: number,
): Heard | null {
  if (!history) return null;
  const own = history.editedAt === null || history.editor === text.written.login;
  if (Date.parse(history.publishedAt) >= since && own) return hear(text.written, now);
  const editedSince = history.editedAt !== null && Date.parse(history.editedAt) >= since;
  return editedSince ? hear({ ...text.written, before: '' }, now) : null;
}

/** A pull request as a list shows it. */
export interface SeenPull {
  number: number;
  open: boolean;
  merged: boolean;
  /** Null: from the list of issues, which does not tell. */
  headSha: string | null;
  updatedAt: string;
}

/**
 * A mark that changes when the PR is to be looked at again, or null when it is not: one of ours whenever it
 * changes, until it is settled; any other once for every head, and once more when it was merged.
 */
export function pullMark(pull: SeenPull, row: PullData | null): string | null {
  if (row) {
    if (row.settled === 'merged' || (row.settled === 'rejected' && !pull.open && !pull.merged)) return null;
    return `${pull.updatedAt} ${pull.open} ${pull.headSha ?? row.headSha}`;
  }
  if (pull.open) return pull.headSha;
  return pull.merged ? 'merged' : null;
}
