import { int, type Json, list, text } from './json.ts';
import type { RepositoryState } from './types.ts';
import { ask, need, repoPath, type World } from './world.ts';

/** A commit as the graph needs it; commits never change, so each is read once. */
export interface Commit {
  sha: string;
  tree: string;
  parents: string[];
  /** The emulator's git commit object. */
  json: Json;
}

export interface Entry {
  sha: string;
  mode: string;
}

/** One path that differs; without `before` it was added, without `after` removed. */
export interface Change {
  path: string;
  before?: Entry;
  after?: Entry;
}

export interface Comparison {
  /** The merge base, or undefined for unrelated histories. */
  base: string | undefined;
  /** Commits on the head side, oldest first. */
  commits: Commit[];
  /** From the merge base to the head. */
  changes: Change[];
}

interface Objects {
  commits: Map<string, Commit>;
  trees: Map<string, Map<string, Entry>>;
  blobs: Map<string, string>;
}

const TREE_MODE = '040000';
const caches = new WeakMap<RepositoryState, Objects>();

/** The emulator compares in quadratic time and without modes, so objects are kept and compared here. */
function objects(repo: RepositoryState): Objects {
  const known = caches.get(repo) ?? { commits: new Map(), trees: new Map(), blobs: new Map() };
  caches.set(repo, known);
  return known;
}

async function read(world: World, repo: RepositoryState, kind: string, sha: string): Promise<Json> {
  return (await need(world, 'GET', `${repoPath(repo)}/git/${kind}/${sha}`, undefined, repo.owner)).json;
}

export async function readCommit(world: World, repo: RepositoryState, sha: string): Promise<Commit> {
  const { commits } = objects(repo);
  const known = commits.get(sha);
  if (known) return known;
  const json = await read(world, repo, 'commits', sha);
  const parents = list(json, 'parents').map((parent) => text(parent, 'sha'));
  const commit = { sha, tree: text(json, 'tree', 'sha'), parents, json };
  commits.set(sha, commit);
  return commit;
}

async function readTree(
  world: World,
  repo: RepositoryState,
  sha: string | undefined,
): Promise<Map<string, Entry>> {
  if (sha === undefined) return new Map();
  const { trees } = objects(repo);
  const known = trees.get(sha);
  if (known) return known;
  const json = await read(world, repo, 'trees', sha);
  const entries = new Map(
    list(json, 'tree').map((entry) => [
      text(entry, 'path'),
      { sha: text(entry, 'sha'), mode: text(entry, 'mode') },
    ]),
  );
  trees.set(sha, entries);
  return entries;
}

/** A blob's text. */
export async function readBlob(world: World, repo: RepositoryState, sha: string): Promise<string> {
  const { blobs } = objects(repo);
  const known = blobs.get(sha);
  if (known !== undefined) return known;
  // A submodule's commit is no object of this repository.
  const path = `${repoPath(repo)}/git/blobs/${sha}`;
  const { json } = await ask(world, 'GET', path, undefined, repo.owner);
  const content = Buffer.from(text(json, 'content'), 'base64').toString();
  blobs.set(sha, content);
  return content;
}

/** What differs between two trees, entering only subtrees that differ. */
async function diff(
  world: World,
  repo: RepositoryState,
  from: string | undefined,
  to: string | undefined,
  prefix = '',
): Promise<Change[]> {
  if (from === to) return [];
  const [left, right] = [await readTree(world, repo, from), await readTree(world, repo, to)];
  const found: Change[] = [];
  for (const name of [...new Set([...left.keys(), ...right.keys()])].sort()) {
    const [before, after] = [left.get(name), right.get(name)];
    if (before?.sha === after?.sha && before?.mode === after?.mode) continue;
    const path = `${prefix}${name}`;
    const tree = (entry: Entry | undefined) => (entry?.mode === TREE_MODE ? entry.sha : undefined);
    const file = (entry: Entry | undefined) => (entry && entry.mode !== TREE_MODE ? entry : undefined);
    found.push(...(await diff(world, repo, tree(before), tree(after), `${path}/`)));
    const [was, is] = [file(before), file(after)];
    if (was || is) found.push({ path, ...(was ? { before: was } : {}), ...(is ? { after: is } : {}) });
  }
  return found;
}

/** What a commit changed against another, or against nothing. */
export async function changesBetween(
  world: World,
  repo: RepositoryState,
  from: string | undefined,
  to: string,
): Promise<Change[]> {
  const [before, after] = [
    from === undefined ? undefined : await readCommit(world, repo, from),
    await readCommit(world, repo, to),
  ];
  return diff(world, repo, before?.tree, after.tree);
}

/** The file at a path of a commit. */
export async function fileAt(
  world: World,
  repo: RepositoryState,
  sha: string,
  path: string,
): Promise<Entry | undefined> {
  let tree: string | undefined = (await readCommit(world, repo, sha)).tree;
  const parts = path.split('/');
  for (const [index, part] of parts.entries()) {
    const entry: Entry | undefined = (await readTree(world, repo, tree)).get(part);
    if (index === parts.length - 1) return entry;
    if (entry?.mode !== TREE_MODE) return undefined;
    tree = entry.sha;
  }
  return undefined;
}

async function ancestors(world: World, repo: RepositoryState, sha: string): Promise<Set<string>> {
  const seen = new Set<string>();
  const queue = [sha];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    const commit = objects(repo).commits.get(next) ?? (await readCommit(world, repo, next));
    queue.push(...commit.parents);
  }
  return seen;
}

/** Head against base, as a pull request shows it. */
export async function compare(
  world: World,
  repo: RepositoryState,
  base: string,
  head: string,
): Promise<Comparison> {
  const reached = await ancestors(world, repo, base);
  const commits: Commit[] = [];
  const seen = new Set<string>();
  let mergeBase: string | undefined;
  // Depth first, parents before children; the first commit met that base has is the merge base.
  const stack: { sha: string; done: boolean }[] = [{ sha: head, done: false }];
  for (let top = stack.pop(); top; top = stack.pop()) {
    const { sha, done } = top;
    if (reached.has(sha)) {
      mergeBase ??= sha;
      continue;
    }
    const commit = await readCommit(world, repo, sha);
    if (done) {
      commits.push(commit);
      continue;
    }
    if (seen.has(sha)) continue;
    seen.add(sha);
    stack.push({ sha, done: true }, ...[...commit.parents].map((parent) => ({ sha: parent, done: false })));
  }
  const changes = mergeBase === head ? [] : await changesBetween(world, repo, mergeBase, head);
  return { base: mergeBase, commits, changes };
}

/** A commit's author or committer with the login GitHub would match it to. */
export function identity(commit: Commit, side: 'author' | 'committer'): Json {
  const email = text(commit.json, side, 'email');
  const username = /^(?:\d+\+)?(.+)@users\.noreply\.github\.com$/.exec(email)?.[1];
  return { name: text(commit.json, side, 'name'), email, ...(username === undefined ? {} : { username }) };
}

/** Counts lines the way `additions` and `deletions` do. */
export function total(files: Json[], key: 'additions' | 'deletions'): number {
  return files.reduce((sum, file) => sum + int(file, key), 0);
}
