import { emitPush } from './emit.ts';
import { type Change, type Commit, changesBetween, compare, fileAt, readCommit } from './history.ts';
import { int, type Json, list, object, text } from './json.ts';
import { baseTip, closePull, conflicts, followBranch } from './pull.ts';
import type { PullState, RepositoryState } from './types.ts';
import { need, permissionOf, Refusal, repoPath, userJson, type World } from './world.ts';

export type MergeMethod = 'merge' | 'squash' | 'rebase';

/** Puts changes on a commit's tree and returns the new tree: a merge, path by path. */
async function applyChanges(
  world: World,
  repo: RepositoryState,
  onto: string,
  changes: Change[],
): Promise<string> {
  const { tree: base } = await readCommit(world, repo, onto);
  const tree: Json[] = [];
  for (const { path, after } of changes) {
    const present = await fileAt(world, repo, onto, path);
    if (after) tree.push({ path, mode: after.mode, type: 'blob', sha: after.sha });
    else if (present) tree.push({ path, mode: present.mode, type: 'blob', sha: null });
  }
  if (tree.length === 0) return base;
  const made = await need(
    world,
    'POST',
    `${repoPath(repo)}/git/trees`,
    { base_tree: base, tree },
    repo.owner,
  );
  return text(made.json, 'sha');
}

async function commit(
  world: World,
  repo: RepositoryState,
  parts: { message: string; tree: string; parents: string[]; author?: Json; by: string },
): Promise<string> {
  const user = await userJson(world, parts.by);
  const author = parts.author ?? {
    name: parts.by,
    email: `${int(user, 'id')}+${parts.by}@users.noreply.github.com`,
    date: new Date().toISOString(),
  };
  const made = await need(
    world,
    'POST',
    `${repoPath(repo)}/git/commits`,
    {
      message: parts.message,
      tree: parts.tree,
      parents: parts.parents,
      author,
      committer: { name: 'GitHub', email: 'noreply@github.com', date: new Date().toISOString() },
    },
    repo.owner,
  );
  const sha = text(made.json, 'sha');
  repo.signed.add(sha);
  return sha;
}

/** Makes the commit a merge would leave on the base branch, without moving the branch. */
export async function mergeCommit(
  world: World,
  repo: RepositoryState,
  pull: PullState,
  how: { method: MergeMethod; by: string; title?: string; message?: string; base?: string },
): Promise<string> {
  const base = how.base ?? baseTip(repo, pull);
  const [theirs, ours] = await Promise.all([
    compare(world, repo, base, pull.headSha),
    compare(world, repo, pull.headSha, base),
  ]);
  if (conflicts(ours.changes, theirs.changes).length > 0)
    throw new Refusal(405, 'Pull Request is not mergeable');
  const { commits } = theirs;
  if (how.method === 'rebase') return rebase(world, repo, base, commits, how.by);
  const title = await pullTitle(world, repo, pull);
  const tree = await applyChanges(world, repo, base, theirs.changes);
  const only = commits.length === 1 ? text(commits[0]?.json, 'message') : undefined;
  const subject =
    how.title ??
    (how.method === 'merge'
      ? `Merge pull request #${pull.number} from ${repo.owner}/${pull.headRef}`
      : `${only?.split('\n')[0] ?? title} (#${pull.number})`);
  const rest =
    how.message ??
    (how.method === 'merge'
      ? title
      : commits.length === 1
        ? (only?.split('\n').slice(1).join('\n').trim() ?? '')
        : commits.map((one) => `* ${text(one.json, 'message')}`).join('\n\n'));
  return commit(world, repo, {
    message: rest === '' ? subject : `${subject}\n\n${rest}`,
    tree,
    parents: how.method === 'merge' ? [base, pull.headSha] : [base],
    by: how.by,
  });
}

async function pullTitle(world: World, repo: RepositoryState, pull: PullState): Promise<string> {
  const path = `${repoPath(repo)}/pulls/${pull.number}`;
  const { json } = await need(world, 'GET', path, undefined, repo.owner);
  return text(json, 'title');
}

async function rebase(world: World, repo: RepositoryState, base: string, commits: Commit[], by: string) {
  let tip = base;
  for (const { sha, parents, json } of commits) {
    const tree = await applyChanges(world, repo, tip, await changesBetween(world, repo, parents[0], sha));
    const author = object(json, 'author');
    tip = await commit(world, repo, { message: text(json, 'message'), tree, parents: [tip], author, by });
  }
  return tip;
}

/** Moves a branch to a commit, tells everyone, and lets pull requests follow. */
async function moveBranch(
  world: World,
  repo: RepositoryState,
  sender: string,
  branch: string,
  sha: string,
): Promise<string[]> {
  const before = repo.branches.get(branch);
  const path = `${repoPath(repo)}/git/refs`;
  if (before === undefined) {
    await need(world, 'POST', path, { ref: `refs/heads/${branch}`, sha }, repo.owner);
  } else {
    await need(world, 'PATCH', `${path}/heads/${branch}`, { sha, force: true }, repo.owner);
  }
  repo.branches.set(branch, sha);
  return emitPush(world, repo, sender, { ref: `refs/heads/${branch}`, before, after: sha });
}

/** Merges now: commit, branch, `push`, `pull_request.closed`, in the order GitHub sends them. */
export async function mergeNow(
  world: World,
  repo: RepositoryState,
  pull: PullState,
  sha: string,
  sender: string,
): Promise<void> {
  const before = repo.branches.get(pull.baseRef);
  const pushed = await moveBranch(world, repo, sender, pull.baseRef, sha);
  await closePull(world, repo, sender, pull, sha);
  await followBranch(world, repo, sender, { branch: pull.baseRef, before, after: sha, pushed });
}

/** Refuses what a branch protection or the repository's settings refuse at merge time. */
export async function checkMerge(
  world: World,
  repo: RepositoryState,
  pull: PullState,
  method: MergeMethod,
): Promise<void> {
  if (pull.draft) throw new Refusal(405, 'Pull Request is still a draft');
  if (repo.mergeQueues.has(pull.baseRef)) {
    throw new Refusal(
      405,
      'Repository rule violations found\n\nChanges must be made through the merge queue\n\n',
    );
  }
  if (!repo.allowed[method]) {
    const name = { merge: 'Merge commits', squash: 'Squash merges', rebase: 'Rebase merges' }[method];
    throw new Refusal(405, `${name} are not allowed on this repository.`);
  }
  const rule = repo.protections.get(pull.baseRef);
  if (!rule) return;
  const need1 = rule.pullRequest?.approvals ?? 0;
  if (need1 > 0 && (await approvals(world, repo, pull)) < need1) {
    const what = need1 === 1 ? 'At least 1 approving review is' : `At least ${need1} approving reviews are`;
    throw new Refusal(405, `${what} required by reviewers with write access.`);
  }
  for (const name of rule.requiredChecks ?? []) {
    const path = `${repoPath(repo)}/commits/${pull.headSha}/check-runs?check_name=${encodeURIComponent(name)}`;
    const { json } = await need(world, 'GET', path, undefined, repo.owner);
    const passed = list(json, 'check_runs').some(
      (run) =>
        text(run, 'name') === name && ['success', 'neutral', 'skipped'].includes(text(run, 'conclusion')),
    );
    if (!passed) throw new Refusal(405, `Required status check "${name}" is expected.`);
  }
}

/** People with write permission whose last verdict is an approval. */
async function approvals(world: World, repo: RepositoryState, pull: PullState): Promise<number> {
  const path = `${repoPath(repo)}/pulls/${pull.number}/reviews?per_page=100`;
  const { items } = await need(world, 'GET', path, undefined, repo.owner);
  const verdicts = new Map<string, string>();
  for (const review of items) {
    const state = text(review, 'state');
    if (state !== 'COMMENTED' && state !== 'PENDING') verdicts.set(text(review, 'user', 'login'), state);
  }
  return [...verdicts].filter(
    ([login, state]) => state === 'APPROVED' && ['admin', 'write'].includes(permissionOf(repo, login)),
  ).length;
}

/** The branch GitHub builds a merge group on. */
export function queueBranch(pull: PullState, base: string): string {
  return `gh-readonly-queue/${pull.baseRef}/pr-${pull.number}-${base}`;
}
