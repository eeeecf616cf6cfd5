import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cleanup } from '../bench/support/cleanup.ts';
import { type GitHubServer, startGitHub } from '../test/support/github/start-github.ts';
import { startCluster } from '../test/support/kubernetes/start-cluster.ts';
import { startPostgres } from '../test/support/postgres.ts';
import { type FaultyModel, startFaultyModel } from './model.ts';
import type { Runner } from './nemesis.ts';
import type { ChaosOptions } from './options.ts';
import { type AppStart, type RunnerStart, SECRET } from './processes/messages.ts';
import { CANARY_NAME, type Scenario } from './scenario.ts';
import { type Child, createChild } from './support/child.ts';
import { freePort } from './support/listen.ts';
import { random } from './support/random.ts';
import { openPostgresWork, openSqliteWork, type WorkView } from './support/work-view.ts';
import { startCuttable } from './wire/cuttable.ts';
import { type DeliveryWire, startDeliveryWire } from './wire/deliveries.ts';
import { createGitHubFaults, type GitHubFaults } from './wire/github-faults.ts';
import { createSeen, type Seen } from './wire/seen.ts';

/** The campaign asks more in a minute than a person may in a day. */
const NO_CAPS =
  'limits:\n  asks_per_person_per_day: 100000\n  tokens_per_day: 1000000000\n  usd_per_day: 1000000\n';

/** Everything that takes part, started and whole. */
export interface Stage {
  folder: string;
  /** Of the start-counter: each job appends to a file of its own there. */
  starts: string;
  secret: string;
  github: GitHubServer;
  faults: GitHubFaults;
  model: FaultyModel;
  deliveries: DeliveryWire;
  seen: Seen;
  /** One on SQLite, two on Postgres. */
  apps: [App, ...App[]];
  runners: [Runner, ...Runner[]];
  work: WorkView;
  /** Apps that were there after the last start, as the database knows them. */
  owners: ReadonlySet<string>;
  /** Ends every fault that the wires make. */
  heal(): void;
  /** The folder goes with the campaign; else it is kept. */
  discard(): void;
}

export interface App {
  child: Child;
  port: number;
}

/** A lease, a silence and a model's patience as short as the machine allows; a day's work takes minutes here. */
const LEASES = { ttlMs: 4_000, silenceMs: 12_000 };
const RECONCILE_SECONDS = 5;
const RENEWAL_MS = 3_000;
const MODEL_TIMEOUT_MS = 4_000;
const BACKOFF = { firstMs: 250, mostMs: 3_000 };

const DELIVERY_FAULTS = { duplicated: 0.2, reordered: 0.1, dropped: 0.05 };
const NONE = { duplicated: 0, reordered: 0, dropped: 0 };

async function startDatabase(cleanup: Cleanup): Promise<string> {
  const server = await startPostgres();
  cleanup.defer(() => server.stop());
  return server.createDatabase();
}

export async function setStage(
  cleanup: Cleanup,
  options: ChaosOptions,
  scenarios: readonly Scenario[],
): Promise<Stage> {
  const { seed } = options;
  const faulty = options.minutes > 0;
  const folder = await mkdtemp(join(tmpdir(), 'guruguru-chaos-'));
  let kept = true;
  // Deferred first, so that it comes last.
  cleanup.defer(() => (kept ? undefined : rm(folder, { recursive: true, force: true, maxRetries: 3 })));
  const starts = join(folder, 'starts');
  const workspace = join(folder, 'workspace');
  const logs = join(folder, 'logs');
  for (const made of [starts, workspace, logs]) await mkdir(made);

  const github = await startGitHub();
  cleanup.defer(() => github.close());
  const { fullName } = github.repository();
  await github
    .as('octo')
    .push(
      'main',
      { '.github/guruguru.yml': `defaults:\n  workdir: ${workspace}\n${NO_CAPS}` },
      'Configure guruguru',
    );
  const seen = createSeen();
  const faults = createGitHubFaults(random(seed, 'github'), seen, faulty);
  github.faults.decide(faults.decide);
  const model = await startFaultyModel(seed, scenarios, starts, faulty);
  cleanup.defer(() => model.close());

  const databaseUrl = options.store === 'postgres' ? await startDatabase(cleanup) : null;
  const dataDir = join(folder, 'data');
  const addApp = async (name: string): Promise<App> => {
    const port = await freePort();
    const start: AppStart = {
      name,
      config: {
        credentials: {
          appId: github.app.id,
          privateKey: github.app.privateKey,
          webhookSecret: github.app.webhookSecret,
        },
        port,
        host: '127.0.0.1',
        logLevel: 'info',
        webhookProxyUrl: null,
        githubApiUrl: github.url,
        model: { apiKey: 'chaos', baseUrl: model.url, name: 'chaos' },
        dataDir,
        databaseUrl,
        writeBudget: 'off',
        paused: false,
        tls: null,
        trustedProxies: [],
        ingress: 'webhook',
        reconcileSeconds: RECONCILE_SECONDS,
      },
      leases: LEASES,
      modelTimeoutMs: MODEL_TIMEOUT_MS,
      backoff: BACKOFF,
    };
    const child = createChild(name, 'app-process.ts', join(logs, `${name}.log`), () => start);
    cleanup.defer(() => child.close());
    if (!(await child.start())) throw new Error(`the app does not start; see ${child.logFile}`);
    return { child, port };
  };
  const first = await addApp('app');
  const apps: Stage['apps'] = databaseUrl === null ? [first] : [first, await addApp('app-2')];
  let turn = 0;
  /** As a balancer before several: the next of those that live. */
  const appPort = () => {
    const alive = apps.filter(({ child }) => child.isReady());
    turn += 1;
    return alive[turn % Math.max(1, alive.length)]?.port;
  };
  const deliveries = await startDeliveryWire(
    appPort,
    faulty ? DELIVERY_FAULTS : NONE,
    random(seed, 'deliveries'),
  );
  cleanup.defer(() => deliveries.close());
  github.webhooks.setUrl(`${deliveries.url}/api/github/webhooks`);

  const secretBytes = random(seed, 'secret');
  const secret = `canary/${Array.from({ length: 12 }, () => Math.floor(secretBytes.between(16, 256)).toString(16)).join('')}+=&x`;
  const cluster = await startCluster({ secrets: { [SECRET]: { [CANARY_NAME]: secret } } });
  cleanup.defer(() => cluster.close());
  const addRunner = async (index: number, kubeconfig: string | null): Promise<Runner> => {
    const name = `runner-${index + 1}`;
    const { token } = await first.child.ask({ token: { name, repository: fullName } });
    if (!token) throw new Error(`no token for ${name}; see ${first.child.logFile}`);
    const line = await startCuttable(appPort);
    cleanup.defer(() => line.close());
    const start: RunnerStart = {
      url: line.url,
      token,
      name,
      root: workspace,
      stateDirectory: join(folder, name),
      environment: { [CANARY_NAME]: secret },
      syncSeconds: 1,
      renewalMs: RENEWAL_MS,
      kubeconfig,
    };
    const child = createChild(name, 'runner-process.ts', join(logs, `${name}.log`), () => start);
    cleanup.defer(() => child.close());
    await child.start();
    return { child, line };
  };
  const runners: Stage['runners'] = [await addRunner(0, null)];
  // Every second runner has pods instead of processes.
  for (let index = 1; index < options.runners; index += 1)
    runners.push(await addRunner(index, index % 2 === 1 ? cluster.kubeconfig : null));
  const work = databaseUrl === null ? openSqliteWork(dataDir) : await openPostgresWork(databaseUrl);
  cleanup.defer(() => work.close());
  return {
    folder,
    starts,
    secret,
    github,
    faults,
    model,
    deliveries,
    seen,
    apps,
    runners,
    work,
    owners: await work.owners(),
    heal() {
      faults.heal();
      model.heal();
      deliveries.heal();
    },
    discard() {
      kept = false;
    },
  };
}
