import { emit, emitPush } from './emit.ts';
import { fileList } from './files.ts';
import { compare } from './history.ts';
import { isJson, type Json, list, object, parse, text } from './json.ts';
import { followBranch } from './pull.ts';
import type { Exchange, Protection, RepositoryState } from './types.ts';
import {
  actorLogin,
  alone,
  ask,
  forward,
  fullName,
  mayWrite,
  NOT_ACCESSIBLE,
  NOT_FOUND,
  need,
  pass,
  Refusal,
  type RepositoryHandler,
  repoPath,
  requireActor,
  requireGrant,
  type World,
} from './world.ts';

/** What a branch protection says to a direct update, or undefined when it lets it through. */
function objection(rule: Protection | undefined, login: string): { status: number; why: string } | undefined {
  if (!rule) return undefined;
  if (rule.pullRequest) return { status: 422, why: 'Changes must be made through a pull request.' };
  const checks = rule.requiredChecks ?? [];
  if (checks.length === 1) return { status: 422, why: `Required status check "${checks[0]}" is expected.` };
  if (checks.length > 1) {
    return { status: 422, why: `${checks.length} of ${checks.length} required status checks are expected.` };
  }
  if (rule.restrictPush && !rule.restrictPush.includes(login)) {
    return { status: 403, why: "You're not authorized to push to this branch." };
  }
  return undefined;
}

/** Refuses a direct update of a protected branch: 409 for contents, 422 for refs, 403 for push restrictions. */
function checkProtection(x: Exchange, repo: RepositoryState, branch: string, via: 'contents' | 'refs'): void {
  const found = objection(repo.protections.get(branch), actorLogin(x.actor));
  if (!found) return;
  if (via === 'refs' || found.status === 403) throw new Refusal(found.status, found.why);
  throw new Refusal(409, `Could not ${x.method === 'DELETE' ? 'delete' : 'update'} file: ${found.why}`);
}

function checkWriter(x: Exchange, repo: RepositoryState): string {
  const login = requireActor(x.actor);
  requireGrant(x.actor, ['contents'], 'write');
  if (x.actor.type === 'user' && !mayWrite(repo, login)) throw new Refusal(403, NOT_ACCESSIBLE);
  return login;
}

/** Secret scanning's push protection answers 409 (docs: contents and blobs). */
function checkSecrets(repo: RepositoryState, content: string): void {
  if (repo.pushProtection?.test(content)) {
    throw new Refusal(
      409,
      'Repository rule violations found\n\nSecret detected in content\n\n- Push cannot contain secrets\n\n',
    );
  }
}

/** Tells a branch's new place to the proxy, the app and the pull requests on it. */
async function moved(
  world: World,
  repo: RepositoryState,
  sender: string,
  move: { branch: string; before: string | undefined; after: string | undefined; forced?: boolean },
): Promise<void> {
  const { branch, before, after, forced = false } = move;
  if (after === undefined) repo.branches.delete(branch);
  else repo.branches.set(branch, after);
  if (before === undefined || after === undefined) {
    await emit(world, after === undefined ? 'delete' : 'create', repo, sender, {
      ref: branch,
      ref_type: 'branch',
      pusher_type: 'user',
      ...(after === undefined ? {} : { master_branch: repo.defaultBranch, description: null }),
    });
  }
  const pushed = await emitPush(world, repo, sender, { ref: `refs/heads/${branch}`, before, after, forced });
  await followBranch(world, repo, sender, { branch, before, after, pushed });
}

/** Marks every commit in a body that GitHub would have signed. */
export function sign(repo: RepositoryState, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((one) => sign(repo, one));
  if (!isJson(value)) return value;
  const sha = text(value, 'sha');
  if (!repo.signed.has(sha)) return value;
  const verification = {
    verified: true,
    reason: 'valid',
    signature: '-----BEGIN PGP SIGNATURE-----\n(emulated)\n-----END PGP SIGNATURE-----\n',
    payload: '',
    verified_at: null,
  };
  if (isJson(value.commit)) return { ...value, commit: { ...value.commit, verification } };
  return 'verification' in value ? { ...value, verification } : value;
}

const signed: RepositoryHandler = async (world, x, repo) => {
  const reply = await forward(world, x);
  const parsed = parse(reply.body);
  if (reply.status !== 200) return pass(reply);
  return pass(reply, sign(repo, parsed));
};

/** A commit as the emulator lists it, without its files. */
async function commitItem(world: World, repo: RepositoryState, sha: string): Promise<unknown> {
  const { json } = await need(world, 'GET', `${repoPath(repo)}/commits/${sha}`, undefined, repo.owner);
  const { files: _files, stats: _stats, ...rest } = json;
  return sign(repo, rest);
}

/** Comparisons are the emulator's in shape, but its own take quadratic time. */
const compareCommits: RepositoryHandler = async (world, x, repo) => {
  requireGrant(x.actor, ['contents'], 'read');
  const [left = '', right = ''] = (x.params.basehead ?? '').split('...');
  const [base, head] = [repo.branches.get(left) ?? left, repo.branches.get(right) ?? right];
  if (!/^[0-9a-f]{40}$/.test(base) || !/^[0-9a-f]{40}$/.test(head)) return signed(world, x, repo);
  for (const sha of [base, head]) {
    const found = await ask(world, 'GET', `${repoPath(repo)}/git/commits/${sha}`, undefined, repo.owner);
    if (found.status !== 200) throw new Refusal(404, NOT_FOUND);
  }
  const ahead = await compare(world, repo, base, head);
  const behind = await compare(world, repo, head, base);
  if (ahead.base === undefined) throw new Refusal(404, `No common ancestor between ${left} and ${right}.`);
  const [a, b] = [ahead.commits.length, behind.commits.length];
  const commits: unknown[] = [];
  for (const { sha } of ahead.commits.slice(0, 250)) commits.push(await commitItem(world, repo, sha));
  return {
    status: 200,
    body: {
      url: `${world.url}${repoPath(repo)}/compare/${x.params.basehead}`,
      html_url: `${world.url}/${fullName(repo)}/compare/${x.params.basehead}`,
      base_commit: await commitItem(world, repo, base),
      merge_base_commit: await commitItem(world, repo, ahead.base),
      status: a > 0 && b > 0 ? 'diverged' : a > 0 ? 'ahead' : b > 0 ? 'behind' : 'identical',
      ahead_by: a,
      behind_by: b,
      total_commits: a,
      commits,
      files: (await fileList(world, repo, ahead.changes, head)).slice(0, 300),
    },
  };
};

const createCommit: RepositoryHandler = async (world, x, repo) => {
  checkWriter(x, repo);
  const reply = await forward(world, x, { parents: [], ...x.body });
  const parsed = parse(reply.body);
  if (reply.status !== 201 || !isJson(parsed)) return pass(reply);
  // GitHub signs a bot's commit only when the app names neither author nor committer.
  if (x.actor.type === 'installation' && x.body.author === undefined && x.body.committer === undefined) {
    repo.signed.add(text(parsed, 'sha'));
  }
  return pass(reply, sign(repo, parsed));
};

const createTree: RepositoryHandler = async (world, x, repo) => {
  checkWriter(x, repo);
  const tree = list(x.body, 'tree').map((entry): Json => {
    checkSecrets(repo, text(entry, 'content'));
    const mode = text(entry, 'mode') || '100644';
    return { mode, type: mode === '040000' ? 'tree' : mode === '160000' ? 'commit' : 'blob', ...entry };
  });
  const reply = await forward(world, x, { ...x.body, tree });
  if (reply.status !== 422 || text(parse(reply.body), 'message') !== 'Invalid base_tree') return pass(reply);
  // GitHub peels a commit given as `base_tree` to its tree.
  const path = `${repoPath(repo)}/git/commits/${text(x.body, 'base_tree')}`;
  const { json } = await ask(world, 'GET', path, undefined, repo.owner);
  return pass(await forward(world, x, { ...x.body, tree, base_tree: text(json, 'tree', 'sha') }));
};

const createBlob: RepositoryHandler = async (world, x, repo) => {
  checkWriter(x, repo);
  const content = text(x.body, 'content');
  checkSecrets(repo, x.body.encoding === 'base64' ? Buffer.from(content, 'base64').toString() : content);
  return pass(await forward(world, x));
};

const createRef: RepositoryHandler = async (world, x, repo) => {
  const sender = checkWriter(x, repo);
  const branch = text(x.body, 'ref').replace(/^refs\/heads\//, '');
  checkProtection(x, repo, branch, 'refs');
  const reply = await forward(world, x);
  if (reply.status === 201 && text(x.body, 'ref').startsWith('refs/heads/')) {
    await moved(world, repo, sender, { branch, before: undefined, after: text(x.body, 'sha') });
  }
  return pass(reply);
};

function branchOf(x: Exchange): string | undefined {
  const ref = x.params.ref ?? '';
  return ref.startsWith('heads/') ? ref.slice('heads/'.length) : undefined;
}

const updateRef: RepositoryHandler = async (world, x, repo) => {
  const sender = checkWriter(x, repo);
  const branch = branchOf(x);
  if (branch !== undefined) checkProtection(x, repo, branch, 'refs');
  const before = branch === undefined ? undefined : repo.branches.get(branch);
  if (branch !== undefined && before === undefined) throw new Refusal(422, 'Reference does not exist');
  const reply = await forward(world, x);
  const after = text(x.body, 'sha');
  if (reply.status === 200 && branch !== undefined && before !== after) {
    await moved(world, repo, sender, { branch, before, after, forced: x.body.force === true });
  }
  return pass(reply);
};

const deleteRef: RepositoryHandler = async (world, x, repo) => {
  const sender = checkWriter(x, repo);
  const branch = branchOf(x);
  if (branch !== undefined && repo.protections.has(branch)) {
    throw new Refusal(422, 'Cannot delete this protected branch');
  }
  const before = branch === undefined ? undefined : repo.branches.get(branch);
  if (branch !== undefined && before === undefined) throw new Refusal(422, 'Reference does not exist');
  const reply = await forward(world, x);
  if (reply.status === 204 && branch !== undefined) {
    await moved(world, repo, sender, { branch, before, after: undefined });
  }
  return pass(reply);
};

const writeContents: RepositoryHandler = async (world, x, repo) => {
  const sender = checkWriter(x, repo);
  const branch = text(x.body, 'branch') || repo.defaultBranch;
  checkProtection(x, repo, branch, 'contents');
  if (x.method === 'PUT') checkSecrets(repo, Buffer.from(text(x.body, 'content'), 'base64').toString());
  const before = repo.branches.get(branch);
  const reply = await forward(world, x);
  const parsed = parse(reply.body);
  if ((reply.status !== 200 && reply.status !== 201) || !isJson(parsed)) return pass(reply);
  const after = text(parsed, 'commit', 'sha');
  if (x.actor.type === 'installation' && x.body.author === undefined && x.body.committer === undefined) {
    repo.signed.add(after);
  }
  await moved(world, repo, sender, { branch, before, after });
  return pass(reply, { ...parsed, commit: sign(repo, object(parsed, 'commit')) });
};

const getBranch: RepositoryHandler = async (world, x, repo) => {
  const reply = await forward(world, x);
  const parsed = parse(reply.body);
  if (reply.status !== 200 || !isJson(parsed)) return pass(reply);
  const rule = repo.protections.get(text(parsed, 'name'));
  const path = `${repoPath(repo)}/commits/${text(parsed, 'commit', 'sha')}`;
  const { json } = await ask(world, 'GET', path, undefined, repo.owner);
  const { stats: _stats, files: _files, ...commit } = json;
  return pass(reply, {
    ...parsed,
    commit: sign(repo, commit),
    protected: rule !== undefined,
    protection: {
      enabled: rule !== undefined,
      required_status_checks: {
        enforcement_level: rule?.requiredChecks?.length ? 'everyone' : 'off',
        contexts: rule?.requiredChecks ?? [],
        checks: (rule?.requiredChecks ?? []).map((context) => ({ context, app_id: null })),
      },
    },
  });
};

const REPO = '/repos/{owner}/{repo}';

/** Git data, contents and commits. */
export const gitMends: [string, RepositoryHandler][] = [
  [`GET ${REPO}/commits`, signed],
  [`GET ${REPO}/commits/{ref}`, signed],
  [`GET ${REPO}/compare/{basehead}`, compareCommits],
  [`GET ${REPO}/git/commits/{commit_sha}`, signed],
  [`POST ${REPO}/git/commits`, createCommit],
  [`POST ${REPO}/git/trees`, createTree],
  [`POST ${REPO}/git/blobs`, createBlob],
  [`POST ${REPO}/git/refs`, alone(createRef)],
  [`PATCH ${REPO}/git/refs/{ref}`, alone(updateRef)],
  [`DELETE ${REPO}/git/refs/{ref}`, alone(deleteRef)],
  [`PUT ${REPO}/contents/{path}`, alone(writeContents)],
  [`DELETE ${REPO}/contents/{path}`, alone(writeContents)],
  [`GET ${REPO}/branches/{branch}`, getBranch],
];
