import { emit } from './emit.ts';
import { fileList, pullStats } from './files.ts';
import { compare } from './history.ts';
import { int, isJson, type Json, object, parse, text } from './json.ts';
import { checkBody, decorate, noteEdit } from './mend-comments.ts';
import { sign } from './mend-git.ts';
import { checkMerge, type MergeMethod, mergeCommit, mergeNow } from './merge.ts';
import { isMergeable, mendPull, pullsFrom, readPull } from './pull.ts';
import type { Exchange, PullState, RepositoryState } from './types.ts';
import {
  all,
  alone,
  ask,
  forward,
  mayWrite,
  NOT_FOUND,
  need,
  page,
  pass,
  permissionOf,
  Refusal,
  type RepositoryHandler,
  repoPath,
  requireActor,
  requireGrant,
  touch,
  updatedAt,
  type World,
} from './world.ts';

function invalid(field: string): Refusal {
  return new Refusal(422, 'Validation Failed', [{ resource: 'PullRequest', field, code: 'invalid' }]);
}

function custom(message: string): Refusal {
  return new Refusal(422, 'Validation Failed', [{ resource: 'PullRequest', code: 'custom', message }]);
}

function pullOf(x: Exchange, repo: RepositoryState): PullState {
  const pull = repo.pulls.get(Number(x.params.pull_number));
  if (!pull) throw new Refusal(404, NOT_FOUND);
  return pull;
}

const create: RepositoryHandler = async (world, x, repo) => {
  const sender = requireActor(x.actor);
  requireGrant(x.actor, ['pull_requests'], 'write');
  checkBody(x.body.body, 'PullRequest');
  const headRef = text(x.body, 'head').replace(new RegExp(`^${repo.owner}:`), '');
  const baseRef = text(x.body, 'base');
  const headSha = repo.branches.get(headRef);
  const baseSha = repo.branches.get(baseRef);
  // The emulator would create either branch; GitHub refuses.
  if (headSha === undefined) throw invalid('head');
  if (baseSha === undefined) throw invalid('base');
  if (pullsFrom(repo, headRef).some((pull) => pull.baseRef === baseRef)) {
    throw custom(`A pull request already exists for ${repo.owner}:${headRef}.`);
  }
  const stats = await pullStats(world, repo, baseSha, headSha);
  if (stats.commits === 0) throw custom(`No commits between ${baseRef} and ${headRef}`);
  const reply = await forward(world, x);
  const parsed = parse(reply.body);
  if (reply.status !== 201 || !isJson(parsed)) return pass(reply);
  const number = int(parsed, 'number');
  repo.pulls.set(number, {
    number,
    id: int(parsed, 'id'),
    nodeId: text(parsed, 'node_id'),
    open: true,
    headRef,
    headSha,
    baseRef,
    baseSha,
    author: sender,
    draft: x.body.draft === true,
    viaApp: x.actor.type === 'installation',
    stats,
  });
  const pull_request = mendPull(repo, parsed);
  await emit(world, 'pull_request', repo, sender, { action: 'opened', number, pull_request });
  return pass(reply, pull_request);
};

/** A unified diff of all files, for the `diff` media type. */
function diffOf(files: Json[]): string {
  return files
    .map((file) => {
      const path = text(file, 'filename');
      const status = text(file, 'status');
      const before = text(file, 'previous_filename') || path;
      const from = status === 'added' ? '/dev/null' : `a/${before}`;
      const to = status === 'removed' ? '/dev/null' : `b/${path}`;
      return `diff --git a/${before} b/${path}\n--- ${from}\n+++ ${to}\n${text(file, 'patch')}\n`;
    })
    .join('');
}

/** The files of a pull request, from its merge base to its head. */
async function filesOf(world: World, repo: RepositoryState, pull: PullState): Promise<Json[]> {
  const { changes } = await compare(world, repo, pull.baseSha, pull.headSha);
  return fileList(world, repo, changes, pull.headSha);
}

const get: RepositoryHandler = async (world, x, repo) => {
  const pull = pullOf(x, repo);
  const accept = String(x.headers.accept ?? '');
  if (/vnd\.github\.(v3\.)?diff/.test(accept)) {
    const body = diffOf(await filesOf(world, repo, pull));
    return { status: 200, body: Buffer.from(body), headers: { 'content-type': 'text/plain; charset=utf-8' } };
  }
  const reply = await forward(world, x);
  const parsed = parse(reply.body);
  if (reply.status !== 200 || !isJson(parsed)) return pass(reply);
  if (pull.open) await isMergeable(world, repo, pull);
  return pass(reply, mendPull(repo, parsed));
};

const listPulls: RepositoryHandler = async (world, x, repo) => {
  if (x.query.get('sort') === 'updated') return listUpdated(world, x, repo);
  const reply = await forward(world, x);
  const parsed = parse(reply.body);
  if (reply.status !== 200 || !Array.isArray(parsed)) return pass(reply);
  return pass(
    reply,
    parsed.filter(isJson).map((json) => mendPull(repo, json)),
  );
};

/** The emulator does not know of every update, so it cannot sort by them. */
const listUpdated: RepositoryHandler = async (world, x, repo) => {
  requireGrant(x.actor, ['pull_requests'], 'read');
  const state = x.query.get('state') ?? 'open';
  const order = x.query.get('direction') === 'desc' ? -1 : 1;
  const found = (await all(world, `${repoPath(repo)}/pulls?state=all`, repo))
    .map((json) => mendPull(repo, json))
    .filter((json) => state === 'all' || json.state === state)
    .sort((a, b) => order * updatedAt(repo, a).localeCompare(updatedAt(repo, b)));
  return page(world, x, found);
};

const change: RepositoryHandler = async (world, x, repo) => {
  const sender = requireActor(x.actor);
  const pull = pullOf(x, repo);
  checkBody(x.body.body, 'PullRequest');
  // Triage may close and reopen what others opened, and change nothing else of it.
  const closes = Object.keys(x.body).every((key) => key === 'state') && repo.roles.get(sender) === 'triage';
  if (x.actor.type === 'user' && sender !== pull.author && !mayWrite(repo, sender) && !closes) {
    throw new Refusal(403, 'Must have admin rights to Repository.');
  }
  const base = text(x.body, 'base');
  if (base !== '' && !repo.branches.has(base)) throw invalid('base');
  if (x.body.state === 'open' && !pull.open) {
    if (pull.merged) throw custom('Cannot reopen a merged pull request.');
    if (!repo.branches.has(pull.headRef)) throw custom(`The ${pull.headRef} branch has been deleted.`);
  }
  const before = await readPull(world, repo, pull.number);
  const reply = await forward(world, x);
  const parsed = parse(reply.body);
  if (reply.status !== 200 || !isJson(parsed)) return pass(reply);
  const wasOpen = pull.open;
  if (x.body.state === 'closed' || x.body.state === 'open') pull.open = x.body.state === 'open';
  const changes: Json = {};
  for (const key of ['title', 'body']) {
    if (key in x.body && parsed[key] !== before[key]) changes[key] = { from: before[key] };
  }
  if (base !== '' && base !== pull.baseRef) {
    changes.base = { ref: { from: pull.baseRef }, sha: { from: pull.baseSha } };
    pull.baseRef = base;
    pull.baseSha = repo.branches.get(base) ?? pull.baseSha;
    pull.stats = await pullStats(world, repo, pull.baseSha, pull.headSha);
  }
  if (!wasOpen && pull.open) pull.headSha = repo.branches.get(pull.headRef) ?? pull.headSha;
  const pull_request = mendPull(repo, parsed);
  const { number } = pull;
  if ('body' in changes) noteEdit(repo, sender, pull_request);
  if (Object.keys(changes).length > 0) {
    await emit(world, 'pull_request', repo, sender, { action: 'edited', number, changes, pull_request });
  }
  if (wasOpen !== pull.open) {
    const action = pull.open ? 'reopened' : 'closed';
    await emit(world, 'pull_request', repo, sender, { action, number, pull_request });
  }
  return pass(reply, pull_request);
};

const files: RepositoryHandler = async (world, x, repo) => {
  const pull = pullOf(x, repo);
  requireGrant(x.actor, ['pull_requests'], 'read');
  return page(world, x, await filesOf(world, repo, pull));
};

const commits: RepositoryHandler = async (world, x, repo) => {
  const pull = pullOf(x, repo);
  requireGrant(x.actor, ['pull_requests'], 'read');
  const compared = await compare(world, repo, pull.baseSha, pull.headSha);
  const found: Json[] = [];
  for (const { sha } of compared.commits) {
    const { json } = await need(world, 'GET', `${repoPath(repo)}/commits/${sha}`, undefined, repo.owner);
    const { files: _files, stats: _stats, ...rest } = json;
    found.push(object(sign(repo, rest)));
  }
  return page(world, x, found);
};

const merge: RepositoryHandler = async (world, x, repo) => {
  const sender = requireActor(x.actor);
  const pull = pullOf(x, repo);
  requireGrant(x.actor, ['contents'], 'write');
  if (x.actor.type === 'user' && !mayWrite(repo, sender)) {
    throw new Refusal(403, 'Must have write access to merge this pull request.');
  }
  const method = text(x.body, 'merge_method') || 'merge';
  if (method !== 'merge' && method !== 'squash' && method !== 'rebase') throw invalid('merge_method');
  if (!pull.open) throw new Refusal(405, 'Pull Request is not mergeable');
  const expected = text(x.body, 'sha');
  if (expected !== '' && expected !== pull.headSha) {
    throw new Refusal(409, 'Head branch was modified. Review and try the merge again.');
  }
  await checkMerge(world, repo, pull, method satisfies MergeMethod);
  const sha = await mergeCommit(world, repo, pull, {
    method,
    by: sender,
    ...(typeof x.body.commit_title === 'string' ? { title: x.body.commit_title } : {}),
    ...(typeof x.body.commit_message === 'string' ? { message: x.body.commit_message } : {}),
  });
  await mergeNow(world, repo, pull, sha, sender);
  return { status: 200, body: { sha, merged: true, message: 'Pull Request successfully merged' } };
};

/** Payloads spell the state in small letters, the REST API in capitals. */
function reviewPayload(review: Json): Json {
  return {
    ...review,
    state: text(review, 'state').toLowerCase(),
    body: review.body === '' ? null : review.body,
  };
}

const review: RepositoryHandler = async (world, x, repo) => {
  const sender = requireActor(x.actor);
  const pull = pullOf(x, repo);
  checkBody(x.body.body, 'PullRequestReview');
  const event = text(x.body, 'event');
  if (repo.reviewLimit && x.actor.type === 'user' && permissionOf(repo, sender) === 'none') {
    throw new Refusal(403, 'Reviews are limited to people with explicit access to this repository.');
  }
  if (sender === pull.author && (event === 'APPROVE' || event === 'REQUEST_CHANGES')) {
    const what = event === 'APPROVE' ? 'approve' : 'request changes on';
    throw new Refusal(422, 'Unprocessable Entity', [`Can not ${what} your own pull request`]);
  }
  if (event === 'REQUEST_CHANGES' && text(x.body, 'body') === '') {
    throw new Refusal(422, 'Unprocessable Entity', ['Body is required']);
  }
  const reply = await forward(world, x, { commit_id: pull.headSha, ...x.body });
  const parsed = parse(reply.body);
  if (reply.status !== 200 && reply.status !== 201) return pass(reply);
  const submitted = object(parsed);
  if (event !== '') {
    touch(repo, pull.number);
    const pull_request = await readPull(world, repo, pull.number);
    await emit(world, 'pull_request_review', repo, sender, {
      action: 'submitted',
      review: reviewPayload(submitted),
      pull_request,
    });
    const path = `${repoPath(repo)}/pulls/${pull.number}/reviews/${int(submitted, 'id')}/comments?per_page=100`;
    const { items } = Array.isArray(x.body.comments)
      ? await ask(world, 'GET', path, undefined, repo.owner)
      : { items: [] };
    for (const item of items) {
      repo.comments.pulls.set(int(item, 'id'), item);
      const comment = decorate(world, repo, 'review', item);
      await emit(world, 'pull_request_review_comment', repo, sender, {
        action: 'created',
        comment,
        pull_request,
      });
    }
  }
  return { ...pass(reply, submitted), status: 200 };
};

const dismiss: RepositoryHandler = async (world, x, repo) => {
  const sender = requireActor(x.actor);
  const pull = pullOf(x, repo);
  if (x.actor.type === 'user' && !mayWrite(repo, sender)) throw new Refusal(403, 'Must have write access.');
  const reply = await forward(world, x);
  const parsed = parse(reply.body);
  if (reply.status !== 200 || !isJson(parsed)) return pass(reply);
  touch(repo, pull.number);
  const pull_request = await readPull(world, repo, pull.number);
  await emit(world, 'pull_request_review', repo, sender, {
    action: 'dismissed',
    review: reviewPayload(parsed),
    pull_request,
  });
  return pass(reply, parsed);
};

const reviewComment: RepositoryHandler = async (world, x, repo) => {
  const sender = requireActor(x.actor);
  const pull = pullOf(x, repo);
  checkBody(x.body.body, 'PullRequestReviewComment');
  const path = `${repoPath(repo)}/pulls/${pull.number}/comments`;
  const replyTo = x.params.comment_id ?? x.body.in_reply_to;
  let sent: Json = { commit_id: pull.headSha, ...x.body };
  if (replyTo !== undefined) {
    const at = `${repoPath(repo)}/pulls/comments/${replyTo}`;
    const original = await ask(world, 'GET', at, undefined, repo.owner);
    if (original.status !== 200) throw new Refusal(404, NOT_FOUND);
    const { id, line, commit_id } = original.json;
    sent = { body: x.body.body, path: original.json.path, line, commit_id, in_reply_to_id: id };
  } else {
    const { changes } = await compare(world, repo, pull.baseSha, pull.headSha);
    if (!changes.some((change) => change.path === x.body.path)) throw invalid('path');
  }
  const reply = await forward(world, { ...x, path }, sent);
  const parsed = parse(reply.body);
  if (reply.status !== 201 || !isJson(parsed)) return pass(reply);
  repo.comments.pulls.set(int(parsed, 'id'), parsed);
  touch(repo, pull.number);
  const comment = decorate(world, repo, 'review', parsed);
  const pull_request = await readPull(world, repo, pull.number);
  await emit(world, 'pull_request_review_comment', repo, sender, {
    action: 'created',
    comment,
    pull_request,
  });
  return pass(reply, comment);
};

/** Pull requests that have a commit as head, merge commit or among their own. */
const ofCommit: RepositoryHandler = async (world, x, repo) => {
  requireGrant(x.actor, ['pull_requests'], 'read');
  const sha = x.params.commit_sha ?? '';
  const found: Json[] = [];
  for (const pull of repo.pulls.values()) {
    const direct = pull.headSha === sha || pull.merged?.sha === sha;
    const within =
      direct ||
      (await compare(world, repo, pull.baseSha, pull.headSha)).commits.some((one) => one.sha === sha);
    if (within) found.push(await readPull(world, repo, pull.number));
  }
  return page(world, x, found);
};

/** Of all that GitHub lists there, only what tells that a merge was armed. */
const timeline: RepositoryHandler = async (world, x, repo) => {
  const pull = repo.pulls.get(Number(x.params.issue_number));
  const armed =
    pull?.autoMerge === undefined ? [] : [{ event: 'auto_merge_enabled', actor: { login: pull.autoMerge } }];
  return page(world, x, armed);
};

const REPO = '/repos/{owner}/{repo}';
const PULL = `${REPO}/pulls/{pull_number}`;

/** Pull requests, reviews and merging. */
export const pullMends: [string, RepositoryHandler][] = [
  [`GET ${REPO}/pulls`, listPulls],
  [`POST ${REPO}/pulls`, alone(create)],
  [`GET ${PULL}`, get],
  [`PATCH ${PULL}`, alone(change)],
  [`GET ${PULL}/files`, files],
  [`GET ${PULL}/commits`, commits],
  [`PUT ${PULL}/merge`, alone(merge)],
  [`POST ${PULL}/reviews`, review],
  [`PUT ${PULL}/reviews/{review_id}/dismissals`, dismiss],
  [`POST ${PULL}/comments`, reviewComment],
  [`POST ${PULL}/comments/{comment_id}/replies`, reviewComment],
  [`GET ${REPO}/commits/{commit_sha}/pulls`, ofCommit],
  [`GET ${REPO}/issues/{issue_number}/timeline`, timeline],
];
