import type { Budget } from './budget.ts';
import { orNull } from './call-github.ts';
import { toGitHubError } from './errors.ts';
import { type Look, type LookMemory, look } from './look.ts';
import type { Octokits } from './octokit.ts';

/** An installation of the app on an account. */
export interface Installation {
  id: number;
  suspended: boolean;
}

/** A repository as its installation lists it. */
export interface InstalledRepository {
  id: number;
  owner: string;
  name: string;
  defaultBranch: string;
  archived: boolean;
}

/** One attempt at a webhook delivery. */
export interface DeliveryAttempt {
  /** Above what a number holds exactly, so as text. */
  id: string;
  /** The same for every attempt; what a webhook calls `X-GitHub-Delivery`. */
  guid: string;
  /** Milliseconds since the epoch. */
  at: number;
  event: string;
  action: string | null;
  /** The receiver answered 2xx. */
  arrived: boolean;
}

/** All installations, by the app itself. */
export async function listInstallations(
  octokits: Octokits,
  memory: LookMemory,
  signal: AbortSignal,
): Promise<Installation[]> {
  const found: Installation[] = [];
  for (let page = 1; ; page += 1) {
    memory.onRequest();
    const { data } = await octokits.app.rest.apps.listInstallations({
      per_page: 100,
      page,
      request: { signal },
    });
    found.push(...data.map(({ id, suspended_at: at }) => ({ id: Number(id), suspended: at !== null })));
    if (data.length < 100) return found;
  }
}

const REPOSITORIES_LIMIT = 10_000;

export async function listRepositories(
  octokits: Octokits,
  memory: LookMemory,
  installationId: number,
  budget: Budget,
  signal: AbortSignal,
): Promise<Look<InstalledRepository>> {
  const octokit = octokits.installation(installationId);
  // The list belongs to the installation, so its id stands for a repository's, negated.
  const context = { octokit, owner: '', name: '', repoId: -installationId, budget, appSlug: '', appId: 0 };
  const found = await look(
    context,
    memory,
    {
      name: 'repositories',
      query: '',
      limit: REPOSITORIES_LIMIT,
      send: async ({ request, headers }, page) => {
        const answer = await octokit.rest.apps.listReposAccessibleToInstallation({
          request,
          headers,
          per_page: 100,
          page,
        });
        return { ...answer, data: answer.data.repositories };
      },
    },
    signal,
  );
  return {
    ...found,
    items: found.items.map((repository) => ({
      id: Number(repository.id),
      owner: repository.owner.login,
      name: repository.name,
      defaultBranch: repository.default_branch,
      archived: repository.archived,
    })),
  };
}

/** Pages of 100, newest first; GitHub keeps them for three days. */
const DELIVERY_PAGES = 50;

/** Attempts at or after `since` (ms since the epoch), newest first. */
export async function listDeliveries(
  octokits: Octokits,
  memory: LookMemory,
  since: number,
  signal: AbortSignal,
): Promise<DeliveryAttempt[]> {
  const found: DeliveryAttempt[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < DELIVERY_PAGES; page += 1) {
    memory.onRequest();
    const { data, headers } = await octokits.app.rest.apps.listWebhookDeliveries({
      per_page: 100,
      ...(cursor === undefined ? {} : { cursor }),
      request: { signal },
    });
    for (const item of data) {
      const at = Date.parse(item.delivered_at);
      if (at < since) return found;
      found.push({
        id: String(item.id),
        guid: item.guid,
        at,
        event: item.event,
        action: item.action,
        arrived: item.status_code >= 200 && item.status_code < 300,
      });
    }
    cursor = nextCursor(headers.link);
    if (cursor === undefined) break;
  }
  return found;
}

function nextCursor(link: string | undefined): string | undefined {
  const url = link?.match(/<([^>]+)>;\s*rel="next"/)?.[1];
  return url === undefined ? undefined : (new URL(url).searchParams.get('cursor') ?? undefined);
}

/** What a delivery carried; null when GitHub no longer has it. */
export async function readDelivery(
  octokits: Octokits,
  memory: LookMemory,
  id: string,
  signal: AbortSignal,
): Promise<object | null> {
  memory.onRequest();
  const answer = await orNull(
    octokits.app
      .request('GET /app/hook/deliveries/{delivery_id}', {
        delivery_id: BigInt(id) as unknown as number,
        request: { signal },
      })
      .catch((error: unknown) => {
        throw toGitHubError(error, Date.now());
      }),
  );
  if (!answer) return null;
  const { payload } = answer.data.request;
  return typeof payload === 'object' && payload !== null ? payload : null;
}
