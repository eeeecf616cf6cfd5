import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type Logger, pino } from 'pino';
import { Probot } from 'probot';
import { packageFile } from './cli/package-file.ts';
import { type AppConfig, ConfigError, type Credentials } from './config.ts';
import { keepLeases, type LeaseKeeper } from './dispatch/keep-leases.ts';
import { LEASES_KEY, type LeaseTimes } from './dispatch/lease.ts';
import { deriveSigningKey } from './dispatch/offer-token.ts';
import { createRunnerApi } from './dispatch/runner-api.ts';
import { type Budget, createBudget } from './github/budget.ts';
import { isGitHubError } from './github/errors.ts';
import { createOctokits, type Octokits } from './github/octokit.ts';
import { createRequestLog, type RequestLog } from './github/request-log.ts';
import { createUsage } from './github/usage.ts';
import { closeDod } from './job/dod.ts';
import { lazyModel } from './llm/lazy-model.ts';
import { createContexts, type MakeContext } from './loop/context.ts';
import { createSurveys, holdAll, LOOK_AGAIN_MS } from './loop/hold.ts';
import { createHttp, type HttpParts, peerOf, WEBHOOK_PATH } from './loop/http.ts';
import { createRedact } from './loop/outgoing.ts';
import { createReconciler, RECONCILE_KEY, type Reconciler } from './loop/reconcile.ts';
import { recordEvent } from './loop/record.ts';
import { createRightOfWay } from './loop/right-of-way.ts';
import { openWebhookProxy } from './loop/webhook-proxy.ts';
import { type Work, workFollowing } from './loop/work.ts';
import { dueOf, isKnownEvent, WORK } from './loop.ts';
import { loadPrompts } from './plan/prompts.ts';
import { hearAudit } from './store/audit.ts';
import { keepPause } from './store/pauses.ts';
import { prune } from './store/prune.ts';
import { openStore, type Store, type Tx } from './store/store.ts';
import { enqueue } from './store/work.ts';
import { startWorker, type Worker, type WorkerOptions } from './store/worker.ts';
import { VERSION } from './version.ts';

export interface RunningApp {
  /** `http://host:port`, with the real port when 0 was asked for. */
  url: string;
  store: Store;
  worker: () => Worker | null;
  requests: RequestLog;
  /** Stops taking work, ends waiting calls, keeps what is stored. Idempotent. */
  stop(): Promise<void>;
}

export interface AppOptions {
  /** When a work item that fails is tried again, and when it is given up. */
  worker?: Pick<WorkerOptions, 'maxAttempts' | 'backoff'>;
  /** `off`: webhooks are all it hears; for tests that count requests. */
  reconcile?: 'on' | 'off';
  /** How long work of an app that died waits for another on the same Postgres, in ms; default 30 s. */
  holdMs?: number;
  /** Default: one minute to a lease, a quarter of an hour of silence. */
  leases?: LeaseTimes;
  /** How long a model may take to answer, in ms; default two minutes. */
  modelTimeoutMs?: number;
}

/** Planning may take minutes, so many items are open at a time; GitHub's own limits are kept by the budget. */
const CONCURRENCY = 32;
const PRUNE_INTERVAL_MS = 6 * 3_600_000;
const USAGE_INTERVAL_MS = 3_600_000;

/** Budgets of a test against an emulator, which has no such limits. */
const NO_LIMITS = { contentPerMinute: 0, contentPerHour: 0, pointsPerMinute: 0, concurrent: 0 };

/** The same: a request that is slow there is over after two seconds. */
const EMULATOR_GIVES_UP_MS = 2_500;

/**
 * Starts the app: webhooks, runner API, worker. Deliveries are accepted as soon as it listens; work starts
 * once GitHub has said who we are.
 * @throws StoreLockedError when another app uses the data directory
 */
export async function startApp(
  config: AppConfig & { credentials: Credentials },
  log: Logger = createLog(config),
  options: AppOptions = {},
): Promise<RunningApp> {
  const prompts = await loadPrompts(packageFile('prompts'));
  const store = await openStore({
    dataDir: config.dataDir,
    databaseUrl: config.databaseUrl,
    ...(options.holdMs ? { holdMs: options.holdMs } : {}),
  });
  hearAudit(store, (grant) => log.info({ audit: true, ...grant }, `granted: ${grant.what} ${grant.subject}`));
  const redact = createRedact(ownSecrets(config));
  await keepPause(store, config.paused);
  const shutdown = new AbortController();
  const requests = createRequestLog();
  const usage = createUsage(store.now);
  const rightOfWay = createRightOfWay();
  const octokits = createOctokits({
    appId: config.credentials.appId,
    privateKey: config.credentials.privateKey,
    baseUrl: config.githubApiUrl,
    log: quiet(log),
    version: VERSION,
    requestLog: requests,
    usage,
    fetch: rightOfWay.fetch,
  });
  let worker: Worker | null = null;
  const runnerApi = createRunnerApi({
    store,
    signingKey: deriveSigningKey(config.credentials.privateKey),
    log,
    isReady: () => !shutdown.signal.aborted,
    ...(options.leases ? { times: options.leases } : {}),
    peerOf: peerOf(config.trustedProxies),
    signal: shutdown.signal,
  });
  await holdAll(store);
  const leases = await keepLeases(
    store,
    (err) => log.error({ err }, 'leases could not be renewed'),
    options.leases,
  );
  const http = await createHttp({
    webhook: await openWebhooks(config, store, log),
    runnerApi,
    tls: config.tls,
    onDelivery: rightOfWay.noteDelivery,
    isReady: () => worker !== null && !shutdown.signal.aborted,
    log,
  });
  const server = await listen(http, config).catch(async (error: unknown) => {
    leases.stop();
    await store.close();
    throw error;
  });
  const address = server.address() as AddressInfo;
  const url = `${config.tls ? 'https' : 'http'}://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`;
  const proxy = config.webhookProxyUrl
    ? openWebhookProxy(config.webhookProxyUrl, `${url}${WEBHOOK_PATH}`, log)
    : null;
  log.info(
    { url, model: config.model?.name ?? null, data: dataPlace(config), owner: store.claims.owner },
    'guruguru is listening',
  );

  const working = startWork();
  const pruning = setInterval(
    () => void prune(store, store.now()).catch((err) => log.error({ err }, 'pruning failed')),
    PRUNE_INTERVAL_MS,
  );
  pruning.unref();
  const counting = setInterval(() => {
    for (const hour of usage.take()) log.info(hour, 'requests to GitHub in the last hour');
  }, USAGE_INTERVAL_MS);
  counting.unref();

  async function startWork(): Promise<void> {
    const app = await identify(octokits, log, shutdown.signal);
    if (!app || shutdown.signal.aborted) return;
    const budgetOf = budgets(config.writeBudget, () => store.others().apps + 1);
    const shared = { store, octokits, budgetOf, app, log, now: store.now };
    const contexts = createContexts({
      ...shared,
      model: config.model
        ? lazyModel({
            apiKey: config.model.apiKey,
            model: config.model.name,
            ...(config.model.baseUrl ? { baseURL: config.model.baseUrl } : {}),
            ...(options.modelTimeoutMs ? { timeoutMs: options.modelTimeoutMs } : {}),
          })
        : null,
      landsWithinMs: config.writeBudget === 'off' ? EMULATOR_GIVES_UP_MS : undefined,
      prompts,
      redact,
      webUrl: webUrl(config.githubApiUrl),
    });
    const reconciler =
      options.reconcile === 'off'
        ? null
        : createReconciler({
            ...shared,
            intervalMs: config.reconcileSeconds * 1_000,
            webhooks: config.ingress === 'webhook',
            dueOf,
            isKnownEvent,
          });
    // At once: what happened while no app was running.
    if (reconciler) await store.write((tx) => enqueue(tx, RECONCILE_KEY));
    const surveys = createSurveys();
    worker = startWorker(store, {
      perform: (key, signal, attempts) =>
        perform({ contexts, surveys, leases, reconciler, now: store.now }, key, signal, attempts),
      onStuck: (tx, key, error) => tellStuck(tx, log, key, error),
      isOutage,
      log,
      concurrency: CONCURRENCY,
      // A write to Postgres waits for its answer, and takes no time from acknowledgements.
      holdWhile: () => rightOfWay.busy() || (!config.databaseUrl && store.pendingWrites() > 0),
      ...options.worker,
    });
    log.info({ app: app.slug }, 'working');
  }

  let stopping: Promise<void> | null = null;
  const stop = async () => {
    shutdown.abort();
    clearInterval(pruning);
    clearInterval(counting);
    leases.stop();
    proxy?.close();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    // One that was busy at the close is kept open for its caller's next request: it is closed once it is idle.
    const closing = setInterval(() => server.closeIdleConnections(), 20);
    await working.catch(() => {});
    await worker?.drain();
    // Calls that wait were answered by the abort; what is still open now is no caller of ours.
    await Promise.race([
      closed,
      delay(2_000, undefined, { ref: false }).then(() => server.closeAllConnections()),
    ]);
    clearInterval(closing);
    await closeDod();
    await store.close();
  };
  return { url, store, worker: () => worker, requests, stop: () => (stopping ??= stop()) };
}

/** Between attempts to tell of a work item that was given up. */
const TELL_AGAIN_MS = 300_000;

interface Performers {
  contexts: MakeContext;
  surveys: ReturnType<typeof createSurveys>;
  leases: LeaseKeeper;
  reconciler: Reconciler | null;
  now: () => number;
}

/** Works on one key: by its first word, see the table in loop.ts. */
async function perform(
  { contexts, surveys, leases, reconciler, now }: Performers,
  key: string,
  signal: AbortSignal,
  attempts: number,
) {
  if (key === LEASES_KEY) return leases.expire();
  if (key === RECONCILE_KEY) return reconciler ? reconciler.pass(signal) : ('done' as const);
  const work = WORK[key.slice(0, key.indexOf(':'))];
  if (!work) throw new Error(`no work is known by the key ${key}`);
  try {
    const context = await contexts(key, signal, attempts);
    const surveyed: Work = async (c) => {
      if ((await surveys(c)) === 'waiting') return { dueAt: now() + LOOK_AGAIN_MS };
      return work(c);
    };
    return context ? await workFollowing(surveyed, context) : ('done' as const);
  } catch (error) {
    // What gave up because GitHub is away is told when it is back, or nobody would ever hear of it.
    if (key.startsWith('stuck:') && isGitHubError(error, 'unavailable'))
      return { dueAt: now() + TELL_AGAIN_MS };
    throw error;
  }
}

/** What ends without anybody doing something; a refused token may be a clock that was set wrong. */
function isOutage(error: unknown): boolean {
  return isGitHubError(error, 'unavailable', 'rate_limited', 'unauthorized');
}

async function tellStuck(tx: Tx, log: Logger, key: string, error: unknown): Promise<void> {
  log.error({ key, err: error }, 'given up on a work item; /retry on its thread tries again');
  if (!key.startsWith('stuck:')) await enqueue(tx, `stuck:${key}`);
}

/** Probot knows the events; what GitHub sent is verified here, so that nothing but a stored event gets a 2xx. */
async function openWebhooks(
  { credentials, ingress }: Pick<AppConfig, 'ingress'> & { credentials: Credentials },
  store: Store,
  log: Logger,
): Promise<HttpParts['webhook']> {
  // Without a secret Probot would silently take `development` for one.
  if (ingress === 'poll' || !credentials.webhookSecret) return null;
  const probot = new Probot({
    appId: credentials.appId,
    privateKey: credentials.privateKey,
    secret: credentials.webhookSecret,
    log: log.child({}, { level: 'silent' }) as unknown as NonNullable<
      ConstructorParameters<typeof Probot>[0]
    >['log'] &
      object,
  });
  await probot.ready();
  probot.onAny(async (event) => {
    const { id, name, payload } = event as { id: string; name: string; payload: unknown };
    const due = dueOf(name, payload, store.now());
    if (due.length > 0) await recordEvent(store, name, payload, due, id);
  });
  return async ({ id, event, signature, body }) => {
    const genuine = await probot.webhooks.verify(body, signature).catch(() => false);
    if (!genuine) return { status: 401, message: WRONG_SIGNATURE };
    const payload = parseObject(body);
    if (!payload) return { status: 400, message: 'the body is not a JSON object; GitHub sends one' };
    await probot.receive({ id, name: event, payload } as unknown as Parameters<Probot['receive']>[0]);
    return { status: 200, message: 'ok' };
  };
}

const WRONG_SIGNATURE =
  "the signature does not match: WEBHOOK_SECRET and the secret on the App's settings page differ, or a proxy changed the body";

function parseObject(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

function listen(server: Server, config: Pick<AppConfig, 'port' | 'host'>): Promise<Server> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason =
        error.code === 'EADDRINUSE' ? 'the port is in use; set PORT to a free one' : error.message;
      reject(new ConfigError([`PORT: cannot listen on ${config.host}:${config.port}: ${reason}`]));
    });
    server.listen(config.port, config.host, () => resolve(server));
  });
}

/** Asks GitHub who this app is, until it answers: comments are trusted as ours by the app's id. */
async function identify(
  octokits: Octokits,
  log: Logger,
  signal: AbortSignal,
): Promise<{ id: number; slug: string } | null> {
  for (let wait = 250; !signal.aborted; wait = Math.min(wait * 2, 60_000)) {
    try {
      const { data } = await octokits.app.rest.apps.getAuthenticated({ request: { signal } });
      if (data) return { id: data.id, slug: data.slug ?? '' };
    } catch (err) {
      log.error(
        { err },
        'GitHub does not accept the app (APP_ID, PRIVATE_KEY, GITHUB_API_URL); webhooks are kept, trying again',
      );
    }
    await delay(wait, undefined, { signal, ref: false }).catch(() => {});
  }
  return null;
}

function budgets(mode: AppConfig['writeBudget'], apps: () => number): (installationId: number) => Budget {
  const known = new Map<number, Budget>();
  return (installationId) => {
    const budget = known.get(installationId) ?? createBudget(mode === 'off' ? NO_LIMITS : {}, apps);
    known.set(installationId, budget);
    return budget;
  };
}

/** Where people look at what the API serves. */
function webUrl(apiUrl: string): string {
  const url = new URL(apiUrl);
  if (url.hostname === 'api.github.com') return 'https://github.com';
  return `${url.protocol}//${url.host.replace(/^api\./, '')}`;
}

/** Where the tables are, without a password. */
function dataPlace(config: Pick<AppConfig, 'dataDir' | 'databaseUrl'>): string {
  if (!config.databaseUrl) return config.dataDir;
  const { host, pathname } = new URL(config.databaseUrl);
  return `postgres://${host}${pathname}`;
}

export function createLog(
  config: Pick<AppConfig, 'logLevel' | 'model' | 'credentials' | 'databaseUrl'>,
): Logger {
  const redact = createRedact(ownSecrets(config));
  return pino(
    { name: 'guruguru', level: config.logLevel },
    { write: (line: string) => void process.stdout.write(redact(line)) },
  );
}

/** The App's key is found by its shape. */
function ownSecrets(config: Pick<AppConfig, 'model' | 'credentials' | 'databaseUrl'>): string[] {
  const { credentials, model, databaseUrl } = config;
  const password = databaseUrl ? decodeURIComponent(new URL(databaseUrl).password) : '';
  return [credentials?.webhookSecret ?? '', model?.apiKey ?? '', password];
}

/** A library's chatter goes to the debug level; its warnings stay warnings. */
function quiet(log: Logger) {
  return {
    debug: (message: string) => log.trace(message),
    info: (message: string) => log.debug(message),
    warn: (message: string) => log.warn(message),
    error: (message: string) => log.error(message),
  };
}
