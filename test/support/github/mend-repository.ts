import { repositoryJson } from './emit.ts';
import { isJson, type Json, parse } from './json.ts';
import { ask, forward, pass, permissionOf, Refusal, type RepositoryHandler, requireActor } from './world.ts';

/** The base roles behind `permission`, which is only ever admin, write, read or none. */
const collaboratorPermission: RepositoryHandler = async (world, x, repo) => {
  requireActor(x.actor);
  const login = x.params.username ?? '';
  const found = await ask(world, 'GET', `/users/${encodeURIComponent(login)}`);
  if (found.status !== 200) throw new Refusal(404, `${login} is not a user`);
  const given = permissionOf(repo, login);
  // Anybody may read a public repository, and the API says so.
  const permission = given === 'none' && !repo.private ? 'read' : given;
  const levels = ['none', 'read', 'write', 'admin'];
  const rank = levels.indexOf(permission);
  // The only place that tells triage and maintain apart; `permission` maps them to read and write.
  const role_name = repo.roles.get(login) ?? permission;
  const permissions = {
    admin: rank >= 3,
    maintain: rank >= 3 || role_name === 'maintain',
    push: rank >= 2,
    triage: rank >= 2 || role_name === 'triage',
    pull: rank >= 1,
  };
  return { status: 200, body: { permission, role_name, user: { ...found.json, permissions, role_name } } };
};

/** Active rules of a branch, from protections, merge queues and `admin.setRules`. */
const branchRules: RepositoryHandler = async (_world, x, repo) => {
  const branch = x.params.branch ?? '';
  const rules: Json[] = [...(repo.rules.get(branch) ?? [])];
  const source = {
    ruleset_source_type: 'Repository',
    ruleset_source: `${repo.owner}/${repo.name}`,
    ruleset_id: 1,
  };
  if (repo.mergeQueues.has(branch)) {
    rules.push({ type: 'merge_queue', ...source, parameters: { merge_method: 'MERGE' } });
  }
  return { status: 200, body: rules };
};

const get: RepositoryHandler = async (world, x, repo) => {
  const reply = await forward(world, x);
  const parsed = parse(reply.body);
  if (reply.status !== 200 || !isJson(parsed)) return pass(reply);
  return pass(reply, {
    ...parsed,
    ...repositoryJson(repo),
    permissions: parsed.permissions,
    allow_merge_commit: repo.allowed.merge,
    allow_squash_merge: repo.allowed.squash,
    allow_rebase_merge: repo.allowed.rebase,
  });
};

const REPO = '/repos/{owner}/{repo}';

/** The repository itself and who may do what in it. */
export const repositoryMends: [string, RepositoryHandler][] = [
  [`GET ${REPO}`, get],
  [`GET ${REPO}/collaborators/{username}/permission`, collaboratorPermission],
  [`GET ${REPO}/rules/branches/{branch}`, branchRules],
];
