import { type RepositoryContext, read } from './call-github.ts';
import { GitHubError } from './errors.ts';
import {
  createCommit,
  createRef,
  createTree,
  readCommit,
  readHead,
  readTreeOf,
  updateRef,
} from './git-data.ts';
import type { RepositoryClient } from './repository-api.ts';
import type { FileChange } from './types.ts';

type Branches = Pick<RepositoryClient, 'ensureBranchCommit' | 'updateBranch'>;

/**
 * Branches are named after the ask, so anybody can guess and make one first. What is there already is
 * taken only when its head is one commit on a known base with exactly the tree we would have made.
 */
export function createBranches(context: RepositoryContext): Branches {
  return {
    async ensureBranchCommit(options, signal) {
      const { branch, files } = options;
      const base = await readTreeOf(context, options.base, signal);
      const treeSha = await createTree(context, base, files, signal);
      const commit = { message: options.message, treeSha, parent: base.sha };
      const commitSha = await createCommit(context, commit, signal);
      if (await createRef(context, branch, commitSha, signal)) {
        return { kind: 'committed', commitSha, treeSha, adopted: false };
      }
      const headSha = await readHead(context, branch, signal);
      if (headSha === null) {
        throw new GitHubError('conflict', `branch ${branch} came and went while it was being made`);
      }
      const ours = await ownTree(context, { headSha, base: base.sha, treeSha, files }, signal);
      if (ours === null) return { kind: 'foreign_branch', headSha };
      return { kind: 'committed', commitSha: headSha, treeSha: ours, adopted: true };
    },

    async updateBranch(branch, options, signal) {
      const parent = await readCommit(context, options.from, signal);
      const treeSha = await createTree(context, parent, options.files, signal);
      const headSha = await readHead(context, branch, signal);
      if (headSha === null) return { kind: 'gone' };
      if (headSha !== parent.sha) return await adoptOrMoved(context, headSha, parent.sha, treeSha, signal);
      const commit = { message: options.message, treeSha, parent: parent.sha };
      const commitSha = await createCommit(context, commit, signal);
      const moved = await updateRef(context, branch, { from: parent.sha, to: commitSha }, signal);
      switch (moved.kind) {
        case 'updated':
          return { kind: 'committed', commitSha, treeSha, adopted: false };
        case 'gone':
          return { kind: 'gone' };
        case 'moved': {
          const now = await readHead(context, branch, signal);
          return now === null
            ? { kind: 'gone' }
            : await adoptOrMoved(context, now, parent.sha, treeSha, signal);
        }
        case 'refused':
          throw new GitHubError('forbidden', moved.message);
      }
    },
  };
}

async function adoptOrMoved(
  context: RepositoryContext,
  headSha: string,
  parentSha: string,
  treeSha: string,
  signal: AbortSignal,
) {
  const head = await readCommit(context, headSha, signal);
  return head.treeSha === treeSha && head.parents.length === 1 && head.parents[0] === parentSha
    ? ({ kind: 'committed', commitSha: headSha, treeSha, adopted: true } as const)
    : ({ kind: 'moved', headSha } as const);
}

/**
 * The head's tree when that head is our change and nothing else, else null. Our first try may have stood
 * on an older base, so an ancestor of `base` is as good: the same change is laid on it and compared.
 */
async function ownTree(
  context: RepositoryContext,
  found: { headSha: string; base: string; treeSha: string; files: FileChange[] },
  signal: AbortSignal,
): Promise<string | null> {
  const head = await readCommit(context, found.headSha, signal);
  const [parentSha] = head.parents;
  if (parentSha === undefined || head.parents.length > 1) return null;
  if (parentSha === found.base) return head.treeSha === found.treeSha ? head.treeSha : null;
  const { data } = await read(context, signal, (base) =>
    context.octokit.rest.repos.compareCommitsWithBasehead({
      ...base,
      basehead: `${found.base}...${parentSha}`,
    }),
  );
  if (data.status !== 'behind') return null;
  const parent = await readCommit(context, parentSha, signal);
  const treeSha = await createTree(context, parent, found.files, signal);
  return treeSha === head.treeSha ? treeSha : null;
}
