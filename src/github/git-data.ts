import { orNull, type RepositoryContext, read, write } from './call-github.ts';
import { GitHubError, isGitHubError } from './errors.ts';
import type { FileChange } from './types.ts';

/** Above this a text travels as a blob of its own. */
const INLINE_BYTES = 100_000;

interface Commit {
  sha: string;
  treeSha: string;
  parents: string[];
}

export async function readCommit(
  context: RepositoryContext,
  sha: string,
  signal: AbortSignal,
): Promise<Commit> {
  const { data } = await read(context, signal, (base) =>
    context.octokit.rest.git.getCommit({ ...base, commit_sha: sha }),
  );
  return { sha: data.sha, treeSha: data.tree.sha, parents: data.parents.map((parent) => parent.sha) };
}

export async function readHead(
  context: RepositoryContext,
  branch: string,
  signal: AbortSignal,
): Promise<string | null> {
  const answer = await orNull(
    read(context, signal, (base) => context.octokit.rest.git.getRef({ ...base, ref: `heads/${branch}` })),
  );
  return answer?.data.object.sha ?? null;
}

/** Head and its tree in one request; null when there is no such branch. */
export async function readBranch(
  context: RepositoryContext,
  branch: string,
  signal: AbortSignal,
): Promise<Pick<Commit, 'sha' | 'treeSha'> | null> {
  const answer = await orNull(
    read(context, signal, (base) => context.octokit.rest.repos.getBranch({ ...base, branch })),
  );
  if (!answer) return null;
  const { sha, commit } = answer.data.commit;
  context.commitTrees?.set(sha, commit.tree.sha);
  return { sha, treeSha: commit.tree.sha };
}

/** A commit with its tree; asked for only when no branch has shown it. */
export async function readTreeOf(
  context: RepositoryContext,
  sha: string,
  signal: AbortSignal,
): Promise<Pick<Commit, 'sha' | 'treeSha'>> {
  const treeSha = context.commitTrees?.get(sha);
  return treeSha === undefined ? readCommit(context, sha, signal) : { sha, treeSha };
}

/** The tree of `parent` with the changes on it. Content-addressed: made twice, it is the same tree. */
export async function createTree(
  context: RepositoryContext,
  parent: Pick<Commit, 'sha' | 'treeSha'>,
  files: FileChange[],
  signal: AbortSignal,
): Promise<string> {
  const entries: Awaited<ReturnType<typeof toEntry>>[] = [];
  for (const file of files) entries.push(await toEntry(context, file, signal));
  const send = async (tree: typeof entries) => {
    const { data } = await write(context, 'tree.create', signal, (base) =>
      context.octokit.rest.git.createTree({ ...base, base_tree: parent.treeSha, tree }),
    );
    return data.sha;
  };
  try {
    return await send(entries);
  } catch (error) {
    const deletions = files.filter((file) => file.content === null).map((file) => file.path);
    if (!isGitHubError(error, 'validation') || deletions.length === 0) throw error;
    // GitHub refuses to delete what is not there; asking first would cost a request every time.
    const missing = new Set<string>();
    for (const path of deletions) {
      if (!(await exists(context, path, parent.sha, signal))) missing.add(path);
    }
    if (missing.size === 0) throw error;
    const left = entries.filter((entry) => !missing.has(entry.path));
    return left.length === 0 ? parent.treeSha : await send(left);
  }
}

async function toEntry(context: RepositoryContext, file: FileChange, signal: AbortSignal) {
  const entry = { path: file.path, mode: file.mode ?? '100644', type: 'blob' } as const;
  if (file.content === null) return { ...entry, sha: null };
  if (typeof file.content === 'string' && Buffer.byteLength(file.content) <= INLINE_BYTES) {
    return { ...entry, content: file.content };
  }
  const content = Buffer.from(file.content).toString('base64');
  const { data } = await write(context, 'blob.create', signal, (base) =>
    context.octokit.rest.git.createBlob({ ...base, content, encoding: 'base64' }),
  );
  return { ...entry, sha: data.sha };
}

async function exists(
  context: RepositoryContext,
  path: string,
  ref: string,
  signal: AbortSignal,
): Promise<boolean> {
  const found = await orNull(
    read(context, signal, (base) => context.octokit.rest.repos.getContent({ ...base, path, ref })),
  );
  return found !== null;
}

/** Without author and committer, so that GitHub signs it as the app's. */
export async function createCommit(
  context: RepositoryContext,
  commit: { message: string; treeSha: string; parent: string },
  signal: AbortSignal,
): Promise<string> {
  const { data } = await write(context, 'commit.create', signal, (base) =>
    context.octokit.rest.git.createCommit({
      ...base,
      message: commit.message,
      tree: commit.treeSha,
      parents: [commit.parent],
    }),
  );
  return data.sha;
}

export type RefUpdate =
  | { kind: 'updated' }
  | { kind: 'moved' }
  | { kind: 'gone' }
  | { kind: 'refused'; message: string };

/**
 * Moves a branch forward from `from` to `to`. Which refusal it was, the branch itself says: GitHub's
 * sentences differ between branch protection, rulesets and a lost race.
 */
export async function updateRef(
  context: RepositoryContext,
  branch: string,
  move: { from: string; to: string },
  signal: AbortSignal,
): Promise<RefUpdate> {
  try {
    await write(context, 'ref.update', signal, (base) =>
      context.octokit.rest.git.updateRef({ ...base, ref: `heads/${branch}`, sha: move.to, force: false }),
    );
    return { kind: 'updated' };
  } catch (error) {
    if (!isGitHubError(error, 'validation', 'conflict', 'forbidden', 'not_found', 'unavailable')) throw error;
    if (/resource not accessible/i.test(error.message)) throw error;
    const head = await readHead(context, branch, signal);
    if (head === move.to) return { kind: 'updated' };
    if (head === null) return { kind: 'gone' };
    if (error.kind === 'unavailable') throw error;
    if (head !== move.from || /not a fast.?forward/i.test(error.message)) return { kind: 'moved' };
    return { kind: 'refused', message: error.message };
  }
}

/** true when the branch is new, false when there was one of that name. */
export async function createRef(
  context: RepositoryContext,
  branch: string,
  sha: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await write(context, 'ref.create', signal, (base) =>
      context.octokit.rest.git.createRef({ ...base, ref: `refs/heads/${branch}`, sha }),
    );
    return true;
  } catch (error) {
    if (error instanceof GitHubError && /already exists/i.test(error.message)) return false;
    throw error;
  }
}
