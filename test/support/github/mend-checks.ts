import { emit, groupCommit } from './emit.ts';
import { int, isJson, type Json, list, object, parse, text } from './json.ts';
import type { RepositoryState } from './types.ts';
import {
  ask,
  forward,
  page,
  pass,
  Refusal,
  type RepositoryHandler,
  repoPath,
  requireActor,
  requireGrant,
  type World,
} from './world.ts';

/** GitHub's limits for one request (docs: check runs). */
const ANNOTATIONS = 50;
const OUTPUT_CHARACTERS = 65_535;
const ACTIONS = 3;

/** Open pull requests on a commit, in the short form of check runs. */
function pullsOn(world: World, repo: RepositoryState, sha: string): Json[] {
  const side = (ref: string, at: string) => ({
    ref,
    sha: at,
    repo: { id: repo.id, url: `${world.url}${repoPath(repo)}`, name: repo.name },
  });
  return [...repo.pulls.values()]
    .filter((pull) => pull.open && pull.headSha === sha)
    .map((pull) => ({
      url: `${world.url}${repoPath(repo)}/pulls/${pull.number}`,
      id: pull.id,
      number: pull.number,
      head: side(pull.headRef, pull.headSha),
      base: side(pull.baseRef, pull.baseSha),
    }));
}

/** Puts the app, the pull requests and the gathered annotations on the emulator's check run. */
export function mendRun(world: World, repo: RepositoryState, json: Json): Json {
  const pull_requests = pullsOn(world, repo, text(json, 'head_sha'));
  return {
    ...json,
    app: world.appJson,
    pull_requests,
    check_suite: { ...object(json, 'check_suite'), app: world.appJson, pull_requests },
    output: {
      ...object(json, 'output'),
      annotations_count: repo.annotations.get(int(json, 'id'))?.length ?? 0,
      annotations_url: `${text(json, 'url')}/annotations`,
    },
  };
}

/** Checks a create or update and takes the annotations out; GitHub appends them, the emulator replaces. */
function checkOutput(body: Json): { sent: Json; annotations: Json[] } {
  const output = object(body, 'output');
  const annotations = list(output, 'annotations');
  const refuse = (message: string) => {
    throw new Refusal(422, 'Validation Failed', [{ resource: 'CheckRun', code: 'custom', message }]);
  };
  if (annotations.length > ANNOTATIONS) refuse(`No more than ${ANNOTATIONS} annotations are allowed.`);
  for (const key of ['summary', 'text']) {
    if (text(output, key).length > OUTPUT_CHARACTERS) {
      refuse(`${key} exceeds a maximum length of ${OUTPUT_CHARACTERS} characters`);
    }
  }
  if (list(body, 'actions').length > ACTIONS) refuse(`No more than ${ACTIONS} actions are allowed.`);
  for (const action of list(body, 'actions')) {
    const limits = { label: 20, description: 40, identifier: 20 };
    for (const [key, limit] of Object.entries(limits)) {
      const length = text(action, key).length;
      if (length === 0 || length > limit) refuse(`actions.${key} must have 1 to ${limit} characters`);
    }
  }
  if (body.output !== undefined && (text(output, 'title') === '' || typeof output.summary !== 'string')) {
    refuse('output needs a title and a summary');
  }
  const sent: Json = { ...body };
  if (body.output !== undefined) sent.output = { ...output, annotations: [] };
  // "Providing conclusion will automatically set the status parameter to completed."
  if (typeof body.conclusion === 'string') sent.status = 'completed';
  return { sent, annotations };
}

function remember(repo: RepositoryState, id: number, body: Json, annotations: Json[]): void {
  repo.annotations.set(id, [...(repo.annotations.get(id) ?? []), ...annotations]);
  if (body.actions !== undefined) repo.actions.set(id, list(body, 'actions'));
}

const createRun: RepositoryHandler = async (world, x, repo) => {
  const sender = requireActor(x.actor);
  if (x.actor.type !== 'installation') throw new Refusal(403, 'You must authenticate via a GitHub App.');
  requireGrant(x.actor, ['checks'], 'write');
  const sha = text(x.body, 'head_sha');
  const found = await ask(world, 'GET', `${repoPath(repo)}/git/commits/${sha}`, undefined, repo.owner);
  if (found.status !== 200) throw new Refusal(422, `No commit found for SHA: ${sha}`);
  const { sent, annotations } = checkOutput(x.body);
  const reply = await forward(world, x, sent);
  const parsed = parse(reply.body);
  if (reply.status !== 201 || !isJson(parsed)) return pass(reply);
  remember(repo, int(parsed, 'id'), x.body, annotations);
  const check_run = mendRun(world, repo, parsed);
  await emit(world, 'check_run', repo, sender, { action: 'created', check_run });
  if (check_run.status === 'completed') {
    await emit(world, 'check_run', repo, sender, { action: 'completed', check_run });
  }
  return pass(reply, check_run);
};

const updateRun: RepositoryHandler = async (world, x, repo) => {
  const sender = requireActor(x.actor);
  if (x.actor.type !== 'installation') throw new Refusal(403, 'You must authenticate via a GitHub App.');
  requireGrant(x.actor, ['checks'], 'write');
  const { sent, annotations } = checkOutput(x.body);
  const path = `${repoPath(repo)}/check-runs/${x.params.check_run_id}`;
  const before = await ask(world, 'GET', path, undefined, repo.owner);
  const reply = await forward(world, x, sent);
  const parsed = parse(reply.body);
  if (reply.status !== 200 || !isJson(parsed)) return pass(reply);
  remember(repo, int(parsed, 'id'), x.body, annotations);
  const check_run = mendRun(world, repo, parsed);
  if (before.json.status !== 'completed' && check_run.status === 'completed') {
    await emit(world, 'check_run', repo, sender, { action: 'completed', check_run });
  }
  return pass(reply, check_run);
};

const getRun: RepositoryHandler = async (world, x, repo) => {
  const reply = await forward(world, x);
  const parsed = parse(reply.body);
  if (reply.status !== 200 || !isJson(parsed)) return pass(reply);
  return pass(reply, mendRun(world, repo, parsed));
};

/** Runs of a commit; `app_id` is judged here and pages are cut, which the emulator forgets. */
const listRuns: RepositoryHandler = async (world, x, repo) => {
  const reply = await forward(world, x);
  const parsed = parse(reply.body);
  if (reply.status !== 200 || !isJson(parsed)) return pass(reply);
  const other = x.query.get('app_id') ?? String(world.app.id);
  const runs = other === String(world.app.id) ? list(parsed, 'check_runs') : [];
  const cut = page(
    world,
    x,
    runs.map((run) => mendRun(world, repo, run)),
  );
  return { ...cut, body: { total_count: runs.length, check_runs: cut.body } };
};

function mendSuite(world: World, repo: RepositoryState, json: Json): Json {
  return { ...json, app: world.appJson, pull_requests: pullsOn(world, repo, text(json, 'head_sha')) };
}

const getSuite: RepositoryHandler = async (world, x, repo) => {
  const reply = await forward(world, x);
  const parsed = parse(reply.body);
  if (reply.status !== 200 || !isJson(parsed)) return pass(reply);
  return pass(reply, mendSuite(world, repo, parsed));
};

const listSuites: RepositoryHandler = async (world, x, repo) => {
  const reply = await forward(world, x);
  const parsed = parse(reply.body);
  if (reply.status !== 200 || !isJson(parsed)) return pass(reply);
  const check_suites = list(parsed, 'check_suites').map((one) => mendSuite(world, repo, one));
  return pass(reply, { total_count: check_suites.length, check_suites });
};

const annotations: RepositoryHandler = async (world, x, repo) => {
  requireGrant(x.actor, ['checks'], 'read');
  return page(world, x, repo.annotations.get(Number(x.params.check_run_id)) ?? []);
};

const rerequest: RepositoryHandler = async (world, x, repo) => {
  const sender = requireActor(x.actor);
  const reply = await forward(world, x);
  if (reply.status !== 201) return pass(reply);
  const path = `${repoPath(repo)}/check-runs/${x.params.check_run_id}`;
  const { json } = await ask(world, 'GET', path, undefined, repo.owner);
  await emit(world, 'check_run', repo, sender, {
    action: 'rerequested',
    check_run: mendRun(world, repo, json),
  });
  return pass(reply, {});
};

const rerequestSuite: RepositoryHandler = async (world, x, repo) => {
  const sender = requireActor(x.actor);
  const reply = await forward(world, x);
  if (reply.status !== 201) return pass(reply);
  await emitSuite(world, repo, sender, Number(x.params.check_suite_id));
  return pass(reply, {});
};

/** Sends `check_suite.rerequested`, as the "Re-run all checks" button does. */
export async function emitSuite(
  world: World,
  repo: RepositoryState,
  sender: string,
  id: number,
): Promise<void> {
  const { json } = await ask(world, 'GET', `${repoPath(repo)}/check-suites/${id}`, undefined, repo.owner);
  const { repository: _, ...suite } = json;
  const runs = await ask(
    world,
    'GET',
    `${repoPath(repo)}/check-suites/${id}/check-runs`,
    undefined,
    repo.owner,
  );
  const check_suite = {
    ...mendSuite(world, repo, suite),
    check_runs_url: `${text(json, 'url')}/check-runs`,
    latest_check_runs_count: int(runs.json, 'total_count'),
    head_commit: await groupCommit(world, repo, text(json, 'head_sha')),
  };
  await emit(world, 'check_suite', repo, sender, { action: 'rerequested', check_suite });
}

const REPO = '/repos/{owner}/{repo}';

/** Check runs and suites. */
export const checkMends: [string, RepositoryHandler][] = [
  [`POST ${REPO}/check-runs`, createRun],
  [`GET ${REPO}/check-runs/{check_run_id}`, getRun],
  [`PATCH ${REPO}/check-runs/{check_run_id}`, updateRun],
  [`GET ${REPO}/check-runs/{check_run_id}/annotations`, annotations],
  [`POST ${REPO}/check-runs/{check_run_id}/rerequest`, rerequest],
  [`POST ${REPO}/check-suites/{check_suite_id}/rerequest`, rerequestSuite],
  [`GET ${REPO}/check-suites/{check_suite_id}/check-runs`, listRuns],
  [`GET ${REPO}/commits/{ref}/check-runs`, listRuns],
  [`GET ${REPO}/commits/{ref}/check-suites`, listSuites],
  [`GET ${REPO}/check-suites/{check_suite_id}`, getSuite],
];
