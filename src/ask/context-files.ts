import { posix } from 'node:path';
import type { TreeEntry } from '../github/types.ts';

/** Deepest level of the tree that is listed, and entries in all. */
const TREE_DEPTH = 3;
const TREE_ENTRIES = 400;
/** Grows with every job and says nothing about the repository. */
const UNLISTED = /^(jobs\/done|reports\/jobs|reports\/costs)\//;

/** The blobs that the globs name: in the order of the globs, then the shallow before the deep. */
export function namedFiles(entries: readonly TreeEntry[], globs: readonly string[]): TreeEntry[] {
  const blobs = entries.filter(isFile).sort(shallowFirst);
  const found = new Set<TreeEntry>();
  for (const glob of globs) {
    for (const entry of blobs) if (posix.matchesGlob(entry.path, glob)) found.add(entry);
  }
  return [...found];
}

/** The last `count` result records, newest first: their names start with the job's date and number. */
export function lastReports(entries: readonly TreeEntry[], count: number): TreeEntry[] {
  const order = new Intl.Collator('en', { numeric: true });
  return entries
    .filter((entry) => isFile(entry) && /^reports\/jobs\/[^/]+\.json$/.test(entry.path))
    .sort((a, b) => order.compare(b.path, a.path))
    .slice(0, count);
}

/** The tree as a list, at most three levels deep and 400 entries, the shallow ones first chosen. */
export function treeListing(entries: readonly TreeEntry[]): { text: string; shown: number; all: number } {
  const chosen = entries
    .filter((entry) => depth(entry.path) <= TREE_DEPTH && !UNLISTED.test(entry.path))
    .sort(shallowFirst)
    .slice(0, TREE_ENTRIES);
  const lines = chosen
    .map((entry) => printable(entry.type === 'blob' ? entry.path : `${entry.path}/`))
    .sort();
  return { text: lines.join('\n'), shown: chosen.length, all: entries.length };
}

/** A symlink's blob is only a path, and reading through it could leave the repository. */
function isFile(entry: TreeEntry): boolean {
  return entry.type === 'blob' && entry.mode !== '120000';
}

/** A path may hold anything but NUL; one line must stay one line. */
function printable(path: string): string {
  return /^[\x20-\x7E]*$/.test(path) || /^[^\p{Cc}\p{Cf}]*$/u.test(path) ? path : JSON.stringify(path);
}

function shallowFirst(a: TreeEntry, b: TreeEntry): number {
  return depth(a.path) - depth(b.path) || (a.path < b.path ? -1 : 1);
}

function depth(path: string): number {
  return path.split('/').length;
}
