import { DEPLOY_KEY, emit } from './emit.ts';
import { pullStats } from './files.ts';
import { type Change, compare } from './history.ts';
import { int, type Json, object, text } from './json.ts';
import type { PullState, RepositoryState } from './types.ts';
import { need, repoPath, touch, updatedAt, userJson, type World } from './world.ts';

/** Paths both sides changed since the merge base, to different results: what git would call a conflict. */
export function conflicts(ours: Change[], theirs: Change[]): string[] {
  const results = new Map(ours.map((change) => [change.path, change.after?.sha]));
  return theirs
    .filter(({ path, after }) => results.has(path) && results.get(path) !== after?.sha)
    .map(({ path }) => path);
}

export function baseTip(repo: RepositoryState, pull: PullState): string {
  return repo.branches.get(pull.baseRef) ?? pull.baseSha;
}

/** Whether head and base still merge without a conflict; remembered until either tip moves. */
export async function isMergeable(world: World, repo: RepositoryState, pull: PullState): Promise<boolean> {
  const base = baseTip(repo, pull);
  const known = pull.mergeable;
  if (known && known.base === base && known.head === pull.headSha) return known.value;
  let value = true;
  if (base !== pull.baseSha) {
    const [theirs, ours] = await Promise.all([
      compare(world, repo, base, pull.headSha),
      compare(world, repo, pull.headSha, base),
    ]);
    value = conflicts(ours.changes, theirs.changes).length === 0;
  }
  pull.mergeable = { base, head: pull.headSha, value };
  return value;
}

/** Puts what the proxy knows over the emulator's pull request. */
export function mendPull(repo: RepositoryState, json: Json): Json {
  const pull = repo.pulls.get(int(json, 'number'));
  if (!pull) return json;
  const { merged } = pull;
  const statuses = text(json, 'statuses_url').replace(/[^/]+$/, pull.headSha);
  const known = pull.mergeable;
  const mergeable = pull.open ? (known?.value ?? true) : null;
  const state =
    mergeable === null
      ? 'unknown'
      : !mergeable
        ? 'dirty'
        : repo.protections.has(pull.baseRef)
          ? 'blocked'
          : 'clean';
  return {
    ...json,
    ...pull.stats,
    state: pull.open ? 'open' : 'closed',
    head: { ...object(json, 'head'), sha: pull.headSha },
    base: { ...object(json, 'base'), sha: pull.baseSha },
    updated_at: updatedAt(repo, json),
    auto_merge:
      pull.autoMerge === undefined ? null : { enabled_by: { login: pull.autoMerge }, merge_method: 'merge' },
    active_lock_reason: null,
    statuses_url: statuses,
    merged: merged !== undefined,
    merged_at: merged?.at ?? null,
    merged_by: merged?.by ?? null,
    merge_commit_sha: merged?.sha ?? null,
    mergeable,
    rebaseable: mergeable,
    mergeable_state: state,
  };
}

/** One pull request, mended. */
export async function readPull(world: World, repo: RepositoryState, number: number): Promise<Json> {
  const { json } = await need(world, 'GET', `${repoPath(repo)}/pulls/${number}`, undefined, repo.owner);
  return mendPull(repo, json);
}

/** Open pull requests whose head is a branch of this repository. */
export function pullsFrom(repo: RepositoryState, branch: string): PullState[] {
  return [...repo.pulls.values()].filter((pull) => pull.open && pull.headRef === branch);
}

/** Lets pull requests follow a branch that moved, as GitHub does after a push. */
export async function followBranch(
  world: World,
  repo: RepositoryState,
  sender: string,
  move: { branch: string; before: string | undefined; after: string | undefined; pushed: string[] },
): Promise<void> {
  const { branch, before, after, pushed } = move;
  for (const pull of pullsFrom(repo, branch)) {
    if (after === undefined) {
      await closePull(world, repo, sender, pull);
      continue;
    }
    if (pull.headSha === after) continue;
    pull.headSha = after;
    touch(repo, pull.number);
    pull.stats = await pullStats(world, repo, pull.baseSha, after);
    const pull_request = await readPull(world, repo, pull.number);
    await emit(world, 'pull_request', repo, sender, {
      action: 'synchronize',
      number: pull.number,
      pull_request,
      before,
      after,
    });
  }
  if (after === undefined) return;
  // A head that arrives in its base by a push counts as merged.
  const landed = [...repo.pulls.values()].filter(
    (pull) => pull.open && pull.baseRef === branch && pushed.includes(pull.headSha),
  );
  for (const pull of landed) await closePull(world, repo, sender, pull, after);
}

/** Closes a pull request, merged when `mergeSha` is given, and sends `pull_request.closed`. */
export async function closePull(
  world: World,
  repo: RepositoryState,
  sender: string,
  pull: PullState,
  mergeSha?: string,
): Promise<void> {
  await need(world, 'PATCH', `${repoPath(repo)}/pulls/${pull.number}`, { state: 'closed' }, repo.owner);
  pull.open = false;
  touch(repo, pull.number);
  delete pull.queued;
  if (mergeSha !== undefined) {
    const by = sender === DEPLOY_KEY ? null : await userJson(world, sender);
    pull.merged = { at: new Date().toISOString(), by, sha: mergeSha };
  }
  const pull_request = await readPull(world, repo, pull.number);
  await emit(world, 'pull_request', repo, sender, { action: 'closed', number: pull.number, pull_request });
}
