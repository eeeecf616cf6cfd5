import { emit } from './emit.ts';
import { at, int, isJson, type Json, object, parse, text } from './json.ts';
import { mendPull, readPull } from './pull.ts';
import type { RepositoryState } from './types.ts';
import {
  all,
  ask,
  forward,
  mayWrite,
  NOT_FOUND,
  page,
  pass,
  Refusal,
  type RepositoryHandler,
  repoPath,
  requireActor,
  requireGrant,
  touch,
  updatedAt,
  type World,
} from './world.ts';

/** GitHub refuses longer bodies ("is too long (maximum is 65536 characters)"). */
const BODY_LIMIT = 65_536;
export const CONTENTS = ['+1', '-1', 'laugh', 'confused', 'heart', 'hooray', 'rocket', 'eyes'];
export type Target = 'issue' | 'comment' | 'review';

/** Refuses a body GitHub would find too long. */
export function checkBody(value: unknown, resource: string): void {
  if (typeof value === 'string' && value.length > BODY_LIMIT) {
    throw new Refusal(422, 'Validation Failed', [
      {
        resource,
        code: 'custom',
        field: 'body',
        message: `body is too long (maximum is ${BODY_LIMIT} characters)`,
      },
    ]);
  }
}

/** The issue side of an issue or a pull request, `pull_request` key included. */
async function readIssue(world: World, repo: RepositoryState, number: number): Promise<Json | undefined> {
  if (repo.pulls.has(number)) return issueOfPull(world, repo, await readPull(world, repo, number));
  if (!repo.issues.has(number)) return undefined;
  const found = await ask(world, 'GET', `${repoPath(repo)}/issues/${number}`, undefined, repo.owner);
  return found.status === 200 ? decorate(world, repo, 'issue', found.json) : undefined;
}

/** A pull request in the shape of an issue; GitHub serves both under one number. */
function issueOfPull(world: World, repo: RepositoryState, pull: Json): Json {
  const number = int(pull, 'number');
  const url = `${world.url}${repoPath(repo)}/issues/${number}`;
  const keep = [
    ...[
      'node_id',
      'number',
      'title',
      'user',
      'labels',
      'state',
      'locked',
      'assignee',
      'assignees',
      'milestone',
    ],
    ...[
      'comments',
      'created_at',
      'updated_at',
      'closed_at',
      'author_association',
      'body',
      'draft',
      'html_url',
    ],
  ];
  const issue: Json = {
    url,
    repository_url: `${world.url}${repoPath(repo)}`,
    labels_url: `${url}/labels{/name}`,
    comments_url: `${url}/comments`,
    events_url: `${url}/events`,
    // The emulator keeps the issue behind a pull request to itself; any stable id of its own will do.
    id: 1_000_000 + int(pull, 'id'),
    ...Object.fromEntries(keep.map((key) => [key, pull[key]])),
    active_lock_reason: null,
    state_reason: null,
    pull_request: {
      url: text(pull, 'url'),
      html_url: text(pull, 'html_url'),
      diff_url: text(pull, 'diff_url'),
      patch_url: text(pull, 'patch_url'),
      merged_at: pull.merged_at ?? null,
    },
    performed_via_github_app: null,
    timeline_url: `${url}/timeline`,
  };
  return decorate(world, repo, 'issue', issue);
}

/** Adds what the emulator leaves out: reaction counts, the app behind a comment, the PR's address. */
export function decorate(world: World, repo: RepositoryState, target: Target, json: Json): Json {
  const id = target === 'issue' ? int(json, 'number') : int(json, 'id');
  const given = repo.reactions.get(`${target}:${id}`) ?? [];
  const out: Json = {
    ...json,
    ...(target === 'issue' ? { updated_at: updatedAt(repo, json) } : {}),
    reactions: {
      url: `${text(json, 'url')}/reactions`,
      total_count: given.length,
      ...Object.fromEntries(
        CONTENTS.map((content) => [content, given.filter((one) => one.content === content).length]),
      ),
    },
  };
  const byApp =
    at(json, 'user', 'type') === 'Bot' && text(json, 'user', 'login') === `${world.app.slug}[bot]`;
  if (target !== 'review') out.performed_via_github_app = byApp ? world.appJson : null;
  if (target === 'review') {
    out._links = {
      self: { href: text(json, 'url') },
      html: { href: text(json, 'html_url') },
      pull_request: { href: text(json, 'pull_request_url') },
    };
  }
  if (target === 'comment') {
    if (repo.pulls.has(numberOf(json))) out.html_url = text(json, 'html_url').replace('/issues/', '/pull/');
  }
  return out;
}

/** Only GraphQL tells who edited a text last. */
export function noteEdit(repo: RepositoryState, login: string, json: Json): void {
  repo.edits.set(text(json, 'node_id'), { login, at: new Date().toISOString() });
}

function targetOf(kind: string): Target {
  return kind === 'issues' ? 'comment' : 'review';
}

const createComment: RepositoryHandler = async (world, x, repo) => {
  const sender = requireActor(x.actor);
  checkBody(x.body.body, 'IssueComment');
  const reply = await forward(world, x);
  const parsed = parse(reply.body);
  if (reply.status !== 201 || !isJson(parsed)) return pass(reply);
  repo.comments.issues.set(int(parsed, 'id'), parsed);
  touch(repo, Number(x.params.issue_number));
  const comment = decorate(world, repo, 'comment', parsed);
  const issue = await readIssue(world, repo, Number(x.params.issue_number));
  await emit(world, 'issue_comment', repo, sender, { action: 'created', issue, comment });
  return pass(reply, comment);
};

/** Edits and deletions of issue comments and review comments share everything but names. */
function changeComment(kind: 'issues' | 'pulls'): RepositoryHandler {
  const event = kind === 'issues' ? 'issue_comment' : 'pull_request_review_comment';
  return async (world, x, repo) => {
    const sender = requireActor(x.actor);
    checkBody(x.body.body, 'IssueComment');
    const known = repo.comments[kind];
    const id = Number(x.params.comment_id);
    const before = known.get(id);
    if (!before) throw new Refusal(404, NOT_FOUND);
    const author = text(before, 'user', 'login');
    if (x.actor.type === 'user' && author !== sender && !mayWrite(repo, sender)) {
      throw new Refusal(403, 'Must have admin rights to Repository.');
    }
    const reply = await forward(world, x);
    const parsed = parse(reply.body);
    const removed = x.method === 'DELETE' && reply.status === 204;
    if (!removed && (reply.status !== 200 || !isJson(parsed))) return pass(reply);
    if (removed) known.delete(id);
    else known.set(id, object(parsed));
    const comment = decorate(world, repo, targetOf(kind), removed ? before : object(parsed));
    if (removed || before.body !== comment.body) {
      if (!removed) noteEdit(repo, sender, comment);
      const number = numberOf(comment);
      const about =
        kind === 'issues'
          ? { issue: await readIssue(world, repo, number) }
          : { pull_request: await readPull(world, repo, number) };
      await emit(world, event, repo, sender, {
        action: removed ? 'deleted' : 'edited',
        ...(removed ? {} : { changes: { body: { from: before.body } } }),
        ...about,
        comment,
      });
    }
    return removed ? pass(reply) : pass(reply, comment);
  };
}

const getComment: (kind: 'issues' | 'pulls') => RepositoryHandler = (kind) => async (world, x, repo) => {
  const reply = await forward(world, x);
  const parsed = parse(reply.body);
  if (reply.status !== 200 || !isJson(parsed)) return pass(reply);
  return pass(reply, decorate(world, repo, targetOf(kind), parsed));
};

/** Comment lists of an issue, a pull request, or with neither in the path the whole repository. */
const listComments: (kind: 'issues' | 'pulls') => RepositoryHandler = (kind) => async (world, x, repo) => {
  requireGrant(x.actor, kind === 'issues' ? ['issues', 'pull_requests'] : ['pull_requests'], 'read');
  const number = x.params.issue_number ?? x.params.pull_number;
  if (number !== undefined && !repo.pulls.has(Number(number)) && !repo.issues.has(Number(number))) {
    throw new Refusal(404, NOT_FOUND);
  }
  const since = Date.parse(x.query.get('since') ?? '');
  const field = x.query.get('sort') === 'updated' ? 'updated_at' : 'created_at';
  // Without `sort`, GitHub lists by ascending id whatever `direction` says (docs: issue comments).
  const order = x.query.has('sort') && x.query.get('direction') === 'desc' ? -1 : 1;
  const items = [...repo.comments[kind].values()]
    .filter((one) => number === undefined || numberOf(one) === Number(number))
    .filter((one) => !Number.isFinite(since) || updatedSince(one, since))
    .sort((a, b) => order * (text(a, field).localeCompare(text(b, field)) || int(a, 'id') - int(b, 'id')));
  return page(
    world,
    x,
    items.map((one) => decorate(world, repo, targetOf(kind), one)),
  );
};

/** GitHub cuts timestamps to whole seconds, so a second is in or out as a whole. */
function updatedSince(item: Json, since: number): boolean {
  return Math.floor(Date.parse(text(item, 'updated_at')) / 1000) * 1000 >= since;
}

/** The issue or pull request a comment belongs to. */
function numberOf(comment: Json): number {
  const url = text(comment, 'issue_url') || text(comment, 'pull_request_url');
  return Number(url.split('/').at(-1));
}

const getIssue: RepositoryHandler = async (world, x, repo) => {
  requireGrant(x.actor, ['issues', 'pull_requests'], 'read');
  const issue = await readIssue(world, repo, Number(x.params.issue_number));
  if (!issue) throw new Refusal(404, NOT_FOUND);
  return { status: 200, body: issue };
};

/** Issues and pull requests together, as GitHub lists them. */
const listIssues: RepositoryHandler = async (world, x, repo) => {
  requireGrant(x.actor, ['issues', 'pull_requests'], 'read');
  const issues = await all(world, `${repoPath(repo)}/issues?state=all`, repo);
  const pulls = await all(world, `${repoPath(repo)}/pulls?state=all`, repo);
  const state = x.query.get('state') ?? 'open';
  const since = Date.parse(x.query.get('since') ?? '');
  const field = x.query.get('sort') === 'updated' ? 'updated_at' : 'created_at';
  const order = x.query.get('direction') === 'asc' ? 1 : -1;
  const items = [
    ...issues.map((one) => decorate(world, repo, 'issue', one)),
    ...pulls.map((one) => issueOfPull(world, repo, mendPull(repo, one))),
  ]
    .filter((one) => state === 'all' || one.state === state)
    .filter((one) => !Number.isFinite(since) || updatedSince(one, since))
    .sort(
      (a, b) => order * (text(a, field).localeCompare(text(b, field)) || int(a, 'number') - int(b, 'number')),
    );
  return page(world, x, items);
};

const createIssue: RepositoryHandler = async (world, x, repo) => {
  const sender = requireActor(x.actor);
  checkBody(x.body.body, 'Issue');
  const reply = await forward(world, x);
  const parsed = parse(reply.body);
  if (reply.status !== 201 || !isJson(parsed)) return pass(reply);
  repo.issues.add(int(parsed, 'number'));
  const issue = decorate(world, repo, 'issue', parsed);
  await emit(world, 'issues', repo, sender, { action: 'opened', issue });
  return pass(reply, issue);
};

const changeIssue: RepositoryHandler = async (world, x, repo) => {
  const sender = requireActor(x.actor);
  checkBody(x.body.body, 'Issue');
  const number = Number(x.params.issue_number);
  const before = await readIssue(world, repo, number);
  if (!before) throw new Refusal(404, NOT_FOUND);
  if (x.actor.type === 'user' && text(before, 'user', 'login') !== sender && !mayWrite(repo, sender)) {
    throw new Refusal(403, 'Must have admin rights to Repository.');
  }
  if (repo.pulls.has(number)) throw new Refusal(422, 'change a pull request through /pulls here');
  const reply = await forward(world, x);
  const parsed = parse(reply.body);
  if (reply.status !== 200 || !isJson(parsed)) return pass(reply);
  const issue = decorate(world, repo, 'issue', parsed);
  const changes = Object.fromEntries(
    ['title', 'body'].filter((key) => before[key] !== issue[key]).map((key) => [key, { from: before[key] }]),
  );
  if ('body' in changes) noteEdit(repo, sender, issue);
  if (Object.keys(changes).length > 0) {
    await emit(world, 'issues', repo, sender, { action: 'edited', issue, changes });
  }
  if (before.state !== issue.state) {
    const action = issue.state === 'closed' ? 'closed' : 'reopened';
    await emit(world, 'issues', repo, sender, { action, issue });
  }
  return pass(reply, issue);
};

const commitComment: RepositoryHandler = async (world, x, repo) => {
  const sender = requireActor(x.actor);
  checkBody(x.body.body, 'CommitComment');
  const reply = await forward(world, x);
  const parsed = parse(reply.body);
  if (reply.status !== 201 || !isJson(parsed)) return pass(reply);
  await emit(world, 'commit_comment', repo, sender, { action: 'created', comment: parsed });
  return pass(reply);
};

const REPO = '/repos/{owner}/{repo}';
/** Issues and comments. */
export const commentMends: [string, RepositoryHandler][] = [
  [`GET ${REPO}/issues`, listIssues],
  [`POST ${REPO}/issues`, createIssue],
  [`GET ${REPO}/issues/{issue_number}`, getIssue],
  [`PATCH ${REPO}/issues/{issue_number}`, changeIssue],
  [`GET ${REPO}/issues/{issue_number}/comments`, listComments('issues')],
  [`POST ${REPO}/issues/{issue_number}/comments`, createComment],
  [`GET ${REPO}/issues/comments`, listComments('issues')],
  [`GET ${REPO}/issues/comments/{comment_id}`, getComment('issues')],
  [`PATCH ${REPO}/issues/comments/{comment_id}`, changeComment('issues')],
  [`DELETE ${REPO}/issues/comments/{comment_id}`, changeComment('issues')],
  [`GET ${REPO}/pulls/comments`, listComments('pulls')],
  [`GET ${REPO}/pulls/{pull_number}/comments`, listComments('pulls')],
  [`GET ${REPO}/pulls/comments/{comment_id}`, getComment('pulls')],
  [`PATCH ${REPO}/pulls/comments/{comment_id}`, changeComment('pulls')],
  [`DELETE ${REPO}/pulls/comments/{comment_id}`, changeComment('pulls')],
  [`POST ${REPO}/commits/{commit_sha}/comments`, commitComment],
];
