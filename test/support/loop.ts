import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CliProcess, startCli } from './cli-process.ts';
import { type GitHubServer, startGitHub } from './github/start-github.ts';
import type { GitHubOptions } from './github/types.ts';

/** The whole product on one machine: GitHub emulated, app and runner as processes of their own. */
export interface Loop {
  github: GitHubServer;
  /** Holds the workdir, the data directory and the runner's state. */
  folder: string;
  /** Where jobs work; the repository's default workdir. */
  workdir: string;
  appUrl: () => string;
  app: () => CliProcess;
  /** What the app is started with. */
  appEnv: Record<string, string>;
  /** Starts the app again on the same data directory; `listening` is before GitHub has said who it is. */
  startApp(until?: 'listening' | 'working'): Promise<CliProcess>;
  startRunner(name?: string, env?: Record<string, string>, args?: string[]): Promise<CliProcess>;
  createToken(name: string, repository: string): Promise<string>;
  close(): Promise<void>;
}

export interface LoopOptions {
  github?: GitHubOptions;
  /** Address and key of a Responses endpoint; none = no model configured. */
  model?: { url: string; key?: string; name?: string };
  /** Appended to `.github/guruguru.yml` after the default workdir. */
  settings?: string;
  appEnv?: Record<string, string>;
  runnerEnv?: Record<string, string>;
}

export async function startLoop(options: LoopOptions = {}): Promise<Loop> {
  const folder = await mkdtemp(join(tmpdir(), 'guruguru-'));
  const workdir = await mkdtemp(join(folder, 'workspace-'));
  await writeFile(join(workdir, 'README.md'), '# hello\n\nA small workspace.\n');
  const github = await startGitHub(options.github);
  const settings = `defaults:\n  workdir: ${workdir}\n${options.settings ?? ''}`;
  await github.as('octo').push('main', { '.github/guruguru.yml': settings }, 'Configure guruguru');
  const started: CliProcess[] = [];
  let app: CliProcess | undefined;
  let url = '';

  const env: Record<string, string> = {
    APP_ID: String(github.app.id),
    PRIVATE_KEY: github.app.privateKey,
    WEBHOOK_SECRET: github.app.webhookSecret,
    GITHUB_API_URL: github.url,
    GURUGURU_DATA_DIR: join(folder, 'data'),
    GURUGURU_WRITE_BUDGET: 'off',
    HOST: '127.0.0.1',
    PORT: '0',
    ...(options.model
      ? {
          OPENAI_BASE_URL: options.model.url,
          OPENAI_API_KEY: options.model.key ?? 'test-key',
          ...(options.model.name ? { GURUGURU_MODEL: options.model.name } : {}),
        }
      : {}),
    ...options.appEnv,
  };

  const loop: Loop = {
    github,
    folder,
    workdir,
    appUrl: () => url,
    appEnv: env,
    app() {
      if (!app) throw new Error('the app was not started');
      return app;
    },
    async startApp(until = 'working') {
      // The same port again, so that a runner finds a restarted app where it was.
      const port = url ? new URL(url).port : '0';
      const child = startCli(['app'], { env: { ...env, PORT: port }, cwd: folder });
      started.push(child);
      const [, address = ''] = await child.line(/"url":"(http:[^"]+)".*is listening/);
      if (until === 'working') await child.line(/"msg":"working"/);
      app = child;
      url = address;
      github.webhooks.setUrl(`${url}/api/github/webhooks`);
      return child;
    },
    async startRunner(name = 'devbox', extra = {}, args = []) {
      const token = extra.GURUGURU_RUNNER_TOKEN ?? (await loop.createToken(name, 'octo/hello'));
      const child = startCli(['runner', ...args], {
        env: {
          GURUGURU_URL: url,
          GURUGURU_RUNNER_TOKEN: token,
          GURUGURU_RUNNER_NAME: name,
          GURUGURU_RUNNER_LABELS: 'devbox',
          GURUGURU_WORKDIR_ROOTS: workdir,
          GURUGURU_RUNNER_STATE_DIR: join(folder, `runner-${name}`),
          ...options.runnerEnv,
          ...extra,
        },
        cwd: folder,
      });
      started.push(child);
      return child;
    },
    async createToken(name, repository) {
      const made = startCli(['token', 'create', name, '--repo', repository], {
        env: {
          GURUGURU_DATA_DIR: env.GURUGURU_DATA_DIR ?? '',
          ...(env.DATABASE_URL ? { DATABASE_URL: env.DATABASE_URL } : {}),
        },
        cwd: folder,
      });
      const [token] = await made.line(/^ggr_\S+$/);
      await made.exited;
      return token;
    },
    async close() {
      // Runners first: one that loses its app while it waits has nothing to say, but logs that it tries.
      for (const child of started.reverse()) {
        child.kill('SIGKILL');
        await child.exited;
      }
      await github.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  await loop.startApp();
  return loop;
}
