import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { readActor } from './actor.ts';
import { isJson, parse } from './json.ts';
import { appMends, appRepositoryMends } from './mend-app.ts';
import { checkMends } from './mend-checks.ts';
import { commentMends } from './mend-comments.ts';
import { gitMends } from './mend-git.ts';
import { graphqlMends } from './mend-graphql.ts';
import { pullMends } from './mend-pulls.ts';
import { reactionMends } from './mend-reactions.ts';
import { repositoryMends } from './mend-repository.ts';
import { checkRequest } from './openapi-contract.ts';
import { createRoutes } from './routes.ts';
import type { Actor, Answer, Exchange, Fault, RecordedRequest, RepositoryState } from './types.ts';
import {
  actorLogin,
  botTypes,
  covers,
  DOCUMENTATION,
  findRepository,
  forward,
  fullName,
  NOT_ACCESSIBLE,
  NOT_FOUND,
  pass,
  permissionOf,
  Refusal,
  type World,
} from './world.ts';

export interface Proxy {
  server: Server;
  requests: RecordedRequest[];
  /** What the app sent that GitHub's published description forbids. */
  contractViolations: string[];
  faults: Fault[];
  /** Asked about each request that no listed fault is for. */
  decide: ((x: Exchange) => Fault | undefined) | undefined;
  /** Called after each answered request, for whoever waits for something to change. */
  onRequest: Set<(request: RecordedRequest) => void>;
}

/** High enough that no bench meets it; the emulator's own 5,000 is kept away by swapping tokens. */
const RATE_LIMIT = 1_000_000;

const repositoryHandlers = new Map([
  ...appRepositoryMends,
  ...repositoryMends,
  ...commentMends,
  ...reactionMends,
  ...pullMends,
  ...gitMends,
  ...checkMends,
]);
const handlers = new Map([...appMends, ...graphqlMends]);
const forJwt = new Set(appRepositoryMends.map(([key]) => key));
const findRoute = createRoutes([...repositoryHandlers.keys(), ...handlers.keys()]);

/** Whether a `METHOD /template` would be recorded under its template. */
export function knowsRoute(route: string): boolean {
  const [method = '', template = ''] = route.split(' ');
  return findRoute(method, template.replace(/[{}]/g, ''))?.template === template;
}

/** Whole seconds, as GitHub writes its own timestamps; text people wrote has its quotes escaped. */
function wholeSeconds(json: string): string {
  return json.replace(/("(?:\w+_at|date)":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d{3}Z"/g, '$1Z"');
}

function refusalAnswer(refusal: Refusal): Answer {
  return {
    status: refusal.status,
    body: {
      message: refusal.message,
      ...(refusal.errors ? { errors: refusal.errors } : {}),
      documentation_url: DOCUMENTATION,
      status: String(refusal.status),
    },
  };
}

/** What GitHub checks before a route of a repository runs. */
function checkRepository(world: World, x: Exchange, repo: RepositoryState): void {
  const { actor } = x;
  const login = actorLogin(actor);
  const reads = x.method === 'GET' || x.method === 'HEAD';
  if (actor.type === 'installation') {
    if (world.installation.suspendedAt !== undefined) {
      throw new Refusal(403, 'This installation has been suspended');
    }
    if (!covers(repo, actor.grant)) {
      if (repo.private) throw new Refusal(404, NOT_FOUND);
      if (!reads) throw new Refusal(403, NOT_ACCESSIBLE);
    }
  } else if (repo.private && actor.type !== 'app' && permissionOf(repo, login) === 'none') {
    throw new Refusal(404, NOT_FOUND);
  }
  if (!reads && actor.type === 'anonymous') throw new Refusal(401, 'Requires authentication');
  if (!reads && repo.archived) throw new Refusal(403, 'Repository was archived so is read-only.');
}

async function answer(world: World, x: Exchange): Promise<Answer> {
  if (x.actor.type === 'invalid') throw new Refusal(401, 'Bad credentials');
  const byId = /^\/repositories\/(\d+)(.*)$/.exec(x.path);
  if (byId) {
    const repo = world.repositories.get(Number(byId[1]));
    if (!repo) throw new Refusal(404, NOT_FOUND);
    const path = `/repos/${fullName(repo)}${byId[2]}`;
    const found = findRoute(x.method, new URL(path, world.url).pathname);
    return answer(world, {
      ...x,
      path,
      params: found?.params ?? {},
      ...(found ? { template: found.template } : {}),
    });
  }
  const key = `${x.method} ${x.template}`;
  const handler = handlers.get(key);
  if (handler) return handler(world, x);
  const { owner, repo: name } = x.params;
  if (owner !== undefined && name !== undefined) {
    const repo = findRepository(world, owner, name);
    if (!repo) {
      const former = world.formerNames.get(`${owner}/${name}`.toLowerCase());
      if (former === undefined) throw new Refusal(404, NOT_FOUND);
      const rest = x.path.split('/').slice(4).join('/');
      const location = `${world.url}/repositories/${former}${rest === '' ? '' : `/${rest}`}`;
      return { status: 301, headers: { location }, body: { message: 'Moved Permanently', url: location } };
    }
    if (x.actor.type === 'app' && !forJwt.has(key)) throw new Refusal(401, 'Requires authentication');
    checkRepository(world, x, repo);
    const mend = repositoryHandlers.get(key);
    if (mend) return mend(world, x, repo);
  }
  return pass(await forward(world, x));
}

function kindOf(actor: Actor, method: string, template: string | undefined, body: unknown) {
  if (actor.type === 'app') return 'auth';
  if (template === '/graphql') {
    return isJson(body) && /^\s*mutation/.test(String(body.query)) ? 'write' : 'read';
  }
  return method === 'GET' || method === 'HEAD' ? 'read' : 'write';
}

function read(incoming: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => resolve(Buffer.concat(chunks)));
    incoming.on('error', reject);
  });
}

/** The HTTP server in front of the emulator. `world` is given later, as its URL needs the port first. */
export function createProxy(getWorld: () => World): Proxy {
  const requests: RecordedRequest[] = [];
  const contractViolations: string[] = [];
  const faults: Fault[] = [];
  const onRequest: Proxy['onRequest'] = new Set();
  const windowEnd = Math.floor(Date.now() / 1000) + 3600;
  let answered = 0;

  const respond = (x: Exchange, given: Answer, outgoing: ServerResponse) => {
    answered += 1;
    const plain = given.body instanceof Buffer;
    const contentType = given.headers?.['content-type'] ?? 'application/json; charset=utf-8';
    const isText = contentType.includes('json');
    const text = plain && isText ? (given.body as Buffer).toString() : JSON.stringify(given.body ?? null);
    const body: string | Buffer =
      given.status === 204 || given.body === undefined
        ? ''
        : isText
          ? botTypes(getWorld(), wholeSeconds(text))
          : (given.body as Buffer);
    const headers: Record<string, string> = {
      'content-type': contentType,
      date: new Date().toUTCString(),
      ...given.headers,
      'x-github-media-type': 'github.v3; format=json',
      'x-github-request-id': `E:${answered}`,
      'x-ratelimit-limit': String(RATE_LIMIT),
      'x-ratelimit-remaining': String(RATE_LIMIT - answered),
      'x-ratelimit-reset': String(windowEnd),
      'x-ratelimit-resource': 'core',
      'x-ratelimit-used': String(answered),
    };
    if (x.method === 'GET' && given.status === 200) {
      // The Authorization header is part of it, as measured: a new token voids every ETag.
      const hash = createHash('sha1').update(String(x.headers.authorization)).update(body).digest('hex');
      headers.etag = `W/"${hash}"`;
      if (x.headers['if-none-match'] === headers.etag) {
        outgoing.writeHead(304, headers).end();
        return 304;
      }
    }
    headers['content-length'] = String(Buffer.byteLength(body));
    outgoing.writeHead(given.status, headers).end(body);
    return given.status;
  };

  const takeFault = (exchange: Exchange): Fault | undefined => {
    const { method, path, actor } = exchange;
    const index = faults.findIndex((fault) => fault.match(method, path, actor.type));
    const fault = faults[index];
    if (!fault) return proxy.decide?.(exchange);
    fault.times = (fault.times ?? 1) - 1;
    if (fault.times <= 0) faults.splice(index, 1);
    return fault;
  };

  const perform = async (world: World, x: Exchange): Promise<Answer> => {
    try {
      return await answer(world, x);
    } catch (error) {
      if (error instanceof Refusal) return refusalAnswer(error);
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
      return { status: 500, body: { message } };
    }
  };

  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const started = performance.now();
    const world = getWorld();
    const method = incoming.method ?? 'GET';
    const path = (incoming.url ?? '/').replace(/^\/api\/v3(?=\/)/, '').replace(/^\/api\/graphql/, '/graphql');
    const raw = await read(incoming);
    const url = new URL(path, world.url);
    const found = findRoute(method, url.pathname);
    const parsed = raw.length === 0 ? undefined : parse(raw);
    const x: Exchange = {
      method,
      path,
      params: found?.params ?? {},
      query: url.searchParams,
      headers: incoming.headers,
      raw,
      body: isJson(parsed) ? parsed : {},
      actor: { type: 'invalid' },
      ...(found ? { template: found.template } : {}),
    };
    let given: Answer | undefined;
    try {
      x.actor = readActor(world, incoming.headers.authorization);
      if (raw.length > 0 && parsed === undefined)
        given = refusalAnswer(new Refusal(400, 'Problems parsing JSON'));
    } catch (error) {
      given = refusalAnswer(error instanceof Refusal ? error : new Refusal(401, 'Bad credentials'));
    }
    const fault = takeFault(x);
    if (fault?.delayMs !== undefined) await delay(fault.delayMs);
    await fault?.before?.(x);
    const instead = fault?.status !== undefined || fault?.hangUp === true;
    if (!given && (!instead || fault?.afterWrite === true)) given = await perform(world, x);
    if (given) await fault?.landed?.(x, given);
    if (instead) {
      given = {
        status: fault.status ?? 0,
        body: fault.body ?? { message: 'Server Error', documentation_url: DOCUMENTATION },
        ...(fault.headers ? { headers: fault.headers } : {}),
      };
    }
    const { hangUp = false } = fault ?? {};
    if (hangUp) outgoing.destroy();
    const status = hangUp ? 0 : respond(x, given ?? { status: 500 }, outgoing);
    const login = actorLogin(x.actor);
    const recorded: RecordedRequest = {
      at: Date.now(),
      method,
      path,
      params: x.params,
      query: Object.fromEntries(url.searchParams),
      status,
      durationMs: performance.now() - started,
      kind: kindOf(x.actor, method, x.template, parsed),
      actor: x.actor.type,
      ...(x.template === undefined ? {} : { template: x.template }),
      ...(parsed === undefined ? {} : { body: parsed }),
      ...(login === '' ? {} : { login }),
    };
    requests.push(recorded);
    if (recorded.actor === 'app' || recorded.actor === 'installation') {
      contractViolations.push(...checkRequest(recorded));
    }
    for (const listener of [...onRequest]) listener(recorded);
  };

  const server = createServer((incoming, outgoing) => {
    handle(incoming, outgoing).catch(() => outgoing.destroy());
  });
  server.keepAliveTimeout = 60_000;
  const proxy: Proxy = { server, requests, contractViolations, faults, decide: undefined, onRequest };
  return proxy;
}
