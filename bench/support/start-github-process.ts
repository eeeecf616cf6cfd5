import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cleanup } from './cleanup.ts';
import type { GitHubAddress } from './start-guruguru.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface GitHubProcess extends GitHubAddress {
  modelUrl: string;
  /** The webhook bodies of the asks. */
  asks: string[];
  setWebhookUrl(url: string | undefined): Promise<void>;
  /** Requests it has had, the app's as well as anybody's. */
  countRequests(): Promise<number>;
}

/** Starts `github-process.ts` and has it write `asks` comments, which are not delivered. */
export async function startGitHubProcess(
  cleanup: Cleanup,
  options: { asks: number; threads: number },
): Promise<GitHubProcess> {
  const file = join(await temporaryFolder(cleanup), 'asks.json');
  const args = [String(options.asks), String(options.threads), file];
  const child = fork(new URL('./github-process.ts', import.meta.url), args, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  cleanup.defer(async () => {
    const gone = once(child, 'close');
    if (child.exitCode === null && child.kill('SIGKILL')) await gone;
  });
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the GitHub process ended with ${code}`);
  });
  ended.catch(() => {});
  const answer = async () => (await Promise.race([once(child, 'message'), ended]))[0];
  const call = async (message: object): Promise<{ requests: number }> => {
    const reply = answer();
    child.send(message);
    return reply;
  };
  const address: GitHubAddress & { modelUrl: string } = await answer();
  const asks: string[] = JSON.parse(await readFile(file, 'utf8'));
  return {
    ...address,
    asks,
    async setWebhookUrl(url) {
      await call({ webhookUrl: url });
    },
    countRequests: async () => (await call({ count: true })).requests,
  };
}
