import { subscribe } from 'node:diagnostics_channel';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { dirname, join } from 'node:path';
import type { Logger } from 'pino';
import { run } from 'probot';
import type { AppConfig } from '../config.ts';
import { WEBHOOK_PATH } from '../loop/http.ts';
import { packageFile } from './package-file.ts';

const PACKAGE_ROOT = dirname(packageFile('app.yml'));

/**
 * Probot's registration page, from this package's app.yml. What Probot does by itself is guarded here: it
 * would make a smee.io channel unasked, read app.yml from the working directory, and register `<base>/`
 * as the webhook URL (measured, design section 10).
 */
export async function startSetup(config: AppConfig, log: Logger): Promise<void> {
  const envFile = join(process.cwd(), '.env');
  process.env.NO_SMEE_SETUP = 'true';
  process.chdir(PACKAGE_ROOT);
  if (!config.webhookProxyUrl) registerOwnWebhookUrl();
  await run(() => {}, {
    env: {
      PORT: String(config.port),
      HOST: config.host,
      LOG_LEVEL: config.logLevel,
      NODE_ENV: 'development',
    },
    updateEnv: (values: Record<string, string>) => {
      saveEnv(envFile, values);
      return values;
    },
  } as Parameters<typeof run>[1]);
  log.info(
    { page: `http://${config.host}:${config.port}/probot` },
    'no credentials: open the page to register the GitHub App; they are written to .env here, then start again',
  );
}

/** Probot takes the webhook URL from this variable when it renders the page, so it follows the address in use. */
function registerOwnWebhookUrl(): void {
  subscribe('http.server.request.start', (message) => {
    const { request } = message as { request: IncomingMessage };
    const proto = String(request.headers['x-forwarded-proto'] ?? 'http').split(',')[0];
    const host = request.headers['x-forwarded-host'] ?? request.headers.host;
    process.env.WEBHOOK_PROXY_URL = `${proto}://${host}${WEBHOOK_PATH}`;
  });
}

/** Adds or replaces lines; the file holds the App's key, so only its owner may read it. */
function saveEnv(path: string, values: Record<string, string>): void {
  const own = Object.fromEntries(Object.entries(values).filter(([name]) => name !== 'WEBHOOK_PROXY_URL'));
  const before = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
  const kept = before.filter((line) => !Object.keys(own).some((name) => line.startsWith(`${name}=`)));
  const added = Object.entries(own).map(([name, value]) => `${name}=${quoted(value)}`);
  writeFileSync(path, `${[...kept.filter((line) => line !== ''), ...added].join('\n')}\n`, { mode: 0o600 });
}

function quoted(value: string): string {
  const plain = value.replace(/^"|"$/g, '');
  return plain.includes('\n') ? `"${plain.trim().replaceAll('\n', '\\n')}"` : plain;
}
