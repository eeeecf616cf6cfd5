import type { Scope } from '../github/scope.ts';
import type { Pull, PullFile, TreeEntry } from '../github/types.ts';

/** Git's mode of a symbolic link. */
export const SYMLINK = '120000';

/** As a file system that does not tell upper from lower case, or composed from decomposed, sees a path. */
export function plainCase(path: string): string {
  return path.normalize('NFKC').toLowerCase();
}

export function looksLikeJobs(path: string): boolean {
  return plainCase(path).startsWith('jobs/');
}

/**
 * Everything below `jobs/` at a commit, by path, with its mode and size.
 * @throws Error where GitHub cannot list it whole: then nothing of it may be believed
 */
export async function jobsTree(scope: Scope, commit: string): Promise<Map<string, TreeEntry>> {
  const root = await scope.client.tree(commit, { recursive: false }, scope.signal);
  const found = new Map<string, TreeEntry>();
  for (const top of root.entries) {
    if (plainCase(top.path) !== 'jobs') continue;
    found.set(top.path, top);
    if (top.type !== 'tree') continue;
    const tree = await scope.client.tree(top.sha, { recursive: true }, scope.signal);
    if (tree.truncated) throw new Error(`GitHub lists not all of ${top.path}/ at ${commit}`);
    for (const entry of tree.entries)
      found.set(`${top.path}/${entry.path}`, { ...entry, path: `${top.path}/${entry.path}` });
  }
  return found;
}

/** What a PR changes below `jobs/`, by comparing trees; a rename is a removal and an addition. */
export async function changedInJobs(scope: Scope, pull: Pull): Promise<PullFile[]> {
  const { mergeBaseSha } = await scope.client.compare(pull.baseSha, pull.headSha, scope.signal);
  const [before, after] = [await jobsTree(scope, mergeBaseSha), await jobsTree(scope, pull.headSha)];
  const changes: PullFile[] = [];
  for (const path of new Set([...before.keys(), ...after.keys()])) {
    const [old, now] = [before.get(path), after.get(path)];
    if (old?.type === 'tree' || now?.type === 'tree') continue;
    if (old?.sha === now?.sha && old?.mode === now?.mode) continue;
    const status = !old ? 'added' : now ? 'modified' : 'removed';
    changes.push({ path, previousPath: null, status, blobSha: (now ?? old)?.sha ?? '' });
  }
  return changes;
}
