import { fileURLToPath } from 'node:url';
import type { Cleanup } from './cleanup.ts';
import type { GitHubAddress } from './start-guruguru.ts';
import { type BenchProcess, startProcess } from './start-process.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** One of the Probot apps in `bench/baseline/`, installed on `github`. */
export async function startProbot(
  cleanup: Cleanup,
  name: 'empty-probot' | 'plain-probot',
  github: GitHubAddress,
  modelUrl = '',
): Promise<BenchProcess & { webhookUrl: string }> {
  const script = fileURLToPath(new URL(`../baseline/${name}.js`, import.meta.url));
  const probot = startProcess(cleanup, process.execPath, [script], {
    cwd: await temporaryFolder(cleanup),
    env: {
      APP_ID: String(github.app.id),
      PRIVATE_KEY: github.app.privateKey,
      WEBHOOK_SECRET: github.app.webhookSecret,
      GITHUB_API_URL: github.url,
      MODEL_URL: modelUrl,
    },
  });
  return Object.assign(probot, { webhookUrl: await probot.line('http://') });
}
