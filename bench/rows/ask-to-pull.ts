import { isJson } from '../../test/support/github/json.ts';
import type { GitHubServer } from '../../test/support/github/start-github.ts';
import type { RecordedRequest } from '../../test/support/github/types.ts';
import { startBenchGitHub } from '../support/bench-github.ts';
import { withCleanup } from '../support/cleanup.ts';
import type { Row } from '../support/figure.ts';
import { startAppProcess } from '../support/start-guruguru.ts';
import { startProbot } from '../support/start-probot.ts';
import { median } from '../support/statistics.ts';

/** From the webhook of an ask to the job PR's creation, as GitHub sees both. */
export const askToPull: Row = {
  name: 'ask-to-pr',
  async run({ quick, say }) {
    const samples = quick ? 3 : 10;
    const ours = await withCleanup(async (cleanup) => {
      const { github, model } = await startBenchGitHub(cleanup, {
        workdir: '/workspace/hello',
        script: ['true'],
      });
      const app = await startAppProcess(cleanup, github, { modelUrl: model.url });
      github.webhooks.setUrl(app.webhookUrl);
      return askAgainAndAgain(github, samples, say);
    });
    // One takes seconds, always the same: the pauses of Probot's throttling plugin.
    const baselineSamples = quick ? 1 : 3;
    const baseline = await withCleanup(async (cleanup) => {
      const { github, model } = await startBenchGitHub(cleanup, {
        workdir: '/workspace/hello',
        script: ['true'],
      });
      const probot = await startProbot(cleanup, 'plain-probot', github, model.url);
      github.webhooks.setUrl(probot.webhookUrl);
      return askAgainAndAgain(github, baselineSamples, say);
    });
    return [
      {
        what: 'ask → job PR open, median',
        unit: 'ms',
        ours: median(ours),
        baseline: median(baseline),
        bound: { kind: 'times_faster', times: 15 },
        note: `${samples} asks one after another, slowest ${Math.round(Math.max(...ours))} ms; ${baselineSamples} of the plain Probot handler`,
      },
    ];
  },
};

async function askAgainAndAgain(
  github: GitHubServer,
  samples: number,
  say: (line: string) => void,
): Promise<number[]> {
  const octo = github.as('octo');
  const issue = await octo.openIssue({ title: 'Asks of the bench' });
  const times: number[] = [];
  for (let n = 1; n <= samples; n += 1) {
    const { id } = await octo.comment(issue, `/ask look whether the README is there, number ${n}`);
    const sent = github.webhooks.log.find(
      ({ payload }) => isJson(payload.comment) && payload.comment.id === id,
    );
    const pull = await github.until(
      'the job PR',
      async () => github.requests.filter(opensPull)[n - 1],
      60_000,
    );
    const took = pull.at - Date.parse(sent?.deliveredAt ?? '');
    say(`ask ${n}: a job PR after ${took} ms`);
    times.push(took);
    // The plain handler still writes; GitHub waits for its answer, and so do we.
    await github.webhooks.idle();
  }
  return times;
}

function opensPull({ method, status, template }: RecordedRequest): boolean {
  return method === 'POST' && status === 201 && template === '/repos/{owner}/{repo}/pulls';
}
