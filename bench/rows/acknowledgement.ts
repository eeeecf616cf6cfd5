import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Cleanup, withCleanup } from '../support/cleanup.ts';
import { deliverAll, type SignedDelivery, signDelivery } from '../support/deliver.ts';
import type { Row } from '../support/figure.ts';
import { type GitHubProcess, startGitHubProcess } from '../support/start-github-process.ts';
import { startAppProcess } from '../support/start-guruguru.ts';
import { startProbot } from '../support/start-probot.ts';
import { median, percentile } from '../support/statistics.ts';

const CONCURRENCY = 16;
const ASKS = 2_000;
/** Both processes have compiled their code when the clock starts: a resident service is warm. */
const WARM_UP = 300;
const THREADS = 100;

interface Round {
  p50: number;
  p99: number;
}

/** Every round has a fresh process of each, since the work of one round would slow the next. */
export const acknowledgement: Row = {
  name: 'ack',
  run: ({ quick, say }) =>
    withCleanup(async (cleanup) => {
      say(`writing ${ASKS + WARM_UP} asks`);
      const github = await startGitHubProcess(cleanup, { asks: ASKS + WARM_UP, threads: THREADS });
      const deliveries = github.asks.map((body) =>
        signDelivery('issue_comment', body, github.app.webhookSecret),
      );
      const baseline: Round[] = [];
      const ours: Round[] = [];
      let worked = 0;
      for (let round = 0; round < (quick ? 1 : 5); round += 1) {
        baseline.push(await withCleanup((c) => emptyProbot(c, github, deliveries)));
        const { requests, ...times } = await withCleanup((c) => guruguru(c, github, deliveries));
        ours.push(times);
        worked += requests;
        say(`round ${round + 1}: ours ${show(ours.at(-1))}, empty Probot ${show(baseline.at(-1))}`);
      }
      const note = `${ours.length} rounds of ${ASKS} each; meanwhile the app made ${Math.round(worked / ours.length)} requests to GitHub per round; after kill -9 all asks were on disk`;
      const of = (rounds: Round[], name: keyof Round) => median(rounds.map((round) => round[name]));
      return [
        {
          what: 'webhook acknowledgement, median',
          unit: 'ms',
          ours: of(ours, 'p50'),
          baseline: of(baseline, 'p50'),
          bound: { kind: 'at_most_times', times: 2.5 },
          note,
        },
        {
          what: 'webhook acknowledgement, p99',
          unit: 'ms',
          ours: of(ours, 'p99'),
          baseline: of(baseline, 'p99'),
          bound: { kind: 'at_most_times', times: 4 },
        },
      ];
    }),
};

async function emptyProbot(
  cleanup: Cleanup,
  github: GitHubProcess,
  deliveries: SignedDelivery[],
): Promise<Round> {
  const probot = await startProbot(cleanup, 'empty-probot', github);
  return measure(probot.webhookUrl, deliveries);
}

async function guruguru(cleanup: Cleanup, github: GitHubProcess, deliveries: SignedDelivery[]) {
  const app = await startAppProcess(cleanup, github, { modelUrl: github.modelUrl });
  await github.setWebhookUrl(app.webhookUrl);
  const before = await github.countRequests();
  const round = await measure(app.webhookUrl, deliveries);
  const requests = (await github.countRequests()) - before;
  await github.setWebhookUrl(undefined);
  await app.end('SIGKILL');
  expectDurable(app.dataDir, deliveries.length);
  return { ...round, requests };
}

async function measure(url: string, deliveries: SignedDelivery[]): Promise<Round> {
  await deliverAll(url, deliveries.slice(0, WARM_UP), CONCURRENCY);
  const times = await deliverAll(url, deliveries.slice(WARM_UP), CONCURRENCY);
  return { p50: median(times), p99: percentile(times, 0.99) };
}

/** A figure for acknowledgements that are lost in a crash would be worth nothing. */
function expectDurable(dataDir: string, acknowledged: number): void {
  const database = new DatabaseSync(join(dataDir, 'guruguru.sqlite'));
  const row = database.prepare('SELECT count(*) AS stored FROM asks').get();
  database.close();
  if (row?.stored !== acknowledged)
    throw new Error(`${acknowledged} asks were acknowledged, ${row?.stored} are on disk`);
}

function show(round: Round | undefined): string {
  return `${round?.p50.toFixed(2)} ms, p99 ${round?.p99.toFixed(2)} ms`;
}
