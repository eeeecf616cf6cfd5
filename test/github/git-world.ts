import { createHash } from 'node:crypto';
import nock from 'nock';
import { API, REPO, sha } from './wire.ts';

interface CommitState {
  tree: Map<string, string>;
  parents: string[];
}

/**
 * GitHub's Git database as far as building commits needs it: trees are content-addressed, commits are
 * not (their time differs), and refs move forward only.
 */
export function startGitWorld(files: Record<string, string>) {
  const trees = new Map<string, Map<string, string>>();
  const commits = new Map<string, CommitState>();
  const refs = new Map<string, string>();
  const blobs = new Map<string, string>();
  const messages: string[] = [];
  const counts = new Map<string, number>();
  let made = 0;

  const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);

  function putTree(tree: Map<string, string>): string {
    const text = JSON.stringify([...tree].sort());
    const id = createHash('sha1').update(text).digest('hex');
    trees.set(id, tree);
    return id;
  }
  function putCommit(tree: Map<string, string>, parents: string[]): string {
    made += 1;
    const id = createHash('sha1').update(`commit ${made}`).digest('hex');
    commits.set(id, { tree, parents });
    return id;
  }
  /** Somebody else commits to a branch. */
  function push(branch: string, change: Record<string, string>, from = refs.get(branch)): string {
    const parent = from === undefined ? undefined : commits.get(from);
    const tree = new Map([...(parent?.tree ?? []), ...Object.entries(change)]);
    const id = putCommit(tree, from === undefined ? [] : [from]);
    refs.set(branch, id);
    return id;
  }
  const isAncestor = (older: string, newer: string): boolean => {
    if (older === newer) return true;
    return (commits.get(newer)?.parents ?? []).some((parent) => isAncestor(older, parent));
  };
  const base = push('main', files);

  const git = nock(API).persist();
  const branchOf = (uri: string) =>
    decodeURIComponent(uri.split('/git/')[1] ?? '').replace(/^refs?\/heads\//, '');
  git
    .get(/\/git\/ref\//)
    .optionally()
    .reply(async ({ url: uri }: Request) => {
      const head = refs.get(branchOf(uri));
      return head ? [200, { object: { sha: head } }] : [404, { message: 'Not Found' }];
    });
  git
    .get(/\/branches\//)
    .optionally()
    .reply(async ({ url: uri }: Request) => {
      const id = refs.get(decodeURIComponent(uri.split('/branches/')[1] ?? ''));
      const commit = id === undefined ? undefined : commits.get(id);
      if (!id || !commit) return [404, { message: 'Branch not found' }];
      return [200, { commit: { sha: id, commit: { tree: { sha: putTree(commit.tree) } } } }];
    });
  git
    .get(/\/git\/commits\//)
    .optionally()
    .reply(async ({ url: uri }: Request) => {
      const id = uri.split('/').at(-1) ?? '';
      const commit = commits.get(id);
      if (!commit) return [404, { message: 'Not Found' }];
      return [
        200,
        { sha: id, tree: { sha: putTree(commit.tree) }, parents: commit.parents.map((it) => ({ sha: it })) },
      ];
    });
  git
    .get(/\/contents\//)
    .optionally()
    .reply(async ({ url: uri }: Request) => {
      const url = new URL(uri);
      const path = decodeURIComponent(url.pathname.split('/contents/')[1] ?? '');
      const text = commits.get(url.searchParams.get('ref') ?? '')?.tree.get(path);
      return text === undefined
        ? [404, { message: 'Not Found' }]
        : [
            200,
            {
              type: 'file',
              encoding: 'base64',
              content: Buffer.from(text).toString('base64'),
              sha: sha('f'),
            },
          ];
    });
  git
    .get(/\/compare\//)
    .optionally()
    .reply(async ({ url: uri }: Request) => {
      const [from = '', to = ''] = decodeURIComponent(uri.split('/compare/')[1] ?? '').split('...');
      const status = isAncestor(to, from) ? 'behind' : 'diverged';
      return [200, { status, merge_base_commit: { sha: to }, files: [] }];
    });
  git
    .post(`${REPO}/git/blobs`)
    .optionally()
    .reply(async (request: Request) => {
      const body: unknown = await request.json();
      count('blob');
      const { content, encoding } = body as { content: string; encoding: string };
      const id = createHash('sha1').update(content).digest('hex');
      blobs.set(id, Buffer.from(content, encoding as BufferEncoding).toString());
      return [201, { sha: id }];
    });
  git
    .post(`${REPO}/git/trees`)
    .optionally()
    .reply(async (request: Request) => {
      const body: unknown = await request.json();
      count('tree');
      const given = body as {
        base_tree: string;
        tree: { path: string; content?: string; sha?: string | null }[];
      };
      const tree = new Map(trees.get(given.base_tree));
      for (const entry of given.tree) {
        if (entry.sha === null) {
          if (!tree.delete(entry.path)) return [422, { message: 'GitRPC::BadObjectState' }];
        } else tree.set(entry.path, entry.content ?? blobs.get(entry.sha ?? '') ?? '');
      }
      return [201, { sha: putTree(tree) }];
    });
  git
    .post(`${REPO}/git/commits`)
    .optionally()
    .reply(async (request: Request) => {
      const body: unknown = await request.json();
      count('commit');
      const given = body as { tree: string; parents: string[]; message: string; author?: unknown };
      if (given.author !== undefined) return [422, { message: 'an author would leave the commit unsigned' }];
      messages.push(given.message);
      return [201, { sha: putCommit(trees.get(given.tree) ?? new Map(), given.parents) }];
    });
  git
    .post(`${REPO}/git/refs`)
    .optionally()
    .reply(async (request: Request) => {
      const body: unknown = await request.json();
      const given = body as { ref: string; sha: string };
      const branch = given.ref.replace('refs/heads/', '');
      if (refs.has(branch)) return [422, { message: 'Reference already exists' }];
      refs.set(branch, given.sha);
      return [201, { ref: given.ref, object: { sha: given.sha } }];
    });
  /** Runs once, before the next ref update is judged; what it returns is answered instead. */
  let before: (() => [number, object] | undefined) | null = null;
  let after: (() => [number, object]) | null = null;
  git
    .patch(/\/git\/refs\//)
    .optionally()
    .reply(async (request: Request) => {
      const uri = request.url;
      const answer = before?.();
      before = null;
      if (answer) return answer;
      const branch = branchOf(uri);
      const { sha: to } = (await request.json()) as { sha: string };
      const head = refs.get(branch);
      if (head === undefined) return [422, { message: 'Reference does not exist' }];
      if (!isAncestor(head, to)) return [422, { message: 'Update is not a fast forward' }];
      refs.set(branch, to);
      const landed = after?.();
      after = null;
      return landed ?? [200, { object: { sha: to } }];
    });

  return {
    base,
    refs,
    messages,
    counts,
    push,
    files: (branch: string) => Object.fromEntries(commits.get(refs.get(branch) ?? '')?.tree ?? []),
    history: (branch: string): number => {
      let length = 0;
      for (let at = refs.get(branch); at; at = commits.get(at)?.parents[0]) length += 1;
      return length;
    },
    beforeRefUpdate: (act: () => [number, object] | undefined) => {
      before = act;
    },
    afterRefUpdate: (act: () => [number, object]) => {
      after = act;
    },
  };
}
