import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import type { AppOptions } from '../../src/app.ts';
import { WORKDIR } from './app.ts';
import { postgresDatabase } from './backends.ts';
import { type Balancer, startBalancer } from './balancer.ts';
import { APP_MAIN, type CliProcess, startCli } from './cli-process.ts';
import { type GitHubServer, startGitHub } from './github/start-github.ts';
import { administer } from './postgres.ts';

interface Replica {
  url: string;
  /** What its rows in `work` say. */
  owner: string;
  process: CliProcess;
}

/** Several apps as processes on one Postgres, behind one address, with GitHub emulated. */
export interface Replicas {
  github: GitHubServer;
  apps: Replica[];
  balancer: Balancer;
  /** A runner's, for the first repository. */
  token: string;
  query(sql: string): Promise<Record<string, unknown>[]>;
  /** Resolves when every delivery has arrived and nothing is left to do. */
  nothingDue(timeoutMs?: number): Promise<void>;
  close(): Promise<void>;
}

export async function startReplicas(count: number, options: AppOptions): Promise<Replicas> {
  const folder = await mkdtemp(join(tmpdir(), 'guruguru-replicas-'));
  const databaseUrl = await postgresDatabase();
  const github = await startGitHub();
  const settings = `defaults:\n  workdir: ${WORKDIR}\n`;
  await github.as('octo').push('main', { '.github/guruguru.yml': settings }, 'Configure guruguru');
  const env = {
    APP_ID: String(github.app.id),
    PRIVATE_KEY: github.app.privateKey,
    WEBHOOK_SECRET: github.app.webhookSecret,
    GITHUB_API_URL: github.url,
    DATABASE_URL: databaseUrl,
    GURUGURU_WRITE_BUDGET: 'off',
    HOST: '127.0.0.1',
    PORT: '0',
  };
  const started: CliProcess[] = [];
  const start = async (): Promise<Replica> => {
    const child = startCli([JSON.stringify(options)], { env, cwd: folder, script: APP_MAIN });
    started.push(child);
    const [, url = '', owner = ''] = await child.line(
      /"url":"(http:[^"]+)".*"owner":"([^"]+)".*is listening/,
    );
    await child.line(/"msg":"working"/);
    return { url, owner, process: child };
  };
  const apps = await Promise.all(Array.from({ length: count }, start));
  const balancer = await startBalancer(apps.map(({ url }) => url));
  github.webhooks.setUrl(`${balancer.url}/api/github/webhooks`);
  const made = startCli(['token', 'create', 'fleet', '--repo', 'octo/hello'], { env, cwd: folder });
  const [token] = await made.line(/^ggr_\S+$/);
  const query = (sql: string) => administer(databaseUrl, sql);
  return {
    github,
    apps,
    balancer,
    token,
    query,
    async nothingDue(timeoutMs = 20_000) {
      await github.webhooks.idle();
      await vi.waitFor(
        async () =>
          expect(
            await query(
              "select key, last_error from work where key not in ('leases', 'reconcile') and key not like 'costs:%'",
            ),
          ).toEqual([]),
        { timeout: timeoutMs, interval: 100 },
      );
    },
    async close() {
      for (const child of started) {
        child.kill('SIGKILL');
        await child.exited;
      }
      balancer.close();
      await github.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
