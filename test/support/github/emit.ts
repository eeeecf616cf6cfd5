import { type Change, changesBetween, compare, identity, readCommit } from './history.ts';
import { isJson, type Json, object, text } from './json.ts';
import type { RepositoryState } from './types.ts';
import { botTypes, fullName, need, repoPath, userJson, type World } from './world.ts';

/** The login of a seeded user that stands for a deploy key: it pushes, and payloads name no person. */
export const DEPLOY_KEY = 'deploy-key';

const NO_COMMIT = '0'.repeat(40);
/** Always sent to a GitHub App, subscribed or not (docs: webhook events, `installation`). */
const UNCONDITIONAL = new Set(['installation', 'installation_repositories', 'installation_target']);

/** The repository object of payloads; the emulator's, with what the proxy knows better. */
export function repositoryJson(repo: RepositoryState): Json {
  return {
    ...repo.json,
    default_branch: repo.defaultBranch,
    archived: repo.archived,
    web_commit_signoff_required: false,
    custom_properties: {},
  };
}

/** Reads the repository object again after an admin changed it. */
export async function refreshRepository(world: World, repo: RepositoryState): Promise<void> {
  const { json } = await need(world, 'GET', repoPath(repo), undefined, repo.owner);
  const { permissions: _, ...rest } = json;
  repo.json = rest;
}

/** Sends one event about a repository to the app, if the app would get it. */
export async function emit(
  world: World,
  event: string,
  repo: RepositoryState,
  sender: string,
  payload: Json,
): Promise<void> {
  if (!UNCONDITIONAL.has(event) && !world.app.events.includes(event)) return;
  if (world.installation.deleted || world.installation.suspendedAt !== undefined || !repo.installed) return;
  const whole: Json = {
    ...payload,
    repository: {
      ...repositoryJson(repo),
      ...(event === 'push' ? { stargazers: 0, master_branch: repo.defaultBranch } : {}),
    },
    ...(sender === DEPLOY_KEY ? {} : { sender: await userJson(world, sender) }),
    installation: installationBrief(world),
  };
  const sent = world.otherBots ? object(JSON.parse(botTypes(world, JSON.stringify(whole)))) : whole;
  world.webhooks.emit(event, sent, { repositoryId: repo.id });
}

function installationBrief(world: World): Json {
  const id = world.app.installationId;
  return {
    id,
    node_id: Buffer.from(`23:IntegrationInstallation${id}`).toString('base64').replace(/=+$/, ''),
  };
}

/** One commit as `push` and `merge_group` carry it. */
async function commitOf(world: World, repo: RepositoryState, sha: string): Promise<Json> {
  const commit = await readCommit(world, repo, sha);
  const changes = await changesBetween(world, repo, commit.parents[0], sha);
  const paths = (keep: (change: Change) => boolean) => changes.filter(keep).map((change) => change.path);
  return {
    id: sha,
    tree_id: commit.tree,
    distinct: true,
    message: text(commit.json, 'message'),
    timestamp: text(commit.json, 'committer', 'date').replace(/\.\d{3}Z$/, 'Z'),
    url: `${text(repo.json, 'html_url')}/commit/${sha}`,
    author: identity(commit, 'author'),
    committer: identity(commit, 'committer'),
    added: paths(({ before }) => before === undefined),
    removed: paths(({ after }) => after === undefined),
    modified: paths(({ before, after }) => before !== undefined && after !== undefined),
  };
}

/** Commits a push carries at most (docs: webhook events, `push`: 2,048; a test needs few). */
const PUSHED_COMMITS = 20;

/** Sends `push` for a branch or tag that moved; returns the shas that came with it. */
export async function emitPush(
  world: World,
  repo: RepositoryState,
  sender: string,
  move: { ref: string; before: string | undefined; after: string | undefined; forced?: boolean },
): Promise<string[]> {
  const { before, after } = move;
  const compared =
    before === undefined || after === undefined ? undefined : await compare(world, repo, before, after);
  const shas = (compared?.commits ?? []).map((commit) => commit.sha);
  const listed: Json[] = [];
  for (const sha of shas.slice(-PUSHED_COMMITS)) listed.push(await commitOf(world, repo, sha));
  const head = after === undefined ? null : await commitOf(world, repo, after);
  const pusher =
    sender === DEPLOY_KEY
      ? { name: 'deploy key' }
      : { name: sender, email: `${sender}@users.noreply.github.com` };
  await emit(world, 'push', repo, sender, {
    ref: move.ref,
    before: before ?? NO_COMMIT,
    after: after ?? NO_COMMIT,
    created: before === undefined,
    deleted: after === undefined,
    forced: move.forced === true,
    base_ref: null,
    compare: `${world.url}/${fullName(repo)}/compare/${(before ?? NO_COMMIT).slice(0, 12)}...${(after ?? NO_COMMIT).slice(0, 12)}`,
    commits: listed,
    head_commit: head,
    pusher,
  });
  return shas;
}

/** The commit of a merge group, in the payload's short form. */
export async function groupCommit(world: World, repo: RepositoryState, sha: string): Promise<Json> {
  const { id, tree_id, message, timestamp, author, committer } = await commitOf(world, repo, sha);
  return { id, tree_id, message, timestamp, author, committer };
}

/** Sends `installation` or `installation_repositories`; these carry the whole installation. */
export async function emitInstallation(
  world: World,
  event: 'installation' | 'installation_repositories',
  action: string,
  extra: Json,
): Promise<void> {
  const installation = await installationJson(world);
  world.webhooks.emit(
    event,
    { action, installation, ...extra, sender: await userJson(world, world.account) },
    { repositoryId: null },
  );
}

/** Repositories as installation payloads list them. */
export function repositoryBrief(repo: RepositoryState): Json {
  const { id, node_id, name, full_name } = repo.json;
  return { id, node_id, name, full_name, private: repo.private };
}

/** An installation as `GET /app/installations/{installation_id}` shows it. */
export async function installationJson(world: World): Promise<Json> {
  const account = await userJson(world, world.account);
  const id = world.app.installationId;
  return {
    id,
    node_id: installationBrief(world).node_id,
    client_id: world.app.clientId,
    account,
    repository_selection: 'selected',
    access_tokens_url: `${world.url}/app/installations/${id}/access_tokens`,
    repositories_url: `${world.url}/installation/repositories`,
    html_url: `${world.url}/settings/installations/${id}`,
    app_id: world.app.id,
    app_slug: world.app.slug,
    target_id: account.id,
    target_type: isJson(account) ? account.type : 'User',
    permissions: world.app.permissions,
    events: world.app.events,
    created_at: world.installation.createdAt,
    updated_at: world.installation.suspendedAt ?? world.installation.createdAt,
    single_file_name: null,
    has_multiple_single_files: false,
    single_file_paths: [],
    suspended_by:
      world.installation.suspendedBy === undefined
        ? null
        : await userJson(world, world.installation.suspendedBy),
    suspended_at: world.installation.suspendedAt ?? null,
  };
}
