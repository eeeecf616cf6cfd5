import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type CliProcess, startCli } from '../support/cli-process.ts';
import { type GitHubServer, startGitHub } from '../support/github/start-github.ts';

/** Prints every host that the process looks up or connects to. */
const WATCH = `data:text/javascript,${encodeURIComponent(`
import net from 'node:net';
import dns from 'node:dns';
const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...args) {
  const flat = args.flat();
  const options = flat.find((one) => typeof one === 'object' && one) ?? { port: flat[0], host: flat[1] };
  console.log('CONNECTS', options.host ?? options.path ?? 'localhost', options.port);
  return connect.apply(this, args);
};
const lookup = dns.lookup;
dns.lookup = (host, ...rest) => { console.log('LOOKS UP', host); return lookup(host, ...rest); };
`)}`;

let github: GitHubServer;
/** The emulator as GitHub Enterprise serves its API: below /api/v3. */
let enterprise: Server;
let enterpriseUrl: string;
let folder: string;
const started: CliProcess[] = [];

beforeAll(async () => {
  github = await startGitHub();
  enterprise = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { host: _, connection: __, 'content-length': ___, ...headers } = request.headers;
    const answer = await fetch(`${github.url}${request.url?.replace(/^\/api\/v3/, '')}`, {
      method: request.method ?? 'GET',
      headers: headers as Record<string, string>,
      ...(chunks.length > 0 ? { body: Buffer.concat(chunks) } : {}),
    });
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
    response.end(await answer.text());
  });
  await new Promise<void>((resolve) => enterprise.listen(0, '127.0.0.1', resolve));
  enterpriseUrl = `http://127.0.0.1:${(enterprise.address() as AddressInfo).port}`;
  folder = await mkdtemp(join(tmpdir(), 'guruguru-setup-'));
});
afterEach(async () => {
  for (const child of started.splice(0)) {
    child.kill('SIGKILL');
    await child.exited;
  }
});
afterAll(async () => {
  enterprise.closeAllConnections();
  await new Promise((resolve) => enterprise.close(resolve));
  await github.close();
  await rm(folder, { recursive: true, force: true });
});

/** Probot does not listen on port 0. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function startSetup(env: Record<string, string> = {}): Promise<{ app: CliProcess; url: string }> {
  const port = await freePort();
  const app = startCli(['app'], {
    cwd: folder,
    nodeArgs: ['--import', WATCH],
    env: { HOST: '127.0.0.1', PORT: String(port), ...env },
  });
  started.push(app);
  const [, page = ''] = await app.line(/"page":"([^"]+)".*open the page to register the GitHub App/);
  return { app, url: new URL(page).origin };
}

/** The manifest in the page's form, and where the form goes. */
async function formOf(url: string, headers: Record<string, string> = {}) {
  const html = await (await fetch(`${url}/probot`, { headers })).text();
  const manifest = JSON.parse(/value='([^']*)'/.exec(html)?.[1] ?? '{}') as {
    name: string;
    hook_attributes: { url: string; active?: boolean };
    redirect_url: string;
    default_permissions: Record<string, string>;
    default_events: string[];
    public: boolean;
  };
  return { manifest, action: /action="([^"]*)"/.exec(html)?.[1] };
}

describe('npm start without credentials', () => {
  it('serves the registration page of app.yml from any folder, and speaks to nobody', async () => {
    const { app, url } = await startSetup();
    const { manifest, action } = await formOf(url);
    expect(action).toBe('https://github.com/settings/apps/new');
    expect(manifest).toMatchObject({
      name: 'guruguru',
      public: false,
      hook_attributes: { url: `${url}/api/github/webhooks` },
      redirect_url: `${url}/probot/setup`,
      default_permissions: { contents: 'write', checks: 'write' },
    });
    expect(manifest.default_events).toContain('issue_comment');
    await app.line(/GitHub refuses a webhook address that it cannot reach.*GURUGURU_INGRESS=poll/);
    expect(app.lines.filter((line) => /CONNECTS|LOOKS UP/.test(line) && !line.includes('127.0.0.1'))).toEqual(
      [],
    );
  });

  it('registers the address by which the page was opened', async () => {
    const { url } = await startSetup({ NODE_ENV: 'production' });
    const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'guru.example' };
    const { manifest } = await formOf(url, headers);
    expect(manifest.hook_attributes.url).toBe('https://guru.example/api/github/webhooks');
    expect((await formOf(url)).manifest.hook_attributes.url).toBe(`${url}/api/github/webhooks`);
  });

  it('registers the channel of WEBHOOK_PROXY_URL', async () => {
    const { url } = await startSetup({ WEBHOOK_PROXY_URL: 'https://smee.example/abc' });
    expect((await formOf(url)).manifest.hook_attributes.url).toBe('https://smee.example/abc');
  });

  it('registers no webhook where GitHub is asked instead', async () => {
    const { app, url } = await startSetup({ GURUGURU_INGRESS: 'poll' });
    const { manifest } = await formOf(url);
    expect(manifest).toMatchObject({
      name: 'guruguru',
      hook_attributes: { url: 'https://example.com/guruguru', active: false },
      redirect_url: `${url}/probot/setup`,
    });
    expect(app.lines.join('\n')).not.toContain('GitHub refuses a webhook address');
  });

  it('says in one line that its port is taken', async () => {
    const { port } = enterprise.address() as AddressInfo;
    const app = startCli(['app'], { cwd: folder, env: { HOST: '127.0.0.1', PORT: String(port) } });
    started.push(app);
    expect(await app.exited).toBe(1);
    expect(app.lines.join('\n')).toContain(`PORT: cannot listen on 127.0.0.1:${port}`);
    expect(app.lines.join('\n')).not.toMatch(/^ {4}at /m);
  });
});

describe('registering', () => {
  it('writes .env where the app was started, and starting again works with it', async () => {
    const env = { GITHUB_API_URL: `${enterpriseUrl}/api/v3`, GURUGURU_WRITE_BUDGET: 'off' };
    const file = join(folder, '.env');
    await writeFile(file, '# mine\nAPP_ID=\nGURUGURU_MODEL=small\n', { mode: 0o644 });
    const { app, url } = await startSetup(env);
    expect((await formOf(url)).action).toBe(`${enterpriseUrl}/settings/apps/new`);

    const back = await fetch(`${url}/probot/setup?code=abc`, { redirect: 'manual' });
    expect(back.status).toBe(302);
    expect(back.headers.get('location')).toMatch(/\/installations\/new$/);
    await app.line(/the GitHub App is registered; start again/);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const text = await readFile(file, 'utf8');
    expect(text.startsWith('# mine\nGURUGURU_MODEL=small\n')).toBe(true);
    expect(parseEnv(text)).toEqual({
      GURUGURU_MODEL: 'small',
      APP_ID: String(github.app.id),
      PRIVATE_KEY: github.app.privateKey.trim(),
      WEBHOOK_SECRET: expect.stringMatching(/./) as string,
    });

    app.kill('SIGTERM');
    await app.exited;
    const again = startCli(['app'], { cwd: folder, env: { ...env, HOST: '127.0.0.1', PORT: '0' } });
    started.push(again);
    await again.line(/"msg":"working"/);
  });

  it('takes the credentials of an App that exists', async () => {
    await rm(join(folder, '.env'), { force: true });
    const { url } = await startSetup();
    const body = JSON.stringify({ appId: '9', pem: github.app.privateKey, webhook_secret: 'a b#"c' });
    expect((await fetch(`${url}/probot/import`, { method: 'POST', body })).status).toBe(200);
    expect(parseEnv(await readFile(join(folder, '.env'), 'utf8'))).toEqual({
      APP_ID: '9',
      PRIVATE_KEY: github.app.privateKey.trim(),
      WEBHOOK_SECRET: 'a b#"c',
    });
  });
});
