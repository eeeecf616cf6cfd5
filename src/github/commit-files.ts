import type { RepositoryContext } from './call-github.ts';
import { GitHubError, isGitHubError } from './errors.ts';
import { createCommit, createTree, readBranch, updateRef } from './git-data.ts';
import type { RepositoryClient } from './repository-api.ts';
import type { BranchView, CommitFiles, CommitOutcome } from './types.ts';

const MAX_TRIES = 5;

/**
 * One commit on a branch that others write to as well: built on its head, and built anew on the new head
 * when somebody was faster.
 */
export async function commitFiles(
  context: RepositoryContext,
  readFile: RepositoryClient['readFile'],
  options: CommitFiles,
  signal: AbortSignal,
): Promise<CommitOutcome> {
  try {
    for (let tries = 0; tries < (options.maxTries ?? MAX_TRIES); tries += 1) {
      const outcome = await tryOnce(context, readFile, options, signal);
      if (outcome !== 'moved') return outcome;
    }
  } catch (error) {
    if (isGitHubError(error, 'secret_blocked')) return { kind: 'secret_blocked', message: error.message };
    throw error;
  }
  throw new GitHubError('conflict', `branch ${options.branch} moved each time a commit was made for it`);
}

async function tryOnce(
  context: RepositoryContext,
  readFile: RepositoryClient['readFile'],
  options: CommitFiles,
  signal: AbortSignal,
): Promise<CommitOutcome | 'moved'> {
  const { branch } = options;
  const head = await readBranch(context, branch, signal);
  if (head === null) return { kind: 'refused', message: `branch ${branch} does not exist` };
  const headSha = head.sha;
  const at: BranchView = { headSha, readFile: (path) => readFile(path, headSha, signal) };
  const done = await options.alreadyThere?.(at);
  if (typeof done === 'string') return { kind: 'committed', sha: done, adopted: true };
  const files = Array.isArray(options.files) ? options.files : await options.files(at);
  if (files === null || files.length === 0) return { kind: 'nothing', headSha };
  const treeSha = await createTree(context, head, files, signal);
  if (treeSha === head.treeSha) return { kind: 'nothing', headSha };
  const commit = { message: options.message, treeSha, parent: headSha };
  const sha = await createCommit(context, commit, signal);
  const update = await updateRef(context, branch, { from: headSha, to: sha }, signal);
  switch (update.kind) {
    case 'updated':
      return { kind: 'committed', sha, adopted: false };
    case 'moved':
      return 'moved';
    case 'gone':
      return { kind: 'refused', message: `branch ${branch} does not exist` };
    case 'refused':
      return update;
  }
}
