import { type Change, type Comparison, compare, readBlob, total } from './history.ts';
import type { Json } from './json.ts';
import type { PullState, RepositoryState } from './types.ts';
import { fullName, repoPath, type World } from './world.ts';

const CONTEXT = 3;

function lines(text: string): string[] {
  const parts = text.split('\n');
  if (parts.at(-1) === '') parts.pop();
  return parts;
}

/** One hunk from the first differing line to the last: right, if not always as short as git's. */
function patchOf(before: string, after: string): { additions: number; deletions: number; patch: string } {
  const [old, now] = [lines(before), lines(after)];
  let head = 0;
  while (head < old.length && head < now.length && old[head] === now[head]) head += 1;
  let tail = 0;
  while (tail < old.length - head && tail < now.length - head && old.at(-1 - tail) === now.at(-1 - tail))
    tail += 1;
  const removed = old.slice(head, old.length - tail);
  const added = now.slice(head, now.length - tail);
  const lead = old.slice(Math.max(0, head - CONTEXT), head);
  const trail = old.slice(old.length - tail, old.length - tail + CONTEXT);
  const range = (count: number) => {
    const start = count === 0 ? 0 : head - lead.length + 1;
    return count === 1 ? String(start) : `${start},${count}`;
  };
  const size = (changed: string[]) => lead.length + changed.length + trail.length;
  const patch = [
    `@@ -${range(size(removed))} +${range(size(added))} @@`,
    ...lead.map((line) => ` ${line}`),
    ...removed.map((line) => `-${line}`),
    ...added.map((line) => `+${line}`),
    ...trail.map((line) => ` ${line}`),
  ].join('\n');
  return { additions: added.length, deletions: removed.length, patch };
}

/** A file moved without a change is one entry, as git finds it. */
function renames(changes: Change[]): (Change & { previous?: string })[] {
  const gone = new Map(changes.flatMap((one) => (one.before && !one.after ? [[one.before.sha, one]] : [])));
  const moved = new Set<Change>();
  const found = changes.map((one): Change & { previous?: string } => {
    const source = one.after && !one.before ? gone.get(one.after.sha) : undefined;
    if (!source) return one;
    gone.delete(source.before?.sha ?? '');
    moved.add(source);
    return { ...one, previous: source.path };
  });
  return found.filter((one) => !moved.has(one));
}

/** The files of a comparison in the shape of `GET pulls/{pull_number}/files`. */
export async function fileList(
  world: World,
  repo: RepositoryState,
  changes: Change[],
  head: string,
): Promise<Json[]> {
  const found: Json[] = [];
  for (const { path, before, after, previous } of renames(changes)) {
    const text = async (sha: string | undefined) => (sha === undefined ? '' : readBlob(world, repo, sha));
    const [old, now] = [await text(before?.sha), await text(after?.sha)];
    const binary = old.includes('\0') || now.includes('\0');
    const diff =
      binary || previous !== undefined ? { additions: 0, deletions: 0, patch: undefined } : patchOf(old, now);
    const encoded = path.split('/').map(encodeURIComponent).join('/');
    found.push({
      sha: after?.sha ?? before?.sha,
      filename: path,
      status: previous !== undefined ? 'renamed' : !before ? 'added' : !after ? 'removed' : 'modified',
      additions: diff.additions,
      deletions: diff.deletions,
      changes: diff.additions + diff.deletions,
      blob_url: `${world.url}/${fullName(repo)}/blob/${head}/${encoded}`,
      raw_url: `${world.url}/${fullName(repo)}/raw/${head}/${encoded}`,
      contents_url: `${world.url}${repoPath(repo)}/contents/${encoded}?ref=${head}`,
      ...(diff.patch === undefined ? {} : { patch: diff.patch }),
      ...(previous === undefined ? {} : { previous_filename: previous }),
    });
  }
  return found;
}

/** Counts of a pull request between two commits. */
export async function pullStats(
  world: World,
  repo: RepositoryState,
  base: string,
  head: string,
): Promise<PullState['stats']> {
  const compared: Comparison = await compare(world, repo, base, head);
  const files = await fileList(world, repo, compared.changes, head);
  return {
    commits: compared.commits.length,
    additions: total(files, 'additions'),
    deletions: total(files, 'deletions'),
    changed_files: files.length,
  };
}
