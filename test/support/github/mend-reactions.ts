import { type Json, text } from './json.ts';
import { CONTENTS, type Target } from './mend-comments.ts';
import type { Exchange, RepositoryState } from './types.ts';
import {
  actorLogin,
  NOT_FOUND,
  page,
  Refusal,
  type RepositoryHandler,
  requireActor,
  requireGrant,
  userJson,
} from './world.ts';

function reactionKey(x: Exchange, repo: RepositoryState): string {
  const { issue_number: issue, comment_id: comment } = x.params;
  const target: Target =
    issue !== undefined ? 'issue' : x.path.includes('/issues/comments/') ? 'comment' : 'review';
  if (target === 'issue' && repo.pulls.has(Number(issue))) return `issue:${issue}`;
  const found =
    target === 'issue'
      ? repo.issues.has(Number(issue))
      : repo.comments[target === 'comment' ? 'issues' : 'pulls'].has(Number(comment));
  if (!found) throw new Refusal(404, NOT_FOUND);
  return `${target}:${issue ?? comment}`;
}

const react: RepositoryHandler = async (world, x, repo) => {
  const login = requireActor(x.actor);
  requireGrant(x.actor, ['issues', 'pull_requests'], 'write');
  const key = reactionKey(x, repo);
  const { content } = x.body;
  if (typeof content !== 'string' || !CONTENTS.includes(content)) {
    throw new Refusal(422, 'Validation Failed', [
      {
        resource: 'Reaction',
        code: 'custom',
        field: 'content',
        message: `content must be one of: ${CONTENTS}`,
      },
    ]);
  }
  const given = repo.reactions.get(key) ?? [];
  const same = given.find((one) => one.content === content && text(one, 'user', 'login') === login);
  if (same) return { status: 200, body: same };
  const id = world.nextId();
  const user = await userJson(world, login);
  const reaction: Json = {
    id,
    node_id: `REA_${id}`,
    user,
    content,
    created_at: new Date().toISOString(),
  };
  repo.reactions.set(key, [...given, reaction]);
  return { status: 201, body: reaction };
};

const listReactions: RepositoryHandler = async (world, x, repo) => {
  const given = repo.reactions.get(reactionKey(x, repo)) ?? [];
  const content = x.query.get('content');
  return page(world, x, content === null ? given : given.filter((one) => one.content === content));
};

const removeReaction: RepositoryHandler = async (_world, x, repo) => {
  const key = reactionKey(x, repo);
  const given = repo.reactions.get(key) ?? [];
  const found = given.find((one) => String(one.id) === x.params.reaction_id);
  if (!found || text(found, 'user', 'login') !== actorLogin(x.actor)) throw new Refusal(404, NOT_FOUND);
  repo.reactions.set(
    key,
    given.filter((one) => one !== found),
  );
  return { status: 204 };
};

const REPO = '/repos/{owner}/{repo}';
const reactions = (path: string): [string, RepositoryHandler][] => [
  [`POST ${REPO}/${path}/reactions`, react],
  [`GET ${REPO}/${path}/reactions`, listReactions],
  [`DELETE ${REPO}/${path}/reactions/{reaction_id}`, removeReaction],
];

/** Reactions, which the emulator does not have. */
export const reactionMends: [string, RepositoryHandler][] = [
  ...reactions('issues/{issue_number}'),
  ...reactions('issues/comments/{comment_id}'),
  ...reactions('pulls/comments/{comment_id}'),
];
