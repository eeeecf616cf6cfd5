import { emit, emitInstallation, groupCommit, refreshRepository, repositoryBrief } from './emit.ts';
import type { Json } from './json.ts';
import { mergeCommit, mergeNow, queueBranch } from './merge.ts';
import type { Permission, Protection, RepositoryState } from './types.ts';
import { exclusive, fullName, need, repoPath, type World } from './world.ts';

/** What an owner clicks in the settings, with the events GitHub sends for it. */
export interface Admin {
  rename(name: string): Promise<void>;
  /** Hands the repository to another seeded user; the installation stays where it was. */
  transfer(newOwner: string): Promise<void>;
  archive(): Promise<void>;
  unarchive(): Promise<void>;
  changeDefaultBranch(branch: string): Promise<void>;
  setPermission(login: string, permission: Permission): Promise<void>;
  /** What `role_name` says of somebody: `triage`, `maintain`, a custom role; undefined = as the permission. */
  setRole(login: string, role: string | undefined): void;
  /** Who is in a team of the account. */
  setTeam(slug: string, logins: string[]): void;
  /** What the installation grants from now on, beside the rest; undefined takes it away. */
  grant(permission: string, level: 'read' | 'write' | undefined): void;
  protect(branch: string, rule: Protection): void;
  unprotect(branch: string): void;
  setAllowedMerges(allowed: { merge?: boolean; squash?: boolean; rebase?: boolean }): Promise<void>;
  setMergeQueue(branch: string, on: boolean): void;
  /** Rules that `GET rules/branches/{branch}` shows, in GitHub's shape. */
  setRules(branch: string, rules: Json[]): void;
  /** On: only people with a permission of their own may review (GitHub's code review limits). */
  setReviewLimit(on: boolean): void;
  /** Content that matches is refused with 409, as push protection does; undefined turns it off. */
  setPushProtection(pattern: RegExp | undefined): void;
  /** Builds the merge group of a queued pull request and sends `merge_group.checks_requested`. */
  startMergeGroup(pull: number): Promise<{ headSha: string; headRef: string; baseSha: string }>;
  /** Lands a built merge group: `push`, `pull_request.closed`, `merge_group.destroyed`. */
  finishMergeGroup(pull: number): Promise<string>;
  /** Somebody clicks "enable auto-merge". */
  armAutoMerge(pull: number, login: string): void;
  /** What GitHub does once its rules are met: merges in the name of who armed it. */
  fireAutoMerge(pull: number): Promise<string>;
  /** Both of the above; returns the merge commit. */
  runMergeQueue(pull: number): Promise<string>;
  suspend(): Promise<void>;
  unsuspend(): Promise<void>;
  uninstall(): Promise<void>;
  install(): Promise<void>;
  removeFromInstallation(): Promise<void>;
  addToInstallation(): Promise<void>;
  /** Voids every installation token, as an hour's passing does. */
  expireTokens(): void;
}

export function createAdmin(world: World, repo: RepositoryState): Admin {
  const owner = () => repo.owner;
  const settings = async (body: Json) => {
    await need(world, 'PATCH', repoPath(repo), body, repo.owner);
    await refreshRepository(world, repo);
  };
  const send = (action: string, changes?: Json) =>
    emit(world, 'repository', repo, owner(), { action, ...(changes ? { changes } : {}) });
  const queued = (number: number) => {
    const pull = repo.pulls.get(number);
    if (!pull?.queued) throw new Error(`pull request ${number} is not in the merge queue`);
    return { pull, entry: pull.queued };
  };
  const installed = () =>
    [...world.repositories.values()].filter((one) => one.installed).map(repositoryBrief);

  const startMergeGroup: Admin['startMergeGroup'] = async (number) => {
    const { pull } = queued(number);
    const baseSha = repo.branches.get(pull.baseRef) ?? pull.baseSha;
    const headSha = await mergeCommit(world, repo, pull, { method: 'merge', by: owner() });
    const headRef = queueBranch(pull, baseSha);
    await need(
      world,
      'POST',
      `${repoPath(repo)}/git/refs`,
      { ref: `refs/heads/${headRef}`, sha: headSha },
      repo.owner,
    );
    repo.branches.set(headRef, headSha);
    pull.queued = { headRef, headSha, baseSha };
    await emit(world, 'merge_group', repo, owner(), {
      action: 'checks_requested',
      merge_group: await mergeGroup(pull.baseRef, pull.queued),
    });
    return pull.queued;
  };
  const mergeGroup = async (
    baseRef: string,
    entry: { headRef: string; headSha: string; baseSha: string },
  ) => ({
    head_sha: entry.headSha,
    head_ref: `refs/heads/${entry.headRef}`,
    base_sha: entry.baseSha,
    base_ref: `refs/heads/${baseRef}`,
    head_commit: await groupCommit(world, repo, entry.headSha),
  });
  const finishMergeGroup: Admin['finishMergeGroup'] = async (number) => {
    const { pull, entry } = queued(number);
    if (entry.headSha === '') throw new Error(`the merge group of pull request ${number} is not built yet`);
    const group = await mergeGroup(pull.baseRef, entry);
    await exclusive(repo, () => mergeNow(world, repo, pull, entry.headSha, owner()));
    await need(world, 'DELETE', `${repoPath(repo)}/git/refs/heads/${entry.headRef}`, undefined, repo.owner);
    repo.branches.delete(entry.headRef);
    await emit(world, 'merge_group', repo, owner(), {
      action: 'destroyed',
      reason: 'merged',
      merge_group: group,
    });
    return entry.headSha;
  };

  return {
    async rename(name) {
      const from = repo.name;
      world.formerNames.set(fullName(repo).toLowerCase(), repo.id);
      await need(world, 'PATCH', repoPath(repo), { name }, repo.owner);
      repo.name = name;
      await refreshRepository(world, repo);
      await send('renamed', { repository: { name: { from } } });
    },
    async transfer(newOwner) {
      const from = repo.owner;
      world.formerNames.set(fullName(repo).toLowerCase(), repo.id);
      await need(world, 'POST', `${repoPath(repo)}/transfer`, { new_owner: newOwner }, repo.owner);
      repo.owner = newOwner;
      await refreshRepository(world, repo);
      await send('transferred', { owner: { from: { user: world.users.get(from) ?? { login: from } } } });
      repo.installed = false;
    },
    async archive() {
      await settings({ archived: true });
      repo.archived = true;
      await send('archived');
    },
    async unarchive() {
      await settings({ archived: false });
      repo.archived = false;
      await send('unarchived');
    },
    async changeDefaultBranch(branch) {
      if (!repo.branches.has(branch)) throw new Error(`there is no branch "${branch}" in ${fullName(repo)}`);
      const from = repo.defaultBranch;
      await settings({ default_branch: branch });
      repo.defaultBranch = branch;
      await send('edited', { default_branch: { from } });
    },
    async setPermission(login, permission) {
      const path = `${repoPath(repo)}/collaborators/${encodeURIComponent(login)}`;
      const level = { admin: 'admin', write: 'push', read: 'pull', none: undefined }[permission];
      if (level === undefined) await need(world, 'DELETE', path, undefined, repo.owner);
      else await need(world, 'PUT', path, { permission: level }, repo.owner);
      repo.permissions.set(login, permission);
    },
    setRole: (login, role) => {
      if (role === undefined) repo.roles.delete(login);
      else repo.roles.set(login, role);
    },
    setTeam: (slug, logins) => {
      world.teams.set(slug, logins);
    },
    grant: (permission, level) => {
      if (level === undefined) delete world.app.permissions[permission];
      else world.app.permissions[permission] = level;
    },
    protect: (branch, rule) => {
      repo.protections.set(branch, rule);
    },
    unprotect: (branch) => {
      repo.protections.delete(branch);
    },
    async setAllowedMerges(allowed) {
      repo.allowed = { ...repo.allowed, ...allowed };
      await settings({
        allow_merge_commit: repo.allowed.merge,
        allow_squash_merge: repo.allowed.squash,
        allow_rebase_merge: repo.allowed.rebase,
      });
    },
    setMergeQueue: (branch, on) => {
      if (on) repo.mergeQueues.add(branch);
      else repo.mergeQueues.delete(branch);
    },
    setRules: (branch, rules) => {
      repo.rules.set(branch, rules);
    },
    setReviewLimit: (on) => {
      repo.reviewLimit = on;
    },
    setPushProtection: (pattern) => {
      if (pattern) repo.pushProtection = pattern;
      else delete repo.pushProtection;
    },
    armAutoMerge: (number, login) => {
      const pull = repo.pulls.get(number);
      if (!pull) throw new Error(`there is no pull request ${number}`);
      pull.autoMerge = login;
    },
    async fireAutoMerge(number) {
      const pull = repo.pulls.get(number);
      if (!pull?.autoMerge) throw new Error(`auto-merge is not armed for pull request ${number}`);
      const by = pull.autoMerge;
      return exclusive(repo, async () => {
        const sha = await mergeCommit(world, repo, pull, { method: 'merge', by });
        await mergeNow(world, repo, pull, sha, by);
        return sha;
      });
    },
    startMergeGroup,
    finishMergeGroup,
    async runMergeQueue(pull) {
      await startMergeGroup(pull);
      return finishMergeGroup(pull);
    },
    async suspend() {
      world.installation.suspendedAt = new Date().toISOString();
      world.installation.suspendedBy = world.account;
      await emitInstallation(world, 'installation', 'suspend', {});
    },
    async unsuspend() {
      delete world.installation.suspendedAt;
      delete world.installation.suspendedBy;
      await emitInstallation(world, 'installation', 'unsuspend', {});
    },
    async uninstall() {
      world.installation.deleted = true;
      await emitInstallation(world, 'installation', 'deleted', { repositories: installed() });
    },
    async install() {
      world.installation.deleted = false;
      await emitInstallation(world, 'installation', 'created', {
        repositories: installed(),
        requester: null,
      });
    },
    async removeFromInstallation() {
      repo.installed = false;
      await emitInstallation(world, 'installation_repositories', 'removed', {
        repository_selection: 'selected',
        repositories_added: [],
        repositories_removed: [repositoryBrief(repo)],
        requester: null,
      });
    },
    async addToInstallation() {
      repo.installed = true;
      await emitInstallation(world, 'installation_repositories', 'added', {
        repository_selection: 'selected',
        repositories_added: [repositoryBrief(repo)],
        repositories_removed: [],
        requester: null,
      });
    },
    expireTokens: () => {
      for (const [token, actor] of world.tokens) {
        if (actor.type === 'installation') world.tokens.delete(token);
      }
    },
  };
}
