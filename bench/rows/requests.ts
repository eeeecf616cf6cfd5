import type { GitHubServer } from '../../test/support/github/start-github.ts';
import type { RecordedRequest } from '../../test/support/github/types.ts';
import { type BenchGitHub, startBenchGitHub } from '../support/bench-github.ts';
import { withCleanup } from '../support/cleanup.ts';
import type { Figure, Row } from '../support/figure.ts';
import { startAppProcess, startRunnerProcess } from '../support/start-guruguru.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { untilQuiet } from '../support/until-quiet.ts';

/** What one prose ask costs on GitHub until its report is committed and said; approved by a review. */
export const requests: Row = {
  name: 'requests',
  async run({ say }) {
    const onIssue = await withCleanup(async (cleanup) => {
      const { github } = await startLoop(cleanup);
      return oneLoop(github, await github.as('octo').openIssue({ title: 'A question of the README' }));
    });
    const onPull = await withCleanup(async (cleanup) => {
      const { github } = await startLoop(cleanup);
      const { number } = await github
        .as('writer')
        .openPull({ head: 'change', files: { 'docs/new.md': 'new\n' } });
      return oneLoop(github, number);
    });
    for (const [name, sent] of [
      ['issue', onIssue],
      ['PR', onPull],
    ] as const) {
      for (const line of byTemplate(sent)) say(`ask on ${name}: ${line}`);
    }
    return [...figures('an issue', onIssue, 18), ...figures('a PR', onPull, 21)];
  },
};

async function startLoop(cleanup: Parameters<typeof startBenchGitHub>[0]): Promise<BenchGitHub> {
  const root = await temporaryFolder(cleanup);
  const bench = await startBenchGitHub(cleanup, { workdir: root, script: ['echo hello'] });
  const app = await startAppProcess(cleanup, bench.github, { modelUrl: bench.model.url });
  bench.github.webhooks.setUrl(app.webhookUrl);
  await startRunnerProcess(cleanup, app, { repository: 'octo/hello', root });
  await untilQuiet(bench.github);
  return bench;
}

async function oneLoop(github: GitHubServer, thread: number): Promise<RecordedRequest[]> {
  await untilQuiet(github);
  github.requests.length = 0;
  const octo = github.as('octo');
  await octo.comment(thread, '/ask look whether the README is there');
  const pull = await github.until('the job PR', async () =>
    (await github.read.pulls()).find(({ head }) => head.ref.startsWith('guruguru/')),
  );
  await untilQuiet(github);
  await octo.review(pull.number, { event: 'APPROVE' });
  await github.until('the report', async () =>
    (await github.read.tree('main')).some((path) => path.startsWith('reports/jobs/')),
  );
  await untilQuiet(github);
  return github.requests.filter(({ actor }) => actor === 'app' || actor === 'installation');
}

function figures(place: string, sent: readonly RecordedRequest[], writesAtMost: number): Figure[] {
  const count = (kind: RecordedRequest['kind']) => sent.filter((request) => request.kind === kind).length;
  return [
    {
      what: `GitHub writes, ask on ${place}`,
      unit: 'requests',
      ours: count('write'),
      baseline: null,
      bound: { kind: 'at_most', value: writesAtMost },
    },
    {
      what: `GitHub requests in all, ask on ${place}`,
      unit: 'requests',
      ours: sent.length,
      baseline: null,
      bound: { kind: 'at_most', value: 40 },
      note: `${count('read')} reads, ${count('write')} writes, ${count('auth')} as the app itself`,
    },
  ];
}

function byTemplate(sent: readonly RecordedRequest[]): string[] {
  const counts = new Map<string, number>();
  for (const { kind, method, template, path } of sent) {
    const name = `${kind.padEnd(5)} ${method} ${template ?? path}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, count]) => `${count} × ${name}`);
}
