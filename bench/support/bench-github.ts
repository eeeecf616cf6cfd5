import { type GitHubServer, startGitHub } from '../../test/support/github/start-github.ts';
import { type ModelServer, startModel } from '../../test/support/model.ts';
import { jobAnswer } from '../../test/support/model-replies.ts';
import type { Cleanup } from './cleanup.ts';

export interface BenchGitHub {
  github: GitHubServer;
  model: ModelServer;
}

/** The bench asks more in a minute than a person may in a day. */
export const NO_CAPS =
  'limits:\n  asks_per_person_per_day: 100000\n  tokens_per_day: 1000000000\n  usd_per_day: 1000000\n';

/**
 * GitHub and a model that answers at once with one job, in this process: for rows that wait for the app
 * rather than load it. The repository's jobs run in `workdir`.
 */
export async function startBenchGitHub(
  cleanup: Cleanup,
  job: { workdir: string; script: string[] },
): Promise<BenchGitHub> {
  const github = await startGitHub();
  cleanup.defer(() => github.close());
  const model = await startModel({ otherwise: { text: jobAnswer({ script: job.script }) } });
  cleanup.defer(() => model.close());
  const settings = `defaults:\n  workdir: ${job.workdir}\n  runs_on: [bench]\n${NO_CAPS}`;
  await github.as('octo').push('main', { '.github/guruguru.yml': settings }, 'Settings of the bench');
  return { github, model };
}
