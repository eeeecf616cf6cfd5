import type { KeyObject } from 'node:crypto';
import { isJson, type Json, parse, text } from './json.ts';
import type { Actor, Answer, AppSeed, Exchange, Grant, Permission, RepositoryState } from './types.ts';
import type { Reply, Upstream } from './upstream.ts';
import type { Webhooks } from './webhooks.ts';

/** Everything the mends share: the emulator behind, and what the proxy knows beyond it. */
export interface World {
  url: string;
  upstream: Upstream;
  app: AppSeed;
  appJson: Json;
  privateKey: string;
  publicKey: KeyObject;
  /** Login of the account the app is installed on. */
  account: string;
  tokens: Map<string, Actor>;
  users: Map<string, Json>;
  /** Bots beside the app's own were seeded. */
  otherBots: boolean;
  /** Logins by team slug, of the account the app is installed on. */
  teams: Map<string, string[]>;
  repositories: Map<number, RepositoryState>;
  /** Names a repository had before, so that old URLs answer 301 as GitHub's do. */
  formerNames: Map<string, number>;
  installation: { createdAt: string; suspendedAt?: string; suspendedBy?: string; deleted: boolean };
  webhooks: Webhooks;
  nextId: () => number;
}

export type RepositoryHandler = (world: World, x: Exchange, repo: RepositoryState) => Promise<Answer>;
export type Handler = (world: World, x: Exchange) => Promise<Answer>;

/** A refusal in GitHub's shape; thrown by a mend, answered by the proxy. */
export class Refusal extends Error {
  readonly status: number;
  readonly errors: unknown[] | undefined;
  constructor(status: number, message: string, errors?: unknown[]) {
    super(message);
    this.name = 'Refusal';
    this.status = status;
    this.errors = errors;
  }
}

export const NOT_FOUND = 'Not Found';
export const NOT_ACCESSIBLE = 'Resource not accessible by integration';
export const DOCUMENTATION = 'https://docs.github.com/rest';

export function fullName(repo: RepositoryState): string {
  return `${repo.owner}/${repo.name}`;
}

/** Notes that an issue or pull request changed in a way the emulator does not count as an update. */
export function touch(repo: RepositoryState, number: number): void {
  repo.touched.set(number, new Date().toISOString());
}

/** Its `updated_at` as GitHub would tell it. */
export function updatedAt(repo: RepositoryState, json: Json): string {
  const [own, touched] = [text(json, 'updated_at'), repo.touched.get(Number(json.number)) ?? ''];
  return own > touched ? own : touched;
}

/** The API path of a repository, as the emulator knows it now. */
export function repoPath(repo: RepositoryState): string {
  return `/repos/${fullName(repo)}`;
}

export function findRepository(world: World, owner: string, name: string): RepositoryState | undefined {
  const wanted = `${owner}/${name}`.toLowerCase();
  for (const repo of world.repositories.values()) {
    if (fullName(repo).toLowerCase() === wanted) return repo;
  }
  return undefined;
}

export function botLogin(world: World): string {
  return `${world.app.slug}[bot]`;
}

/** The login an actor writes under; '' for a JWT or nobody. */
export function actorLogin(actor: Actor): string {
  return actor.type === 'user' || actor.type === 'installation' ? actor.login : '';
}

export function permissionOf(repo: RepositoryState, login: string): Permission {
  if (login.toLowerCase() === repo.owner.toLowerCase()) return 'admin';
  return repo.permissions.get(login) ?? 'none';
}

export function mayWrite(repo: RepositoryState, login: string): boolean {
  return ['admin', 'write'].includes(permissionOf(repo, login));
}

/** True when the installation token covers the repository. */
export function covers(repo: RepositoryState, grant: Grant): boolean {
  return repo.installed && (grant.repositories === undefined || grant.repositories.includes(repo.id));
}

/** Refuses an app token that has none of these permissions at this level. */
export function requireGrant(actor: Actor, names: string[], level: 'read' | 'write'): void {
  if (actor.type !== 'installation') return;
  const granted = names.map((name) => actor.grant.permissions[name]);
  const enough = granted.some((found) => found === 'write' || (level === 'read' && found === 'read'));
  if (!enough) throw new Refusal(403, NOT_ACCESSIBLE);
}

/** Refuses a request without a usable identity. */
export function requireActor(actor: Actor): string {
  const login = actorLogin(actor);
  if (login === '') throw new Refusal(401, 'Requires authentication');
  return login;
}

/** Sends to the emulator as a person (default the installation's account), outside all counting. */
export async function ask(
  world: World,
  method: string,
  path: string,
  body?: unknown,
  login?: string,
): Promise<{ status: number; json: Json; items: Json[] }> {
  const reply = await world.upstream.send({
    method,
    path,
    token: world.upstream.userToken(login ?? world.account),
    ...(body === undefined ? {} : { raw: Buffer.from(JSON.stringify(body)) }),
  });
  const parsed = parse(reply.body);
  return {
    status: reply.status,
    json: isJson(parsed) ? parsed : {},
    items: Array.isArray(parsed) ? parsed.filter(isJson) : [],
  };
}

/** As `ask`, but anything else than 2xx is a broken emulator, not an answer. */
export async function need(world: World, method: string, path: string, body?: unknown, login?: string) {
  const reply = await ask(world, method, path, body, login);
  if (reply.status < 200 || reply.status > 299) {
    throw new Error(`emulator: ${method} ${path} answered ${reply.status} ${JSON.stringify(reply.json)}`);
  }
  return reply;
}

/** All items of a paged upstream list. */
export async function all(world: World, path: string, repo: RepositoryState): Promise<Json[]> {
  const found: Json[] = [];
  for (let page = 1; ; page += 1) {
    const separator = path.includes('?') ? '&' : '?';
    const { items } = await need(
      world,
      'GET',
      `${path}${separator}per_page=100&page=${page}`,
      undefined,
      repo.owner,
    );
    found.push(...items);
    if (items.length < 100) return found;
  }
}

/** Forwards a request as its own actor; `body` replaces what was sent. */
export async function forward(world: World, x: Exchange, body?: Json): Promise<Reply> {
  const token =
    x.actor.type === 'user'
      ? world.upstream.userToken(x.actor.login)
      : x.actor.type === 'installation'
        ? await world.upstream.grantToken(x.actor.grant)
        : undefined;
  const headers: Record<string, string> = {};
  for (const name of ['accept', 'user-agent', 'x-github-api-version']) {
    const value = x.headers[name];
    if (typeof value === 'string') headers[name] = value;
  }
  const raw = body === undefined ? x.raw : Buffer.from(JSON.stringify(body));
  const reply = await world.upstream.send({
    method: x.method,
    path: x.path,
    headers,
    ...(token === undefined ? {} : { token }),
    ...(raw.length === 0 ? {} : { raw }),
  });
  if (
    reply.status === 403 &&
    x.actor.type === 'installation' &&
    text(parse(reply.body), 'message') === 'Forbidden'
  ) {
    throw new Refusal(403, NOT_ACCESSIBLE);
  }
  return reply;
}

/** A reply handed on as it is. */
export function pass(reply: Reply, body?: unknown): Answer {
  const headers: Record<string, string> = {};
  for (const name of ['content-type', 'link', 'location']) {
    const value = reply.headers[name];
    if (value !== undefined) headers[name] = value;
  }
  if (reply.status >= 400) {
    const message = text(parse(reply.body), 'message');
    return {
      status: reply.status,
      body: { message, documentation_url: DOCUMENTATION, status: String(reply.status) },
    };
  }
  return { status: reply.status, body: body ?? reply.body, headers };
}

/** What only a person's own page shows. */
const PROFILE = new Set([
  ...['name', 'company', 'blog', 'location', 'email', 'hireable', 'bio', 'twitter_username'],
  ...['public_repos', 'public_gists', 'followers', 'following', 'created_at', 'updated_at'],
]);

/** Every login that ends so is a bot's; the emulator only knows its own app's. */
const BOT_TYPE = /("login":"[^"]*\[bot\]"(?:(?!"login":)[\s\S])*?"type":)"User"/g;

/** JSON text whose bots are of type `Bot`. */
export function botTypes(world: World, json: string): string {
  return world.otherBots ? json.replace(BOT_TYPE, '$1"Bot"') : json;
}

/** A person as GitHub shows them; cached, as nobody here renames an account. */
export async function userJson(world: World, login: string): Promise<Json> {
  const known = world.users.get(login);
  if (known) return known;
  const { json } = await need(world, 'GET', `/users/${encodeURIComponent(login)}`);
  const user = Object.fromEntries(Object.entries(json).filter(([key]) => !PROFILE.has(key)));
  world.users.set(login, user);
  return user;
}

/** One page of a list the proxy made itself, with GitHub's Link header. */
export function page(world: World, x: Exchange, items: Json[]): Answer {
  const number = (name: string, fallback: number) =>
    Math.max(1, Number.parseInt(x.query.get(name) ?? '', 10) || fallback);
  const size = Math.min(100, number('per_page', 30));
  const current = number('page', 1);
  const last = Math.max(1, Math.ceil(items.length / size));
  const link = (target: number, rel: string) => {
    const url = new URL(x.path, world.url);
    url.searchParams.set('page', String(target));
    return `<${url.toString()}>; rel="${rel}"`;
  };
  const links: string[] = [];
  if (current > 1) links.push(link(current - 1, 'prev'), link(1, 'first'));
  if (current < last) links.push(link(current + 1, 'next'), link(last, 'last'));
  return {
    status: 200,
    body: items.slice((current - 1) * size, current * size),
    ...(links.length > 0 ? { headers: { link: links.join(', ') } } : {}),
  };
}

const queues = new WeakMap<RepositoryState, Promise<unknown>>();

/** Runs what reads and then moves a branch one after the other, as git's ref locks would. */
export function exclusive<T>(repo: RepositoryState, work: () => Promise<T>): Promise<T> {
  const turn = (queues.get(repo) ?? Promise.resolve()).then(work);
  queues.set(
    repo,
    turn.catch(() => {}),
  );
  return turn;
}

/** A handler that has the repository to itself. */
export function alone(handler: RepositoryHandler): RepositoryHandler {
  return (world, x, repo) => exclusive(repo, () => handler(world, x, repo));
}
