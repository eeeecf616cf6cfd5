import { randomBytes } from 'node:crypto';
import { installationJson, repositoryJson } from './emit.ts';
import { isJson, type Json, object, text } from './json.ts';
import type { Exchange, Grant, RepositoryState } from './types.ts';
import type { Delivery } from './webhooks.ts';
import {
  botLogin,
  covers,
  type Handler,
  NOT_FOUND,
  page,
  permissionOf,
  Refusal,
  type RepositoryHandler,
  requireGrant,
  userJson,
  type World,
} from './world.ts';

/** An installation token lives an hour (docs: authenticating as an installation). */
const TOKEN_LIFE_MS = 3_600_000;

function requireJwt(x: Exchange): void {
  if (x.actor.type !== 'app') throw new Refusal(401, 'A JSON web token could not be decoded');
}

function thisInstallation(world: World, x: Exchange): void {
  const wanted = Number(x.params.installation_id);
  if (world.installation.deleted || wanted !== world.app.installationId) throw new Refusal(404, NOT_FOUND);
}

const getApp: Handler = async (world, x) => {
  requireJwt(x);
  return { status: 200, body: { ...world.appJson, installations_count: world.installation.deleted ? 0 : 1 } };
};

const listInstallations: Handler = async (world, x) => {
  requireJwt(x);
  return page(world, x, world.installation.deleted ? [] : [await installationJson(world)]);
};

const getInstallation: Handler = async (world, x) => {
  requireJwt(x);
  thisInstallation(world, x);
  return { status: 200, body: await installationJson(world) };
};

const repositoryInstallation: RepositoryHandler = async (world, x, repo) => {
  requireJwt(x);
  if (!repo.installed || world.installation.deleted) throw new Refusal(404, NOT_FOUND);
  return { status: 200, body: await installationJson(world) };
};

/** The permissions a token may have: what is asked, if the installation has it. */
function grantedPermissions(world: World, body: Json): Record<string, string> {
  if (!isJson(body.permissions)) return { ...world.app.permissions };
  const granted: Record<string, string> = { metadata: 'read' };
  for (const [name, level] of Object.entries(body.permissions)) {
    const have = world.app.permissions[name];
    if (typeof level !== 'string' || have === undefined || (level === 'write' && have === 'read')) {
      throw new Refusal(422, 'The permissions requested are not granted to this installation.');
    }
    granted[name] = level;
  }
  return granted;
}

const createToken: Handler = async (world, x) => {
  requireJwt(x);
  thisInstallation(world, x);
  if (world.installation.suspendedAt !== undefined) {
    throw new Refusal(403, 'This installation has been suspended');
  }
  const installed = [...world.repositories.values()].filter((repo) => repo.installed);
  const wanted = (
    key: 'repositories' | 'repository_ids',
    same: (repo: RepositoryState, value: unknown) => boolean,
  ) =>
    Array.isArray(x.body[key])
      ? x.body[key].map((value: unknown) => {
          const found = installed.find((repo) => same(repo, value));
          if (!found) {
            throw new Refusal(
              422,
              'There is at least one repository that does not exist or is not accessible to the parent installation.',
            );
          }
          return found;
        })
      : undefined;
  const chosen =
    wanted('repositories', (repo, value) => repo.name === value) ??
    wanted('repository_ids', (repo, value) => repo.id === value);
  const permissions = grantedPermissions(world, x.body);
  const now = Date.now();
  const grant: Grant = {
    installationId: world.app.installationId,
    permissions,
    issuedAt: now,
    ...(chosen ? { repositories: chosen.map((repo) => repo.id) } : {}),
  };
  const token = `ghs_${randomBytes(27).toString('base64url').replace(/[-_]/g, 'x')}`;
  world.tokens.set(token, { type: 'installation', login: botLogin(world), grant });
  return {
    status: 201,
    body: {
      token,
      expires_at: new Date(now + TOKEN_LIFE_MS).toISOString().replace(/\.\d{3}Z$/, 'Z'),
      permissions,
      repository_selection: 'selected',
      ...(chosen ? { repositories: chosen.map(repositoryJson) } : {}),
    },
  };
};

const installationRepositories: Handler = async (world, x) => {
  const { actor } = x;
  if (actor.type !== 'installation') {
    throw new Refusal(
      403,
      'You must authenticate with an installation access token in order to list repositories for an installation.',
    );
  }
  const found = [...world.repositories.values()].filter((repo) => covers(repo, actor.grant));
  const cut = page(world, x, found.map(repositoryJson));
  return {
    ...cut,
    body: { total_count: found.length, repository_selection: 'selected', repositories: cut.body },
  };
};

const userInstallations: Handler = async (world, x) => {
  const { actor } = x;
  if (actor.type !== 'user')
    throw new Refusal(
      403,
      'You must authenticate with an access token authorized to a GitHub App in order to list installations',
    );
  const sees = [...world.repositories.values()].some(
    (repo) => repo.installed && (!repo.private || permissionOf(repo, actor.login) !== 'none'),
  );
  const installations = sees && !world.installation.deleted ? [await installationJson(world)] : [];
  return { status: 200, body: { total_count: installations.length, installations } };
};

function deliveryItem(delivery: Delivery): Json {
  return {
    id: delivery.id,
    guid: delivery.guid,
    delivered_at: delivery.deliveredAt,
    redelivery: delivery.redelivery,
    duration: Math.round(delivery.durationMs) / 1000,
    status: delivery.status,
    status_code: delivery.statusCode ?? 0,
    event: delivery.event,
    action: delivery.action,
    installation_id: delivery.installationId,
    repository_id: delivery.repositoryId,
    throttled_at: null,
  };
}

/** Newest first; pages by `cursor`, as GitHub does. */
const listDeliveries: Handler = async (world, x) => {
  requireJwt(x);
  const size = Math.min(100, Number.parseInt(x.query.get('per_page') ?? '30', 10) || 30);
  const cursor = Number(x.query.get('cursor') ?? 'NaN');
  const status = x.query.get('status');
  const sent = [...world.webhooks.log]
    .reverse()
    .filter((delivery) => delivery.statusCode !== null)
    .filter((delivery) => !Number.isFinite(cursor) || delivery.id <= cursor)
    .filter((delivery) => {
      const good = delivery.statusCode !== null && delivery.statusCode < 400;
      return status === 'success' ? good : status === 'failure' ? !good : true;
    });
  const next = sent[size];
  const url = new URL(x.path, world.url);
  if (next) url.searchParams.set('cursor', String(next.id));
  return {
    status: 200,
    body: sent.slice(0, size).map(deliveryItem),
    ...(next ? { headers: { link: `<${url}>; rel="next"` } } : {}),
  };
};

const getDelivery: Handler = async (world, x) => {
  requireJwt(x);
  const found = world.webhooks.log.find((delivery) => String(delivery.id) === x.params.delivery_id);
  if (!found) throw new Refusal(404, NOT_FOUND);
  return {
    status: 200,
    body: {
      ...deliveryItem(found),
      url: '',
      request: { headers: found.requestHeaders, payload: found.payload },
      response: { headers: found.responseHeaders, payload: found.responseBody },
    },
  };
};

const redeliver: Handler = async (world, x) => {
  requireJwt(x);
  if (!world.webhooks.redeliver(Number(x.params.delivery_id))) throw new Refusal(404, NOT_FOUND);
  return { status: 202, body: {} };
};

/** What GitHub gives back once for the code it put into the manifest's redirect. */
const convertManifest: Handler = async (world) => ({
  status: 201,
  body: {
    ...world.appJson,
    client_id: world.app.clientId,
    client_secret: 'emulated-client-secret',
    webhook_secret: world.app.webhookSecret,
    pem: world.privateKey,
  },
});

const rateLimit: Handler = async () => {
  const core = {
    limit: 1_000_000,
    used: 0,
    remaining: 1_000_000,
    reset: Math.floor(Date.now() / 1000) + 3600,
  };
  return { status: 200, body: { resources: { core, graphql: core, search: core }, rate: core } };
};

const getUser: Handler = async (world, x) => {
  const login = x.actor.type === 'user' ? x.actor.login : '';
  if (login === '') throw new Refusal(x.actor.type === 'anonymous' ? 401 : 403, 'Requires authentication');
  return { status: 200, body: await userJson(world, login) };
};

/** 403 without `members: read`, as for any App that was not granted it; 404 for who is not in the team. */
const teamMembership: Handler = async (world, x) => {
  requireGrant(x.actor, ['members'], 'read');
  const { org = '', team_slug = '', username = '' } = x.params;
  const members = org.toLowerCase() === world.account.toLowerCase() ? world.teams.get(team_slug) : undefined;
  if (!members?.includes(username)) throw new Refusal(404, NOT_FOUND);
  return { status: 200, body: { url: `${world.url}${x.path}`, role: 'member', state: 'active' } };
};

/** Routes of the app itself, its installation and its deliveries. */
export const appMends: [string, Handler][] = [
  ['GET /app', getApp],
  ['GET /app/installations', listInstallations],
  ['GET /app/installations/{installation_id}', getInstallation],
  ['POST /app/installations/{installation_id}/access_tokens', createToken],
  ['GET /app/hook/deliveries', listDeliveries],
  ['GET /app/hook/deliveries/{delivery_id}', getDelivery],
  ['POST /app/hook/deliveries/{delivery_id}/attempts', redeliver],
  ['POST /app-manifests/{code}/conversions', convertManifest],
  ['GET /installation/repositories', installationRepositories],
  ['GET /user/installations', userInstallations],
  ['GET /user', getUser],
  ['GET /rate_limit', rateLimit],
  ['GET /orgs/{org}/teams/{team_slug}/memberships/{username}', teamMembership],
];

export const appRepositoryMends: [string, RepositoryHandler][] = [
  ['GET /repos/{owner}/{repo}/installation', repositoryInstallation],
];

/** The app as GitHub describes it. */
export function describeApp(world: Pick<World, 'app' | 'url'>, owner: Json): Json {
  const { app } = world;
  const createdAt = new Date().toISOString();
  return {
    id: app.id,
    slug: app.slug,
    node_id: `A_${app.id}`,
    client_id: app.clientId,
    name: app.name,
    description: '',
    owner: object(owner),
    external_url: text(owner, 'html_url'),
    html_url: `${world.url}/apps/${app.slug}`,
    created_at: createdAt,
    updated_at: createdAt,
    permissions: app.permissions,
    events: app.events,
  };
}
