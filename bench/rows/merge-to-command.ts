import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { GitHubServer } from '../../test/support/github/start-github.ts';
import { startBenchGitHub } from '../support/bench-github.ts';
import { type Cleanup, withCleanup } from '../support/cleanup.ts';
import type { Row, RowOptions } from '../support/figure.ts';
import { measureGitPollers } from '../support/measure-git-pollers.ts';
import { startAppProcess, startRunnerProcess } from '../support/start-guruguru.ts';
import { median } from '../support/statistics.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** One wait for many of them, so that the median is near the expected five seconds. */
const POLLERS = 10;

/** From the moment GitHub tells of the merge until the job's first line has told the time. */
export const mergeToCommand: Row = {
  name: 'merge-to-command',
  async run({ quick, say }) {
    const ours = await withCleanup((cleanup) => mergeAgainAndAgain(cleanup, quick ? 3 : 10, say));
    const baseline = await withCleanup((cleanup) => measureGitPollers(cleanup, POLLERS));
    say(`git pollers: ${baseline.map((ms) => (ms / 1000).toFixed(1)).join(', ')} s`);
    const figure = {
      unit: 'ms',
      ours: median(ours),
      baseline: median(baseline),
    } as const;
    return [
      {
        what: 'merge → first command, median',
        ...figure,
        bound: { kind: 'times_faster', times: 20 },
        note: `${ours.length} merges, slowest ${Math.round(Math.max(...ours))} ms; baseline: ${baseline.length} runners polling git every 10 s, at evenly spread phases`,
      },
      { what: 'merge → first command, median', ...figure, bound: { kind: 'at_most', value: 300 } },
    ];
  },
};

async function mergeAgainAndAgain(
  cleanup: Cleanup,
  samples: number,
  say: RowOptions['say'],
): Promise<number[]> {
  const folder = await temporaryFolder(cleanup);
  const root = join(folder, 'work');
  await mkdir(root);
  const started = join(folder, 'started');
  const { github, model } = await startBenchGitHub(cleanup, {
    workdir: root,
    script: [`date +%s%N > ${started}`],
  });
  const app = await startAppProcess(cleanup, github, { modelUrl: model.url });
  github.webhooks.setUrl(app.webhookUrl);
  await startRunnerProcess(cleanup, app, { repository: 'octo/hello', root });
  const octo = github.as('octo');
  const issue = await octo.openIssue({ title: 'Merges of the bench' });
  const times: number[] = [];
  for (let n = 1; n <= samples; n += 1) {
    await octo.comment(issue, `/ask tell the time, number ${n}`);
    const pull = await github.until('the validated job PR', async () => {
      const open = (await github.read.pulls('open'))[0];
      if (!open) return undefined;
      const checks = await github.read.checkRuns(open.head.sha);
      return checks.some(({ conclusion }) => conclusion === 'success') && open;
    });
    await octo.merge(pull.number);
    const merged = mergedAt(github, pull.number);
    await github.until('the report', async () => (await reports(github.read)).length >= n, 30_000);
    const took = Number(await readFile(started, 'utf8')) / 1e6 - merged;
    await rm(started);
    say(`merge ${n}: the first command ran after ${Math.round(took)} ms`);
    times.push(took);
  }
  return times;
}

function mergedAt(github: GitHubServer, number: number): number {
  const closed = github.webhooks.log.find(
    ({ event, payload }) =>
      event === 'pull_request' && payload.action === 'closed' && payload.number === number,
  );
  if (!closed) throw new Error(`GitHub has not told that PR ${number} was merged`);
  return Date.parse(closed.deliveredAt);
}

async function reports(read: { tree(): Promise<string[]> }): Promise<string[]> {
  return (await read.tree()).filter((path) => /^reports\/jobs\/.*\.out$/.test(path));
}
