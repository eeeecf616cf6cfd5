import { subscribe } from 'node:diagnostics_channel';
import { chmodSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Logger } from 'pino';
import { run } from 'probot';
import { type AppConfig, ConfigError } from '../config.ts';
import { WEBHOOK_PATH } from '../loop/http.ts';
import { packageFile } from './package-file.ts';

const PACKAGE_ROOT = dirname(packageFile('app.yml'));
/** What the app reads. Probot would keep the OAuth secret too, which nothing here uses. */
const KEPT = ['APP_ID', 'PRIVATE_KEY', 'WEBHOOK_SECRET'];

/**
 * Probot's registration page, from this package's app.yml. What Probot does by itself is guarded here: it
 * would make a smee.io channel unasked, read app.yml from the working directory, register `<base>/` as the
 * webhook URL (measured, design section 10), and refuse to serve the page where NODE_ENV is production.
 * @throws ConfigError when it cannot listen
 */
export async function startSetup(config: AppConfig, log: Logger): Promise<void> {
  const envFile = join(process.cwd(), '.env');
  process.env.NO_SMEE_SETUP = 'true';
  process.env.NODE_ENV = 'development';
  useServerOf(config.githubApiUrl);
  const polls = config.ingress === 'poll';
  process.chdir(polls ? withoutWebhook() : PACKAGE_ROOT);
  if (!polls && !config.webhookProxyUrl) registerOwnWebhookUrl();
  await run(() => {}, {
    env: { PORT: String(config.port), HOST: config.host, LOG_LEVEL: config.logLevel, LOG_FORMAT: 'json' },
    updateEnv: (values: Record<string, string>) => {
      saveEnv(envFile, values);
      log.info({ file: envFile }, 'the GitHub App is registered; start again to use it');
      return values;
    },
  } as Parameters<typeof run>[1]).catch((error: Error) => {
    if (!('syscall' in error)) throw error;
    throw new ConfigError([`PORT: cannot listen on ${config.host}:${config.port}: ${error.message}`]);
  });
  log.info(
    // Probot takes 0 for unset.
    { page: `http://${config.host}:${config.port || 3000}/probot`, file: envFile },
    'no credentials: open the page to register the GitHub App; they are written to the file, then start again',
  );
  if (!polls && !config.webhookProxyUrl) {
    log.info(
      'GitHub refuses a webhook address that it cannot reach, such as localhost: open the page by a public ' +
        'address of this machine, or set GURUGURU_INGRESS=poll first, which needs none',
    );
  }
}

/** A folder whose app.yml is ours with the webhook turned off: nothing would hear it. GitHub wants an address all the same. */
function withoutWebhook(): string {
  const folder = mkdtempSync(join(tmpdir(), 'guruguru-setup-'));
  const manifest = readFileSync(join(PACKAGE_ROOT, 'app.yml'), 'utf8');
  const hook = 'hook_attributes:\n  url: https://example.com/guruguru\n  active: false\n';
  writeFileSync(join(folder, 'app.yml'), `${manifest}\n${hook}`);
  return folder;
}

/** Probot knows GitHub Enterprise by these variables, and adds /api/v3 itself. */
function useServerOf(githubApiUrl: string): void {
  const { protocol, host, pathname } = new URL(githubApiUrl);
  if (pathname !== '/api/v3') return;
  process.env.GHE_HOST = host;
  process.env.GHE_PROTOCOL = protocol.replace(':', '');
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
  // Without a webhook GitHub may give no secret for it.
  const own = Object.entries(values).filter(([name, value]) => KEPT.includes(name) && value);
  const before = existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : [];
  const kept = before.filter((line) => !own.some(([name]) => line.startsWith(`${name}=`)));
  const lines = [...kept, ...own.map(([name, value]) => `${name}=${quoted(value)}`)];
  writeFileSync(path, `${lines.join('\n').trimStart()}\n`, { mode: 0o600 });
  // The mode above is only for a new file.
  chmodSync(path, 0o600);
}

/** As `.env` files are read by Node: `\n` is a line end between double quotes only. */
function quoted(value: string): string {
  const plain = String(value).replace(/^"|"$/g, '').trim();
  if (plain.includes('\n')) return `"${plain.replaceAll('\n', '\\n')}"`;
  if (/^[\w.-]*$/.test(plain)) return plain;
  return plain.includes("'") ? `"${plain}"` : `'${plain}'`;
}
