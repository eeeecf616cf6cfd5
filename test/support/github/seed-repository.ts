import { text } from './json.ts';
import type { RepositorySeed, RepositoryState, UserSeed } from './types.ts';
import { need, userJson, type World } from './world.ts';

/** Gives a repository its first commit and its collaborators, and starts what the proxy remembers of it. */
export async function seedRepository(
  world: World,
  seed: RepositorySeed,
  users: UserSeed[],
): Promise<RepositoryState> {
  const [owner = '', name = ''] = seed.fullName.split('/');
  const path = `/repos/${seed.fullName}`;
  const defaultBranch = seed.defaultBranch ?? 'main';
  const tree = await need(
    world,
    'POST',
    `${path}/git/trees`,
    {
      tree: Object.entries(seed.files ?? { 'README.md': `# ${name}\n` }).map(([file, content]) => ({
        path: file,
        mode: '100644',
        type: 'blob',
        content,
      })),
    },
    owner,
  );
  const commit = await need(
    world,
    'POST',
    `${path}/git/commits`,
    { message: 'Initial commit', tree: tree.json.sha, parents: [] },
    owner,
  );
  const sha = text(commit.json, 'sha');
  await need(world, 'POST', `${path}/git/refs`, { ref: `refs/heads/${defaultBranch}`, sha }, owner);
  const level = { admin: 'admin', write: 'push', read: 'pull' };
  for (const user of users) {
    const permission = user.permission ?? 'none';
    if (permission === 'none' || user.login === owner) continue;
    const body = { permission: level[permission] };
    await need(world, 'PUT', `${path}/collaborators/${encodeURIComponent(user.login)}`, body, owner);
  }
  const { json } = await need(world, 'GET', path, undefined, owner);
  const { permissions: _, ...repository } = json;
  return {
    id: Number(json.id),
    owner,
    name,
    private: seed.private ?? false,
    installed: seed.installed ?? true,
    archived: false,
    defaultBranch,
    allowed: { merge: true, squash: true, rebase: true },
    reviewLimit: false,
    branches: new Map([[defaultBranch, sha]]),
    pulls: new Map(),
    protections: new Map(),
    rules: new Map(),
    mergeQueues: new Set(),
    permissions: new Map(users.map((user) => [user.login, user.permission ?? 'none'])),
    roles: new Map(users.flatMap(({ login, role }) => (role === undefined ? [] : [[login, role] as const]))),
    signed: new Set(),
    issues: new Set(),
    comments: { issues: new Map(), pulls: new Map() },
    reactions: new Map(),
    touched: new Map(),
    edits: new Map(),
    annotations: new Map(),
    actions: new Map(),
    json: repository,
  };
}

/** The emulator makes the bot's account at its first write; a refused one is enough. */
export async function createBot(world: World, repo: RepositoryState): Promise<void> {
  const token = await world.upstream.grantToken({
    installationId: world.app.installationId,
    permissions: { ...world.app.permissions },
    issuedAt: Date.now(),
  });
  await world.upstream.send({
    method: 'POST',
    path: `/repos/${repo.owner}/${repo.name}/issues/999999/comments`,
    token,
    raw: Buffer.from('{"body":"x"}'),
  });
  await userJson(world, `${world.app.slug}[bot]`);
}
