import { type Client, createClient } from './client.ts';
import { emit } from './emit.ts';
import { int, type Json, text } from './json.ts';
import { emitSuite, mendRun } from './mend-checks.ts';
import type { RepositoryState } from './types.ts';
import { ask, repoPath, type World } from './world.ts';

export interface Comment {
  id: number;
  body: string;
  /** Login of the author; an app's is `<slug>[bot]`. */
  author: string;
  createdAt: string;
  updatedAt: string;
  json: Json;
}

export interface Pull {
  number: number;
  title: string;
  body: string;
  state: string;
  merged: boolean;
  mergeCommit: string;
  head: { ref: string; sha: string };
  base: { ref: string; sha: string };
  author: string;
  json: Json;
}

export function toComment(json: Json): Comment {
  return {
    id: int(json, 'id'),
    body: text(json, 'body'),
    author: text(json, 'user', 'login'),
    createdAt: text(json, 'created_at'),
    updatedAt: text(json, 'updated_at'),
    json,
  };
}

export function toPull(json: Json): Pull {
  const side = (name: string) => ({ ref: text(json, name, 'ref'), sha: text(json, name, 'sha') });
  return {
    number: int(json, 'number'),
    title: text(json, 'title'),
    body: text(json, 'body'),
    state: text(json, 'state'),
    merged: json.merged === true,
    mergeCommit: text(json, 'merge_commit_sha'),
    head: side('head'),
    base: side('base'),
    author: text(json, 'user', 'login'),
    json,
  };
}

/** File contents by path; null deletes. */
type Files = Record<string, string | null>;

/** What a person does on GitHub; every call is an HTTP request through the proxy with their token. */
export interface Person {
  client: Client;
  openIssue(issue: { title: string; body?: string }): Promise<number>;
  comment(issue: number, body: string): Promise<Comment>;
  editComment(id: number, body: string): Promise<Comment>;
  deleteComment(id: number): Promise<void>;
  /** Commits `files` to a branch, created from `from` (default: the default branch) if it is new; returns the commit. */
  push(branch: string, files: Files, message?: string, from?: string): Promise<string>;
  openPull(pull: {
    head: string;
    base?: string;
    title?: string;
    body?: string;
    files?: Files;
  }): Promise<Pull>;
  review(
    pull: number,
    review: { event: 'APPROVE' | 'REQUEST_CHANGES' | 'COMMENT'; body?: string; commit_id?: string },
  ): Promise<Json>;
  dismissReview(pull: number, review: number, message?: string): Promise<Json>;
  reviewComment(pull: number, comment: { path: string; body: string; line?: number }): Promise<Comment>;
  replyToReviewComment(pull: number, comment: number, body: string): Promise<Comment>;
  /** Clicks "merge"; the current head unless `sha` says otherwise. Returns the merge commit. */
  merge(pull: number, how?: { method?: 'merge' | 'squash' | 'rebase'; sha?: string }): Promise<string>;
  close(pull: number): Promise<Pull>;
  reopen(pull: number): Promise<Pull>;
  closeIssue(issue: number): Promise<Json>;
  retarget(pull: number, base: string): Promise<Pull>;
  deleteBranch(branch: string): Promise<void>;
  /** The buttons of a check run: 're-run', or one of its requested actions by identifier. */
  clickCheckRun(id: number, action: string): Promise<void>;
  /** "Re-run all checks" of a suite. */
  rerunSuite(id: number): Promise<void>;
}

/** A person at work in one repository. */
export function createPerson(world: World, repo: RepositoryState, login: string, token: string): Person {
  const client = createClient(world.url, token);
  const path = () => repoPath(repo);
  const encode = (branch: string) => branch.split('/').map(encodeURIComponent).join('/');

  const push: Person['push'] = async (
    branch,
    files,
    message = `Change ${Object.keys(files).join(', ')}`,
    from,
  ) => {
    const tip = repo.branches.get(branch);
    const parent = tip ?? repo.branches.get(from ?? repo.defaultBranch);
    const base =
      parent === undefined ? undefined : await client.one('GET', `${path()}/git/commits/${parent}`);
    const tree = await client.one('POST', `${path()}/git/trees`, {
      ...(base ? { base_tree: text(base, 'tree', 'sha') } : {}),
      tree: Object.entries(files).map(([file, content]) => ({
        path: file,
        mode: '100644',
        type: 'blob',
        ...(content === null ? { sha: null } : { content }),
      })),
    });
    const commit = await client.one('POST', `${path()}/git/commits`, {
      message,
      tree: tree.sha,
      parents: parent === undefined ? [] : [parent],
    });
    if (tip === undefined) {
      await client.one('POST', `${path()}/git/refs`, { ref: `refs/heads/${branch}`, sha: commit.sha });
    } else {
      await client.one('PATCH', `${path()}/git/refs/heads/${encode(branch)}`, { sha: commit.sha });
    }
    return text(commit, 'sha');
  };
  const patchPull = async (number: number, body: Json) =>
    toPull(await client.one('PATCH', `${path()}/pulls/${number}`, body));

  return {
    client,
    push,
    openIssue: async (issue) => int(await client.one('POST', `${path()}/issues`, issue), 'number'),
    comment: async (issue, body) =>
      toComment(await client.one('POST', `${path()}/issues/${issue}/comments`, { body })),
    editComment: async (id, body) =>
      toComment(await client.one('PATCH', `${path()}/issues/comments/${id}`, { body })),
    deleteComment: async (id) => {
      await client.one('DELETE', `${path()}/issues/comments/${id}`);
    },
    async openPull({ head, base = repo.defaultBranch, title = head, body, files }) {
      if (files) await push(head, files, title, base);
      return toPull(
        await client.one('POST', `${path()}/pulls`, {
          head,
          base,
          title,
          ...(body === undefined ? {} : { body }),
        }),
      );
    },
    review: (pull, review) => client.one('POST', `${path()}/pulls/${pull}/reviews`, review),
    dismissReview: (pull, review, message = 'dismissed') =>
      client.one('PUT', `${path()}/pulls/${pull}/reviews/${review}/dismissals`, { message }),
    reviewComment: async (pull, comment) =>
      toComment(
        await client.one('POST', `${path()}/pulls/${pull}/comments`, {
          line: 1,
          side: 'RIGHT',
          commit_id: repo.pulls.get(pull)?.headSha,
          ...comment,
        }),
      ),
    replyToReviewComment: async (pull, comment, body) =>
      toComment(await client.one('POST', `${path()}/pulls/${pull}/comments/${comment}/replies`, { body })),
    async merge(pull, how = {}) {
      const body = {
        ...(how.method === undefined ? {} : { merge_method: how.method }),
        ...(how.sha === undefined ? {} : { sha: how.sha }),
      };
      return text(await client.one('PUT', `${path()}/pulls/${pull}/merge`, body), 'sha');
    },
    close: (pull) => patchPull(pull, { state: 'closed' }),
    reopen: (pull) => patchPull(pull, { state: 'open' }),
    closeIssue: (issue) => client.one('PATCH', `${path()}/issues/${issue}`, { state: 'closed' }),
    retarget: (pull, base) => patchPull(pull, { base }),
    deleteBranch: async (branch) => {
      await client.one('DELETE', `${path()}/git/refs/heads/${encode(branch)}`);
    },
    async clickCheckRun(id, action) {
      const { json } = await ask(world, 'GET', `${path()}/check-runs/${id}`, undefined, repo.owner);
      const check_run = mendRun(world, repo, json);
      if (action === 'rerequested') {
        await emit(world, 'check_run', repo, login, { action, check_run });
        return;
      }
      const offered = (repo.actions.get(id) ?? []).map((one) => text(one, 'identifier'));
      if (!offered.includes(action)) {
        throw new Error(
          `check run ${id} has no button "${action}"; it offers: ${offered.join(', ') || 'none'}`,
        );
      }
      await emit(world, 'check_run', repo, login, {
        action: 'requested_action',
        requested_action: { identifier: action },
        check_run,
      });
    },
    rerunSuite: (id) => emitSuite(world, repo, login, id),
  };
}
