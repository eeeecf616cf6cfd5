import { int, type Json, object, text } from './json.ts';
import { readPull } from './pull.ts';
import type { Answer, Exchange, PullState, RepositoryState } from './types.ts';
import { actorLogin, all, type Handler, mayWrite, repoPath, requireActor, type World } from './world.ts';

/** GraphQL answers 200 with `errors`; only what the product asks for is understood. */
function failed(type: string, message: string, path: string): Answer {
  return { status: 200, body: { data: { [path]: null }, errors: [{ type, path: [path], message }] } };
}

function byNodeId(world: World, id: string): { repo: RepositoryState; pull: PullState } | undefined {
  for (const repo of world.repositories.values()) {
    for (const pull of repo.pulls.values()) if (pull.nodeId === id) return { repo, pull };
  }
  return undefined;
}

/** An argument given inline (`name: "value"`) or through a variable, at any depth of `variables`. */
function argument(query: string, variables: Json, name: string): string | number | undefined {
  const inline = new RegExp(`\\b${name}\\s*:\\s*(?:"([^"]*)"|(\\d+)|\\$(\\w+))`).exec(query);
  if (inline?.[1] !== undefined) return inline[1];
  if (inline?.[2] !== undefined) return Number(inline[2]);
  const holders = [variables, object(variables, 'input')];
  for (const holder of holders) {
    const value = holder[inline?.[3] ?? name];
    if (typeof value === 'string' || typeof value === 'number') return value;
  }
  return undefined;
}

async function enqueue(world: World, x: Exchange, query: string, variables: Json): Promise<Answer> {
  const path = 'enqueuePullRequest';
  const found = byNodeId(world, String(argument(query, variables, 'pullRequestId') ?? ''));
  if (!found) return failed('NOT_FOUND', 'Could not resolve to a node with the given global id.', path);
  const { repo, pull } = found;
  const login = actorLogin(x.actor);
  const may =
    x.actor.type === 'installation' ? x.actor.grant.permissions.contents === 'write' : mayWrite(repo, login);
  if (!may) return failed('FORBIDDEN', 'Resource not accessible by integration', path);
  const expected = argument(query, variables, 'expectedHeadOid');
  if (expected !== undefined && expected !== pull.headSha) {
    return failed('UNPROCESSABLE', 'Head branch was modified. Review and try again.', path);
  }
  if (!pull.open) return failed('UNPROCESSABLE', 'Pull request is closed', path);
  if (!repo.mergeQueues.has(pull.baseRef)) {
    return failed('UNPROCESSABLE', 'Merge queue is not enabled for this branch', path);
  }
  if (pull.queued) return failed('UNPROCESSABLE', 'The pull request is already in the merge queue', path);
  pull.queued = { headRef: '', headSha: '', baseSha: '' };
  const position = [...repo.pulls.values()].filter((one) => one.queued).length;
  const mergeQueueEntry = { id: `MQE_${pull.number}`, position, state: 'QUEUED' };
  return { status: 200, body: { data: { [path]: { clientMutationId: null, mergeQueueEntry } } } };
}

/** Comments, issues and pull requests: everything that is a `Comment` in GitHub's schema. */
async function textHistory(world: World, id: string): Promise<Answer> {
  for (const repo of world.repositories.values()) {
    const own = [...repo.comments.issues.values(), ...repo.comments.pulls.values()];
    const path = repoPath(repo);
    const found =
      own.find((json) => json.node_id === id) ??
      (await all(world, `${path}/issues?state=all`, repo)).find((json) => json.node_id === id) ??
      (await all(world, `${path}/pulls?state=all`, repo)).find((json) => json.node_id === id);
    if (!found) continue;
    const edit = repo.edits.get(id);
    const node = {
      publishedAt: text(found, 'created_at'),
      lastEditedAt: edit?.at ?? null,
      editor: edit ? { login: edit.login } : null,
    };
    return { status: 200, body: { data: { node } } };
  }
  return failed('NOT_FOUND', `Could not resolve to a node with the global id of '${id}'.`, 'node');
}

const graphql: Handler = async (world, x) => {
  requireActor(x.actor);
  const query = text(x.body, 'query');
  const variables = object(x.body, 'variables');
  if (query.includes('lastEditedAt')) return textHistory(world, text(variables, 'id'));
  if (query.includes('enqueuePullRequest')) return enqueue(world, x, query, variables);
  const number = argument(query, variables, 'number');
  const owner = argument(query, variables, 'owner');
  const name = argument(query, variables, 'name') ?? argument(query, variables, 'repo');
  const repo = [...world.repositories.values()].find((one) => one.owner === owner && one.name === name);
  const pull = repo?.pulls.get(Number(number));
  if (!repo || !pull) {
    return failed(
      'NOT_FOUND',
      `Could not resolve to a PullRequest with the number of ${number}.`,
      'repository',
    );
  }
  const json = await readPull(world, repo, pull.number);
  const pullRequest = {
    id: pull.nodeId,
    databaseId: int(json, 'id'),
    number: pull.number,
    title: text(json, 'title'),
    state: pull.merged ? 'MERGED' : pull.open ? 'OPEN' : 'CLOSED',
    headRefName: pull.headRef,
    headRefOid: pull.headSha,
    baseRefName: pull.baseRef,
    isInMergeQueue: pull.queued !== undefined,
    mergeQueueEntry: pull.queued ? { id: `MQE_${pull.number}`, state: 'QUEUED' } : null,
  };
  return { status: 200, body: { data: { repository: { pullRequest } } } };
};

export const graphqlMends: [string, Handler][] = [['POST /graphql', graphql]];
