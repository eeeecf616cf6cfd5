import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { type AppOptions, type RunningApp, startApp } from '../../src/app.ts';
import { RECONCILE_KEY } from '../../src/loop/reconcile.ts';
import { createToken } from '../../src/store/tokens.ts';
import { enqueue } from '../../src/store/work.ts';
import type { Comment } from './github/person.ts';
import { type GitHubServer, startGitHub } from './github/start-github.ts';
import type { GitHubOptions } from './github/types.ts';
import { type ModelServer, type ModelServerOptions, startModel } from './model.ts';
import { createScriptedRunner, type ScriptedRunner } from './scripted-runner.ts';

/** The workdir of every job that names none. Nothing is run there: the runner is a scripted one. */
export const WORKDIR = '/workspace/hello';

export interface TestAppOptions {
  github?: GitHubOptions;
  /** Appended to `.github/guruguru.yml` after the default workdir. */
  settings?: string;
  /** A model server with these answers; default: no model is configured. */
  model?: ModelServerOptions;
  /** When a failing work item is tried again and given up; default: as in production. */
  worker?: NonNullable<AppOptions['worker']>;
  /** How it hears of GitHub; the reconciler is at work only if this is given. Default: webhooks alone. */
  ingress?: 'webhook' | 'poll';
  /** Between two looks; default an hour, so that tests say when: `reconcile()`. */
  reconcileSeconds?: number;
}

interface LogLine {
  level: number;
  msg: string;
  key?: string;
  err?: { message: string };
}

/** pino's number of the level. */
const WARN = 40;

/** GitHub emulated, and the app in this process. */
export interface TestApp {
  dataDir: string;
  github: GitHubServer;
  model: ModelServer | null;
  /** The app that runs now. */
  app: () => RunningApp;
  /**
   * Stops the app and starts another on the same data, or on what `between` has made of its directory.
   * `paused`: with GURUGURU_PAUSED.
   */
  restart(between?: (dataDir: string) => Promise<void>, change?: { paused?: boolean }): Promise<void>;
  /** The two halves of a restart: what happens in between, the app does not hear. */
  down(): Promise<void>;
  up(): Promise<void>;
  /** Lets the reconciler look now, and all it finds be done. */
  reconcile(): Promise<void>;
  /** A runner with a token for the first repository as it is called now. */
  runner(name?: string): Promise<ScriptedRunner>;
  /** Resolves when every delivery has arrived and nothing is due: what has not happened by then will not. */
  settle(): Promise<void>;
  /** Comments of the app in a thread, oldest first. */
  said(thread: number): Promise<Comment[]>;
  /** Those whose hidden marker begins with `kind`, such as `status`, `final` or `reply`. */
  marked(thread: number, kind: string): Promise<Comment[]>;
  /** What the app logged as a warning or worse: message, work key, error. */
  log: string[];
  close(): Promise<void>;
}

export async function startTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const dataDir = await mkdtemp(join(tmpdir(), 'guruguru-app-'));
  const github = await startGitHub(options.github);
  const repository = github.repository();
  const model = options.model ? await startModel(options.model) : null;
  const log: string[] = [];
  const settings = `defaults:\n  workdir: ${WORKDIR}\n${options.settings ?? ''}`;
  await github.as('octo').push('main', { '.github/guruguru.yml': settings }, 'Configure guruguru');

  async function start(paused = false): Promise<RunningApp> {
    let working = () => {};
    const works = new Promise<void>((resolve) => {
      working = resolve;
    });
    const write = (line: string) => {
      const { level, msg, key, err } = JSON.parse(line) as LogLine;
      if (msg === 'working') working();
      if (level >= WARN) log.push([msg, key, err?.message].filter(Boolean).join(': '));
    };
    const config = {
      credentials: {
        appId: github.app.id,
        privateKey: github.app.privateKey,
        webhookSecret: github.app.webhookSecret,
      },
      port: 0,
      host: '127.0.0.1',
      logLevel: 'info',
      webhookProxyUrl: null,
      githubApiUrl: github.url,
      model: model ? { apiKey: 'test-key', baseUrl: model.url, name: 'test-model' } : null,
      dataDir,
      databaseUrl: null,
      writeBudget: 'off' as const,
      tls: null,
      trustedProxies: [],
      paused,
      ingress: options.ingress ?? 'webhook',
      reconcileSeconds: options.reconcileSeconds ?? 3_600,
    };
    const started = await startApp(config, pino({ level: 'info' }, { write }), {
      ...(options.worker ? { worker: options.worker } : {}),
      reconcile: options.ingress ? 'on' : 'off',
    });
    // Without an address GitHub sends nothing.
    github.webhooks.setUrl(options.ingress === 'poll' ? undefined : `${started.url}/api/github/webhooks`);
    await works;
    return started;
  }
  let app = await start();

  const said: TestApp['said'] = async (thread) =>
    (await github.read.comments(thread)).filter((comment) => comment.author === github.app.botLogin);

  const settle: TestApp['settle'] = async () => {
    for (let before = -1; before !== github.requests.length + github.webhooks.log.length; ) {
      before = github.requests.length + github.webhooks.log.length;
      await github.webhooks.idle();
      await app.worker()?.idle();
    }
  };

  return {
    dataDir,
    github,
    model,
    log,
    app: () => app,
    said,
    marked: async (thread, kind) =>
      (await said(thread)).filter((comment) => comment.body.includes(`<!-- guruguru:${kind}:`)),
    async restart(between, change = {}) {
      await app.stop();
      await between?.(dataDir);
      app = await start(change.paused);
    },
    down: () => app.stop(),
    async up() {
      app = await start();
    },
    async reconcile() {
      await app.store.write((tx) => enqueue(tx, RECONCILE_KEY));
      await settle();
    },
    async runner(name = 'devbox') {
      const { token } = await app.store.write((tx) =>
        createToken(tx, name, [repository.fullName], Date.now()),
      );
      return createScriptedRunner({ url: () => app.url, token, name });
    },
    settle,
    async close() {
      await app.stop();
      await model?.close();
      await github.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
