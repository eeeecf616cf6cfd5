import { createClient } from './client.ts';
import { type Json, text } from './json.ts';
import { type Comment, type Pull, toComment, toPull } from './person.ts';
import type { RepositoryState } from './types.ts';
import { repoPath, type World } from './world.ts';

/** What a test or the demo looks at; reads go through the proxy as the repository's owner. */
export interface Reader {
  comments(issue: number): Promise<Comment[]>;
  reviewComments(pull: number): Promise<Comment[]>;
  issue(number: number): Promise<Json>;
  /** A file's text, or undefined when there is none. */
  file(path: string, ref?: string): Promise<string | undefined>;
  /** Every file path of a commit or branch. */
  tree(ref?: string): Promise<string[]>;
  pull(number: number): Promise<Pull>;
  pulls(state?: 'open' | 'closed' | 'all'): Promise<Pull[]>;
  /** Latest check runs of a commit, oldest first; `all` includes superseded ones. */
  reviews(pull: number): Promise<Json[]>;
  gitCommit(sha: string): Promise<Json>;
  commitComments(sha: string): Promise<Json[]>;
  checkRuns(sha: string, filter?: 'latest' | 'all'): Promise<Json[]>;
  annotations(checkRun: number): Promise<Json[]>;
  /** Reaction contents with their authors, e.g. `['eyes by guruguru-test[bot]']`. */
  reactions(target: { issue: number } | { comment: number } | { reviewComment: number }): Promise<string[]>;
  /** Commits of a branch, newest first. */
  commits(branch?: string): Promise<Json[]>;
  /** The sha a branch is at, or undefined. */
  head(branch?: string): string | undefined;
}

export function createReader(world: World, repo: RepositoryState, token: string): Reader {
  const client = createClient(world.url, token);
  const path = () => repoPath(repo);
  return {
    comments: async (issue) => (await client.many(`${path()}/issues/${issue}/comments`)).map(toComment),
    reviewComments: async (pull) => (await client.many(`${path()}/pulls/${pull}/comments`)).map(toComment),
    issue: (number) => client.one('GET', `${path()}/issues/${number}`),
    async file(name, ref) {
      const query = ref === undefined ? '' : `?ref=${encodeURIComponent(ref)}`;
      const encoded = name.split('/').map(encodeURIComponent).join('/');
      const { status, json } = await client.raw('GET', `${path()}/contents/${encoded}${query}`);
      return status === 200 ? Buffer.from(text(json, 'content'), 'base64').toString() : undefined;
    },
    async tree(ref = repo.defaultBranch) {
      const found = await client.many(
        `${path()}/git/trees/${repo.branches.get(ref) ?? ref}?recursive=1`,
        'tree',
      );
      return found.filter((entry) => entry.type === 'blob').map((entry) => text(entry, 'path'));
    },
    pull: async (number) => toPull(await client.one('GET', `${path()}/pulls/${number}`)),
    pulls: async (state = 'all') =>
      (await client.many(`${path()}/pulls?state=${state}&direction=asc`)).map(toPull),
    checkRuns: async (sha, filter = 'latest') =>
      (await client.many(`${path()}/commits/${sha}/check-runs?filter=${filter}`, 'check_runs')).reverse(),
    reviews: (number) => client.many(`${path()}/pulls/${number}/reviews`),
    gitCommit: (sha) => client.one('GET', `${path()}/git/commits/${sha}`),
    commitComments: (sha) => client.many(`${path()}/commits/${sha}/comments`),
    annotations: (checkRun) => client.many(`${path()}/check-runs/${checkRun}/annotations`),
    async reactions(target) {
      const where =
        'issue' in target
          ? `issues/${target.issue}`
          : 'comment' in target
            ? `issues/comments/${target.comment}`
            : `pulls/comments/${target.reviewComment}`;
      const found = await client.many(`${path()}/${where}/reactions`);
      return found.map((one) => `${text(one, 'content')} by ${text(one, 'user', 'login')}`);
    },
    commits: (branch = repo.defaultBranch) =>
      client.many(`${path()}/commits?sha=${encodeURIComponent(branch)}`),
    head: (branch = repo.defaultBranch) => repo.branches.get(branch),
  };
}
