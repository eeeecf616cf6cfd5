import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  appEnvironment,
  ConfigError,
  type Environment,
  parseAppConfig,
  parseRunnerConfig,
  parseStorePlace,
  runnerEnvironment,
} from '../src/config.ts';
import { tempDir } from './support/store.ts';

const PEM = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
}).privateKey.trim();

const CREDENTIALS = { APP_ID: '7', PRIVATE_KEY: PEM, WEBHOOK_SECRET: 's' };
const RUNNER = {
  GURUGURU_URL: 'https://guru.example',
  GURUGURU_RUNNER_TOKEN: 'ggr_x',
  GURUGURU_WORKDIR_ROOTS: '/workspace',
};

function problems(parse: (env: Environment) => unknown, env: Environment): string[] {
  try {
    parse(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('parseAppConfig', () => {
  it('has a default for everything but the credentials', () => {
    expect(parseAppConfig({})).toEqual({
      credentials: null,
      port: 3000,
      host: 'localhost',
      logLevel: 'info',
      webhookProxyUrl: null,
      githubApiUrl: 'https://api.github.com',
      model: null,
      dataDir: resolve('.guruguru'),
      databaseUrl: null,
      writeBudget: 'on',
      paused: false,
      ingress: 'webhook',
      reconcileSeconds: 120,
      tls: null,
      trustedProxies: [],
    });
  });

  it('reads every variable', () => {
    const config = parseAppConfig({
      ...CREDENTIALS,
      PORT: '0',
      HOST: '0.0.0.0',
      LOG_LEVEL: 'debug',
      WEBHOOK_PROXY_URL: 'https://smee.example/abc',
      GITHUB_API_URL: 'https://ghe.example/api/v3/',
      OPENAI_API_KEY: 'sk-1',
      OPENAI_BASE_URL: 'http://127.0.0.1:9/v1',
      GURUGURU_MODEL: 'small',
      GURUGURU_DATA_DIR: '/var/lib/guruguru',
      DATABASE_URL: 'postgres://guru:secret@db/loop',
      GURUGURU_WRITE_BUDGET: 'off',
      GURUGURU_INGRESS: 'webhook',
      GURUGURU_RECONCILE_SECONDS: '30',
      GURUGURU_TRUSTED_PROXIES: '10.0.0.5, fd00::/8',
    });
    expect(config).toEqual({
      credentials: { appId: 7, privateKey: PEM, webhookSecret: 's' },
      port: 0,
      host: '0.0.0.0',
      logLevel: 'debug',
      webhookProxyUrl: 'https://smee.example/abc',
      githubApiUrl: 'https://ghe.example/api/v3',
      model: { apiKey: 'sk-1', baseUrl: 'http://127.0.0.1:9/v1', name: 'small' },
      dataDir: '/var/lib/guruguru',
      databaseUrl: 'postgres://guru:secret@db/loop',
      writeBudget: 'off',
      paused: false,
      ingress: 'webhook',
      reconcileSeconds: 30,
      tls: null,
      trustedProxies: ['10.0.0.5', 'fd00::/8'],
    });
  });

  it('takes an empty or blank value as unset', () => {
    const names = Object.keys(appEnvironment.shape);
    expect(parseAppConfig(Object.fromEntries(names.map((name) => [name, ' '])))).toEqual(parseAppConfig({}));
  });

  it('refuses the secret that everybody knows', () => {
    expect(problems(parseAppConfig, { ...CREDENTIALS, WEBHOOK_SECRET: 'development' })).toEqual([
      expect.stringMatching(/^WEBHOOK_SECRET: .*Probot/),
    ]);
  });

  it.each([
    ['GURUGURU_TRUSTED_PROXIES', { GURUGURU_TRUSTED_PROXIES: 'proxy.example' }],
    ['GURUGURU_TRUSTED_PROXIES', { GURUGURU_TRUSTED_PROXIES: '10.0.0.5, 10.0.0.0/33' }],
    ['GURUGURU_TLS_CERT', { GURUGURU_TLS_CERT: '/nowhere/cert.pem' }],
    ['GURUGURU_TLS_KEY', { GURUGURU_TLS_CERT: new URL(import.meta.url).pathname }],
    [
      'GURUGURU_TLS_CERT',
      {
        GURUGURU_TLS_CERT: new URL(import.meta.url).pathname,
        GURUGURU_TLS_KEY: new URL(import.meta.url).pathname,
      },
    ],
  ])('names %s when calls could be read on their way: %o', (name, env) => {
    expect(
      problems(parseAppConfig, { ...CREDENTIALS, ...env }).map((problem) => problem.split(':')[0]),
    ).toEqual([name]);
  });

  it('reports every mistake together, the variable first', () => {
    const found = problems(parseAppConfig, {
      APP_ID: 'abc',
      PRIVATE_KEY_PATH: '/nowhere/app.pem',
      PORT: '70000',
      LOG_LEVEL: 'loud',
      WEBHOOK_PROXY_URL: 'smee.io/abc',
      GITHUB_API_URL: 'ftp://x',
      OPENAI_BASE_URL: 'localhost',
      GURUGURU_WRITE_BUDGET: 'no',
    });
    expect(found.map((problem) => problem.split(':')[0])).toEqual([
      'APP_ID',
      'PORT',
      'LOG_LEVEL',
      'WEBHOOK_PROXY_URL',
      'GITHUB_API_URL',
      'OPENAI_BASE_URL',
      'GURUGURU_WRITE_BUDGET',
      'PRIVATE_KEY_PATH',
      'WEBHOOK_SECRET',
    ]);
    expect(found.join('\n')).toContain('a whole number above 0');
    expect(found.join('\n')).toContain('a port number, 0 to 65535');
    expect(found.join('\n')).toContain('trace, debug, info, warn, error, fatal, silent');
  });

  it.each(['APP_ID', 'PRIVATE_KEY', 'WEBHOOK_SECRET'] as const)('refuses to go on without %s', (name) => {
    const found = problems(parseAppConfig, { ...CREDENTIALS, [name]: '' });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(
      name === 'PRIVATE_KEY' ? /^PRIVATE_KEY_PATH: is missing/ : `${name}: is missing`,
    );
  });

  it('asks for no webhook secret where no webhook comes, and keeps none', () => {
    const { WEBHOOK_SECRET: _, ...others } = CREDENTIALS;
    const polls = { GURUGURU_INGRESS: 'poll' };
    const config = parseAppConfig({ ...others, ...polls });
    expect(config).toMatchObject({
      ingress: 'poll',
      reconcileSeconds: 10,
      credentials: { webhookSecret: null },
    });
    expect(parseAppConfig({ ...CREDENTIALS, ...polls })).toEqual(config);
    expect(
      problems(parseAppConfig, { ...others, ...polls, WEBHOOK_PROXY_URL: 'https://smee.example/a' }),
    ).toEqual([expect.stringMatching(/^WEBHOOK_PROXY_URL: .*remove one/)]);
    expect(
      problems(parseAppConfig, { GURUGURU_INGRESS: 'smee', GURUGURU_RECONCILE_SECONDS: '0' }),
    ).toHaveLength(2);
  });

  it('says in one message what is wrong and where to find it', () => {
    expect(new ConfigError(['PORT: is odd']).message).toBe('The settings have a problem:\n  - PORT: is odd');
    expect(new ConfigError(['A: x', 'B: y']).message).toBe(
      'The settings have 2 problems:\n  - A: x\n  - B: y',
    );
  });
});

describe('the private key', () => {
  const keyOf = (env: Environment) =>
    parseAppConfig({ APP_ID: '7', WEBHOOK_SECRET: 's', ...env }).credentials?.privateKey;

  it.each([
    ['as it is', PEM],
    ['on one line with \\n', PEM.replaceAll('\n', '\\n')],
    ['in base64', Buffer.from(PEM).toString('base64')],
    ['with blank space around it', `\n${PEM}\n\n`],
  ])('is read %s', (_, text) => {
    expect(keyOf({ PRIVATE_KEY: text })).toBe(PEM);
  });

  it('is read from its file, PKCS#8 too', () => {
    const file = join(tempDir(), 'app.pem');
    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    writeFileSync(file, privateKey);
    expect(keyOf({ PRIVATE_KEY_PATH: file })).toBe(privateKey.trim());
  });

  const ec = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  it.each([
    ['no PEM at all', 'hello'],
    ['a public key', ec.publicKey],
    ['a key of another sort', ec.privateKey],
    ['a PEM cut short', PEM.slice(0, 400)],
  ])('is refused when it is %s', (_, text) => {
    const found = problems(parseAppConfig, { ...CREDENTIALS, PRIVATE_KEY: text });
    expect(found).toEqual([
      expect.stringMatching(/^PRIVATE_KEY: is not a PEM private key .* download a new one/),
    ]);
    expect(found.join()).not.toContain(text);
  });

  it('names the file that is missing, or that holds something else', () => {
    const folder = tempDir();
    const missing = { APP_ID: '7', WEBHOOK_SECRET: 's', PRIVATE_KEY_PATH: join(folder, 'none.pem') };
    expect(problems(parseAppConfig, missing)).toEqual([
      expect.stringMatching(
        /^PRIVATE_KEY_PATH: cannot read .*none\.pem .*ENOENT.*give the path of the \.pem/,
      ),
    ]);
    writeFileSync(join(folder, 'other.pem'), 'hello');
    expect(problems(parseAppConfig, { ...missing, PRIVATE_KEY_PATH: join(folder, 'other.pem') })).toEqual([
      expect.stringMatching(/^PRIVATE_KEY_PATH: is not a PEM private key/),
    ]);
  });
});

describe('parseRunnerConfig', () => {
  it('needs an address, a token and roots; the rest has defaults', () => {
    const config = parseRunnerConfig({ ...RUNNER, GURUGURU_URL: 'https://guru.example/' });
    expect(config).toMatchObject({ url: 'https://guru.example', token: 'ggr_x', labels: [] });
    expect(config.name).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/);
    expect(config.stateDir.endsWith(join('.guruguru', 'runner', config.name))).toBe(true);
  });

  it('reads every variable', () => {
    const config = parseRunnerConfig({
      ...RUNNER,
      GURUGURU_RUNNER_NAME: 'mac-1',
      GURUGURU_RUNNER_LABELS: 'mac, arm64 ,,',
      GURUGURU_RUNNER_STATE_DIR: '/var/lib/runner',
      GURUGURU_VERIFY_TOKEN: 'github_pat_x',
      GURUGURU_VERIFY_REPOSITORIES: 'Octo/Hello, octo/other',
      GURUGURU_SANDBOX: 'bwrap',
      GURUGURU_SANDBOX_READ: '/home/a/.kube/config, ',
      GURUGURU_SANDBOX_NETWORK: 'off',
      GURUGURU_CODEX_CONFIG: 'model_provider="proxy"; model_providers.proxy={name="p"} ;',
    });
    expect(config).toEqual({
      url: 'https://guru.example',
      token: 'ggr_x',
      name: 'mac-1',
      labels: ['mac', 'arm64'],
      workdirRoots: '/workspace',
      stateDir: '/var/lib/runner',
      sandbox: { kind: 'bwrap', read: ['/home/a/.kube/config'], network: 'off' },
      verify: null,
      kubernetes: null,
      codexConfig: ['model_provider="proxy"', 'model_providers.proxy={name="p"}'],
    });
  });

  it('takes what --verify asks with only where that is given, and then insists on it', () => {
    const verify = { GURUGURU_VERIFY_TOKEN: 'pat', GURUGURU_VERIFY_REPOSITORIES: 'Octo/Hello, octo/other' };
    expect(parseRunnerConfig({ ...RUNNER, ...verify }).verify).toBeNull();
    expect(parseRunnerConfig({ ...RUNNER, ...verify }, { verify: true }).verify).toEqual({
      api: 'https://api.github.com',
      token: 'pat',
      repositories: ['octo/hello', 'octo/other'],
    });
    expect(problems((env) => parseRunnerConfig(env, { verify: true }), RUNNER)).toEqual([
      expect.stringMatching(/^GURUGURU_VERIFY_TOKEN: is missing/),
      expect.stringMatching(/^GURUGURU_VERIFY_REPOSITORIES: is missing/),
    ]);
    expect(problems(parseRunnerConfig, { ...RUNNER, GURUGURU_VERIFY_REPOSITORIES: 'hello' })).toEqual([
      expect.stringMatching(/^GURUGURU_VERIFY_REPOSITORIES: must be owner\/name/),
    ]);
  });

  it('takes no setting of a sandbox for nothing', () => {
    for (const [name, value] of [
      ['GURUGURU_SANDBOX_NETWORK', 'off'],
      ['GURUGURU_SANDBOX_READ', '/etc/x'],
    ] as const) {
      expect(problems(parseRunnerConfig, { ...RUNNER, [name]: value })).toEqual([
        expect.stringMatching(new RegExp(`^${name}: needs a sandbox: set GURUGURU_SANDBOX`)),
      ]);
    }
  });

  it('says what is missing and how to get it, all at once', () => {
    const found = problems(parseRunnerConfig, { GURUGURU_URL: ' ' });
    expect(found).toEqual([
      expect.stringMatching(/^GURUGURU_URL: is missing; .*http:\/\/localhost:3000/),
      expect.stringMatching(/^GURUGURU_RUNNER_TOKEN: is missing; .*guruguru token create/),
      expect.stringMatching(/^GURUGURU_WORKDIR_ROOTS: is missing; .*\/workspace/),
    ]);
  });

  it('says what is wrong', () => {
    const found = problems(parseRunnerConfig, {
      ...RUNNER,
      GURUGURU_URL: 'devbox:3000',
      GURUGURU_RUNNER_NAME: '-x',
      GURUGURU_RUNNER_LABELS: 'good,not good',
      GURUGURU_CODEX_CONFIG: '--yolo',
    });
    expect(found).toEqual([
      expect.stringMatching(/^GURUGURU_URL: must be an http\(s\) URL/),
      expect.stringMatching(/^GURUGURU_RUNNER_NAME: "-x" must be 1-63 letters/),
      expect.stringMatching(/^GURUGURU_RUNNER_LABELS: "not good" must be/),
      expect.stringMatching(/^GURUGURU_CODEX_CONFIG: must be key=value/),
    ]);
  });
});

describe('parseStorePlace', () => {
  it('needs nothing else to be right', () => {
    const url = 'postgresql://guru:p%40ss@db:5433/loop?sslmode=require';
    expect(parseStorePlace({ PORT: 'x', GURUGURU_DATA_DIR: '/data' })).toEqual({
      dataDir: '/data',
      databaseUrl: null,
    });
    expect(parseStorePlace({ GURUGURU_DATA_DIR: '', DATABASE_URL: url })).toEqual({
      dataDir: resolve('.guruguru'),
      databaseUrl: url,
    });
  });

  it.each(['db', 'mysql://db/loop', 'postgres://db', 'postgres://db:5432/', 'postgres://u:p/q@db/loop'])(
    'refuses %s as DATABASE_URL, showing the form',
    (url) => {
      expect(problems(parseStorePlace, { DATABASE_URL: url })).toEqual([
        expect.stringMatching(/^DATABASE_URL: must be postgres:\/\/host:port\/database with user:password@/),
      ]);
      expect(problems(parseAppConfig, { DATABASE_URL: url })).toHaveLength(1);
    },
  );
});

describe('.env.example', () => {
  const example = parseEnv(readFileSync(new URL('../.env.example', import.meta.url), 'utf8'));
  const app = Object.keys(appEnvironment.shape);
  const runner = Object.keys(runnerEnvironment.shape);

  it('names every variable and no other', () => {
    expect(Object.keys(example).sort()).toEqual([...app, ...runner].sort());
  });

  it('says the defaults that hold without it', () => {
    expect(parseAppConfig(example)).toEqual(parseAppConfig({}));
    const values = Object.entries(example).filter(([name, value]) => value !== '' && app.includes(name));
    expect(values.map(([name]) => name).sort()).toEqual(
      Object.entries(appEnvironment.shape)
        .filter(([, type]) => type.safeParse(undefined).data !== undefined)
        .map(([name]) => name)
        .sort(),
    );
    expect(runner.filter((name) => example[name] !== '')).toEqual([]);
  });
});
