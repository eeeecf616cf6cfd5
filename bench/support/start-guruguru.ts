import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Cleanup } from './cleanup.ts';
import { type BenchProcess, startProcess } from './start-process.ts';
import { temporaryFolder } from './temporary-folder.ts';

const CLI = fileURLToPath(new URL('../../bin/guruguru.js', import.meta.url));
const READY_WITHIN_MS = 20_000;

/** What the app needs to know of a GitHub. */
export interface GitHubAddress {
  url: string;
  app: { id: number; privateKey: string; webhookSecret: string };
}

export interface AppProcess extends BenchProcess {
  url: string;
  webhookUrl: string;
  dataDir: string;
}

/** The app as `npm start` runs it, GitHub's write budget lifted: the emulator has no limits to keep. */
export async function startAppProcess(
  cleanup: Cleanup,
  github: GitHubAddress,
  options: { modelUrl?: string; nodeArgs?: readonly string[] } = {},
): Promise<AppProcess> {
  const dataDir = await temporaryFolder(cleanup);
  const port = await freePort();
  const app = startProcess(cleanup, process.execPath, [...(options.nodeArgs ?? []), CLI, 'app'], {
    cwd: dataDir,
    env: {
      APP_ID: String(github.app.id),
      PRIVATE_KEY: github.app.privateKey,
      WEBHOOK_SECRET: github.app.webhookSecret,
      GITHUB_API_URL: github.url,
      GURUGURU_DATA_DIR: dataDir,
      GURUGURU_WRITE_BUDGET: 'off',
      HOST: '127.0.0.1',
      PORT: String(port),
      LOG_LEVEL: 'warn',
      ...(options.modelUrl ? { OPENAI_API_KEY: 'bench', OPENAI_BASE_URL: options.modelUrl } : {}),
    },
  });
  const url = `http://127.0.0.1:${port}`;
  await Promise.race([ready(`${url}/readyz`), app.line('this line never comes')]);
  return Object.assign(app, { url, webhookUrl: `${url}/api/github/webhooks`, dataDir });
}

/** A resident runner for `repository`, labelled `bench`, that may work in `root`. */
export async function startRunnerProcess(
  cleanup: Cleanup,
  app: AppProcess,
  options: { repository: string; root: string },
): Promise<BenchProcess> {
  const cwd = await temporaryFolder(cleanup);
  const create = startProcess(
    cleanup,
    process.execPath,
    [CLI, 'token', 'create', 'bench', '--repo', options.repository],
    { cwd, env: { GURUGURU_DATA_DIR: app.dataDir } },
  );
  const token = await create.line('ggr_');
  return startProcess(cleanup, process.execPath, [CLI, 'runner'], {
    cwd,
    env: {
      GURUGURU_URL: app.url,
      GURUGURU_RUNNER_TOKEN: token.trim(),
      GURUGURU_RUNNER_NAME: 'bench',
      GURUGURU_RUNNER_LABELS: 'bench',
      GURUGURU_WORKDIR_ROOTS: options.root,
      GURUGURU_RUNNER_STATE_DIR: cwd,
    },
  });
}

async function ready(url: string): Promise<void> {
  const deadline = performance.now() + READY_WITHIN_MS;
  while (performance.now() < deadline) {
    const reply = await fetch(url).catch(() => null);
    if (reply?.ok) return;
    await delay(20);
  }
  throw new Error(`${url} was not ready after ${READY_WITHIN_MS / 1000} s`);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = address !== null && typeof address === 'object' ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
