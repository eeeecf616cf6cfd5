import { createPublicKey, generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import { type Admin, createAdmin } from './admin.ts';
import { text } from './json.ts';
import { describeApp } from './mend-app.ts';
import { createPerson, type Person } from './person.ts';
import { createProxy } from './proxy.ts';
import { createReader, type Reader } from './reader.ts';
import { DEFAULT_APP, DEFAULT_REPOSITORIES, DEFAULT_USERS, tokenOf } from './seed.ts';
import { createBot, seedRepository } from './seed-repository.ts';
import { listen, startEmulator } from './start-emulator.ts';
import type { AppSeed, Exchange, Fault, GitHubOptions, RecordedRequest } from './types.ts';
import { appJwt, openUpstream } from './upstream.ts';
import { waitUntil } from './wait-until.ts';
import { createWebhooks, type Webhooks } from './webhooks.ts';
import { findRepository, userJson, type World } from './world.ts';

/** One repository as people, tests and administrators see it. */
interface Repository {
  readonly fullName: string;
  readonly id: number;
  as(login: string): Person;
  /** The app itself, as if it were a person: an attacker with its key, or a bug. */
  asApp(): Promise<Person>;
  read: Reader;
  admin: Admin;
}

export interface GitHubServer extends Omit<Repository, 'fullName' | 'id'> {
  /** To be used as GITHUB_API_URL. */
  url: string;
  app: AppSeed & { privateKey: string; botLogin: string };
  /** Personal tokens by login. */
  tokens: Record<string, string>;
  /** Another seeded repository; `as`, `read` and `admin` of the server are those of the first one. */
  repository(fullName?: string): Repository;
  /** Every request since the start, or since `requests.length = 0`. */
  requests: RecordedRequest[];
  /** What the app's tokens sent that GitHub's OpenAPI description forbids; `[]` is what a test wants. */
  contractViolations: string[];
  webhooks: Webhooks;
  faults: {
    add(fault: Fault): void;
    clear(): void;
    /** For faults that depend on more than a request's looks: asked about each that no added one is for. */
    decide(choose: ((x: Exchange) => Fault | undefined) | undefined): void;
  };
  /** A fresh App JWT and a fresh installation token, for tests that talk to the API themselves. */
  jwt(): string;
  installationToken(): Promise<string>;
  /**
   * Waits until `look` gives something, asking again whenever a request was answered.
   * Rejects after `timeoutMs` (default 10,000) with what it was told to wait for.
   */
  until<T>(what: string, look: () => Promise<T | undefined | false>, timeoutMs?: number): Promise<T>;
  close(): Promise<void>;
}

/**
 * Starts a stateful GitHub on loopback: the `emulate` package behind a proxy that mends what it lacks.
 * Everything is in memory and ends with `close()`.
 */
export async function startGitHub(options: GitHubOptions = {}): Promise<GitHubServer> {
  const users = options.users ?? DEFAULT_USERS;
  const repositories = options.repositories ?? DEFAULT_REPOSITORIES;
  const app: AppSeed = { ...DEFAULT_APP, ...options.app };
  const first = repositories[0];
  if (!first) throw new Error('startGitHub: options.repositories must name at least one repository');
  const account = first.fullName.split('/')[0] ?? '';
  if (!users.some((user) => user.login === account)) {
    throw new Error(`startGitHub: options.users must contain "${account}", the owner of ${first.fullName}`);
  }
  const keys = await promisify(generateKeyPair)('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });

  let world: World | undefined;
  const proxy = createProxy(() => {
    if (!world) throw new Error('the proxy is still starting');
    return world;
  });
  const port = await listen(proxy.server);
  const url = `http://127.0.0.1:${port}`;
  const { emulator, port: upstreamPort } = await startEmulator(
    url,
    users,
    repositories,
    app,
    keys.privateKey,
  );
  const upstream = openUpstream(upstreamPort, `127.0.0.1:${port}`, app, keys.privateKey);
  const webhooks = createWebhooks({
    hookId: app.id,
    installationId: app.installationId,
    secret: app.webhookSecret,
    ...(options.webhookUrl === undefined ? {} : { url: options.webhookUrl }),
  });
  let lastId = 9_000;
  const made: World = {
    url,
    upstream,
    app,
    appJson: {},
    privateKey: keys.privateKey,
    publicKey: createPublicKey(keys.publicKey),
    account,
    tokens: new Map(users.map((user) => [tokenOf(user), { type: 'user', login: user.login }])),
    users: new Map(),
    otherBots: users.some(({ login }) => login.endsWith('[bot]')),
    teams: new Map(),
    repositories: new Map(),
    formerNames: new Map(),
    installation: { createdAt: new Date().toISOString(), deleted: false },
    webhooks,
    nextId: () => {
      lastId += 1;
      return lastId;
    },
  };
  made.appJson = describeApp(made, await userJson(made, account));
  for (const seed of repositories) {
    const repo = await seedRepository(made, seed, users);
    made.repositories.set(repo.id, repo);
    if (made.repositories.size === 1) await createBot(made, repo);
  }
  world = made;

  const tokens: Record<string, string> = Object.fromEntries(users.map((user) => [user.login, tokenOf(user)]));
  const tokenFor = (login: string): string => {
    const token = tokens[login];
    if (token === undefined) {
      throw new Error(`"${login}" is not a seeded user; there are: ${Object.keys(tokens).join(', ')}`);
    }
    return token;
  };
  const repository = (name = first.fullName): Repository => {
    const [owner = '', short = ''] = name.split('/');
    const repo = findRepository(made, owner, short);
    if (!repo) throw new Error(`"${name}" is not a seeded repository`);
    return {
      get fullName() {
        return `${repo.owner}/${repo.name}`;
      },
      id: repo.id,
      as: (login) => createPerson(made, repo, login, tokenFor(login)),
      asApp: async () => createPerson(made, repo, `${app.slug}[bot]`, await installationToken()),
      read: createReader(made, repo, tokenFor(account)),
      admin: createAdmin(made, repo),
    };
  };
  const jwt = () => appJwt(app.id, keys.privateKey, Math.floor(Date.now() / 1000));
  async function installationToken(): Promise<string> {
    const reply = await fetch(`${url}/app/installations/${app.installationId}/access_tokens`, {
      method: 'POST',
      headers: { authorization: `Bearer ${jwt()}` },
    });
    const json: unknown = await reply.json();
    return text(json, 'token');
  }
  const main = repository();

  return {
    url,
    app: { ...app, privateKey: keys.privateKey, botLogin: `${app.slug}[bot]` },
    tokens,
    repository,
    as: main.as,
    asApp: main.asApp,
    read: main.read,
    admin: main.admin,
    requests: proxy.requests,
    contractViolations: proxy.contractViolations,
    webhooks,
    faults: {
      add: (fault) => {
        proxy.faults.push({ ...fault });
      },
      clear: () => {
        proxy.faults.length = 0;
      },
      decide: (choose) => {
        proxy.decide = choose;
      },
    },
    jwt,
    installationToken,
    until: (what, look, timeoutMs = 10_000) => waitUntil(proxy.onRequest, what, look, timeoutMs),
    async close() {
      webhooks.close();
      upstream.close();
      await Promise.all([
        new Promise<void>((resolve) => {
          proxy.server.close(() => resolve());
          proxy.server.closeAllConnections();
        }),
        emulator.close(),
      ]);
    },
  };
}
