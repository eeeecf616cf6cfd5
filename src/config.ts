import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { executorEnvironment, readExecutor } from './executor-config.ts';
import type { KubernetesConfig } from './runner/kubernetes/kubernetes-config.ts';
import { codexConfig, listed, type SandboxConfig, sandboxEnvironment, sandboxOf } from './sandbox-config.ts';
import { readTransport, type TransportConfig } from './tls-config.ts';

/** Every mistake in the settings, reported together. `problems` are one line each, name first. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: string[];

  constructor(problems: string[]) {
    super(
      `The settings have ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}:\n${problems.map((p) => `  - ${p}`).join('\n')}`,
    );
    this.problems = problems;
  }
}

export interface Credentials {
  appId: number;
  privateKey: string;
  /** null with `ingress: poll`: no webhook is accepted. */
  webhookSecret: string | null;
}

export interface AppConfig extends TransportConfig {
  /** null: no credentials at all, so the registration page is served. */
  credentials: Credentials | null;
  port: number;
  host: string;
  logLevel: string;
  /** A smee.io-style channel to receive webhooks from, development only. */
  webhookProxyUrl: string | null;
  githubApiUrl: string;
  /** null: prose asks are answered with how to configure a model. */
  model: { apiKey: string; baseUrl: string | null; name: string } | null;
  dataDir: string;
  /** null: the tables are in `dataDir`, on SQLite. */
  databaseUrl: string | null;
  /** GitHub writes per installation are kept within GitHub's limits; `off` only against an emulator. */
  writeBudget: 'on' | 'off';
  /** `poll`: no connection from GitHub is needed, what happens there is asked for. */
  ingress: 'webhook' | 'poll';
  /** Between two looks for what webhooks did not tell. */
  reconcileSeconds: number;
  /** Nothing is planned, merged or leased, in no repository. */
  paused: boolean;
}

export type Environment = Record<string, string | undefined>;

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

const url = z.url({ protocol: /^https?$/, error: 'must be an http(s) URL' });
const runnerUrl = z.url({
  protocol: /^https?$/,
  error: ({ input }) =>
    input === undefined
      ? 'is missing; the address of the app, e.g. http://localhost:3000'
      : 'must be an http(s) URL, the address of the app',
});
const positive = z
  .string()
  .regex(/^[1-9]\d*$/, 'must be a whole number above 0')
  .transform(Number);
const port = z
  .string()
  .regex(/^\d{1,5}$/, 'must be a port number, 0 to 65535')
  .transform(Number)
  .refine((n) => n <= 65_535, 'must be a port number, 0 to 65535');

const databaseUrl = z.string().refine(isDatabaseUrl, {
  error:
    'must be postgres://host:port/database with user:password@ before the host, and characters such as @ / # % in the password as %40 %2F %23 %25; leave it out for SQLite',
});

function isDatabaseUrl(text: string): boolean {
  const parsed = URL.canParse(text) ? new URL(text) : null;
  return parsed !== null && /^postgres(ql)?:$/.test(parsed.protocol) && /^\/[^/]+$/.test(parsed.pathname);
}

/** Every variable of the app; .env.example names the same. */
export const appEnvironment = z.object({
  APP_ID: positive.optional(),
  PRIVATE_KEY: z.string().optional(),
  PRIVATE_KEY_PATH: z.string().optional(),
  WEBHOOK_SECRET: z.string().optional(),
  PORT: port.default(3000),
  HOST: z.string().default('localhost'),
  LOG_LEVEL: z.enum(LOG_LEVELS, { error: `must be one of ${LOG_LEVELS.join(', ')}` }).default('info'),
  WEBHOOK_PROXY_URL: url.optional(),
  GITHUB_API_URL: url.default('https://api.github.com'),
  OPENAI_API_KEY: z.string().optional(),
  OPENAI_BASE_URL: url.optional(),
  GURUGURU_MODEL: z.string().default('gpt-5'),
  GURUGURU_DATA_DIR: z.string().default('.guruguru'),
  DATABASE_URL: databaseUrl.optional(),
  GURUGURU_PAUSED: z.enum(['0', '1'], { error: 'must be 1 (everything is paused) or 0' }).default('0'),
  GURUGURU_WRITE_BUDGET: z.enum(['on', 'off'], { error: 'must be on or off' }).default('on'),
  GURUGURU_INGRESS: z.enum(['webhook', 'poll'], { error: 'must be webhook or poll' }).default('webhook'),
  GURUGURU_RECONCILE_SECONDS: positive.optional(),
  GURUGURU_TLS_CERT: z.string().optional(),
  GURUGURU_TLS_KEY: z.string().optional(),
  GURUGURU_TRUSTED_PROXIES: z.string().optional(),
});

/** Between two looks at GitHub: beside webhooks, and instead of them. */
const RECONCILE_SECONDS = { webhook: 120, poll: 10 };

/** Empty values count as unset: `.env` files are full of `NAME=`. */
function withoutEmpty(env: Environment): Environment {
  return Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ''),
  );
}

function problemsOf(error: z.ZodError): string[] {
  return error.issues.map((issue) => `${String(issue.path[0])}: ${issue.message}`);
}

type GivenKey = { kind: 'absent' } | { kind: 'wrong'; problem: string } | { kind: 'read'; pem: string };

/** Reads the PEM from the setting or its file; `\n` written as two characters and base64 are accepted, as in Probot. */
function readPrivateKey(env: Environment): GivenKey {
  if (env.PRIVATE_KEY) {
    const text = env.PRIVATE_KEY.replaceAll('\\n', '\n');
    const pem = text.includes('-----BEGIN') ? text : Buffer.from(text, 'base64').toString('utf8');
    return rsaKey('PRIVATE_KEY', pem);
  }
  if (!env.PRIVATE_KEY_PATH) return { kind: 'absent' };
  try {
    return rsaKey('PRIVATE_KEY_PATH', readFileSync(env.PRIVATE_KEY_PATH, 'utf8'));
  } catch (cause) {
    return {
      kind: 'wrong',
      problem: `PRIVATE_KEY_PATH: cannot read ${env.PRIVATE_KEY_PATH} (${(cause as Error).message}); give the path of the .pem file GitHub made for the App`,
    };
  }
}

/** A key that is cut short or of another sort would only be refused at the first request. */
function rsaKey(name: string, text: string): GivenKey {
  const pem = text.trim();
  try {
    if (createPrivateKey(pem).asymmetricKeyType === 'rsa') return { kind: 'read', pem };
  } catch {
    // Said below; the parser's own words help nobody.
  }
  return {
    kind: 'wrong',
    problem: `${name}: is not a PEM private key of an App; download a new one from the App's settings page on GitHub`,
  };
}

/** All three credentials or none; no secret where no webhook comes. */
function missingCredentials(env: Environment): string[] {
  const polls = env.GURUGURU_INGRESS === 'poll';
  const key = env.PRIVATE_KEY ?? env.PRIVATE_KEY_PATH;
  if (!env.APP_ID && !key && !env.WEBHOOK_SECRET) return [];
  return [
    ...(env.WEBHOOK_SECRET === 'development'
      ? [
          "WEBHOOK_SECRET: `development` is what Probot falls back to, so everybody knows it; choose another, here and on the App's settings page",
        ]
      : []),
    ...(env.APP_ID ? [] : ["APP_ID: is missing; it is on the App's settings page on GitHub"]),
    ...(key
      ? []
      : [
          'PRIVATE_KEY_PATH: is missing; give the path of the .pem file GitHub made for the App (or PRIVATE_KEY)',
        ]),
    ...(env.WEBHOOK_SECRET || polls
      ? []
      : [
          "WEBHOOK_SECRET: is missing; without it anybody could send events. Set the same value here and on the App's settings page",
        ]),
  ];
}

/**
 * The app's settings from environment variables.
 * @throws ConfigError naming every wrong or missing variable at once.
 */
export function parseAppConfig(environment: Environment): AppConfig {
  const given = withoutEmpty(environment);
  const parsed = appEnvironment.safeParse(given);
  const key = readPrivateKey(given);
  const { problems: transportProblems, ...transport } = readTransport(given);
  const problems = [
    ...(parsed.success ? [] : problemsOf(parsed.error)),
    ...(key.kind === 'wrong' ? [key.problem] : []),
    ...missingCredentials(given),
    ...transportProblems,
    ...(given.GURUGURU_INGRESS === 'poll' && given.WEBHOOK_PROXY_URL
      ? ['WEBHOOK_PROXY_URL: is not used with GURUGURU_INGRESS=poll; remove one of the two']
      : []),
  ];
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  const env = parsed.data;
  return {
    ...transport,
    credentials:
      env.APP_ID && key.kind === 'read' && (env.WEBHOOK_SECRET || env.GURUGURU_INGRESS === 'poll')
        ? {
            appId: env.APP_ID,
            privateKey: key.pem,
            webhookSecret: env.GURUGURU_INGRESS === 'poll' ? null : (env.WEBHOOK_SECRET ?? null),
          }
        : null,
    port: env.PORT,
    host: env.HOST,
    logLevel: env.LOG_LEVEL,
    webhookProxyUrl: env.WEBHOOK_PROXY_URL ?? null,
    githubApiUrl: env.GITHUB_API_URL.replace(/\/+$/, ''),
    model: env.OPENAI_API_KEY
      ? { apiKey: env.OPENAI_API_KEY, baseUrl: env.OPENAI_BASE_URL ?? null, name: env.GURUGURU_MODEL }
      : null,
    dataDir: resolve(env.GURUGURU_DATA_DIR),
    databaseUrl: env.DATABASE_URL ?? null,
    writeBudget: env.GURUGURU_WRITE_BUDGET,
    paused: env.GURUGURU_PAUSED === '1',
    ingress: env.GURUGURU_INGRESS,
    reconcileSeconds: env.GURUGURU_RECONCILE_SECONDS ?? RECONCILE_SECONDS[env.GURUGURU_INGRESS],
  };
}

const storeEnvironment = appEnvironment.pick({ GURUGURU_DATA_DIR: true, DATABASE_URL: true });

/**
 * Where the app keeps its tables; for commands that need nothing else.
 * @throws ConfigError
 */
export function parseStorePlace(environment: Environment): Pick<AppConfig, 'dataDir' | 'databaseUrl'> {
  const parsed = storeEnvironment.safeParse(withoutEmpty(environment));
  if (!parsed.success) throw new ConfigError(problemsOf(parsed.error));
  return { dataDir: resolve(parsed.data.GURUGURU_DATA_DIR), databaseUrl: parsed.data.DATABASE_URL ?? null };
}

export interface RunnerConfig {
  url: string;
  token: string;
  name: string;
  labels: string[];
  /** As written; parsed by the runner, which knows the form. */
  workdirRoots: string;
  stateDir: string;
  /** With `--verify`: what it asks GitHub with. Repositories in lower case. */
  verify: { api: string; token: string; repositories: string[] } | null;
  sandbox: SandboxConfig;
  /** `key=value` in TOML, for `codex --config`. */
  codexConfig: string[];
  /** What its pods are made of; null: its jobs are processes of its machine. */
  kubernetes: KubernetesConfig | null;
}

const runnerName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, {
  error: ({ input }) => `${JSON.stringify(input)} must be 1-63 letters, digits, dots, dashes or underscores`,
});

/** Every variable of the runner; .env.example names the same. */
export const runnerEnvironment = z.object({
  GURUGURU_URL: runnerUrl,
  GURUGURU_RUNNER_TOKEN: z.string({
    error: 'is missing; make one with: guruguru token create <name> --repo owner/name',
  }),
  GURUGURU_RUNNER_NAME: runnerName.optional(),
  GURUGURU_RUNNER_LABELS: z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((label) => label.trim())
        .filter(Boolean),
    )
    .pipe(z.array(runnerName)),
  GURUGURU_WORKDIR_ROOTS: z.string({
    error:
      'is missing; name the folders jobs may work in, e.g. /workspace or owner/name=/workspace/name, comma-separated',
  }),
  GURUGURU_RUNNER_STATE_DIR: z.string().optional(),
  GURUGURU_VERIFY_TOKEN: z.string().optional(),
  GURUGURU_VERIFY_REPOSITORIES: z
    .string()
    .default('')
    .transform((text) => listed(text.toLowerCase()))
    .pipe(z.array(z.string().regex(/^[a-z0-9-]+\/[a-z0-9._-]+$/, 'must be owner/name, comma-separated'))),
  GURUGURU_CODEX_CONFIG: codexConfig,
  ...sandboxEnvironment,
  ...executorEnvironment,
});

/** The same variable as the app's. */
const residentEnvironment = runnerEnvironment.extend({
  GITHUB_API_URL: appEnvironment.shape.GITHUB_API_URL,
});

/**
 * The resident runner's settings; flags, given as the same names, go before the environment.
 * @throws ConfigError naming every wrong or missing variable at once.
 */
export function parseRunnerConfig(
  environment: Environment,
  options: { verify: boolean } = { verify: false },
): RunnerConfig {
  const given = withoutEmpty(environment);
  const parsed = residentEnvironment.safeParse(given);
  const executor = readExecutor(given);
  const problems = [
    ...(parsed.success ? [] : problemsOf(parsed.error)),
    ...(options.verify ? verifyProblems(given) : []),
    ...executor.problems,
  ];
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  const env = parsed.data;
  const name = env.GURUGURU_RUNNER_NAME ?? runnerNameFromHost(hostname());
  return {
    url: env.GURUGURU_URL.replace(/\/+$/, ''),
    token: env.GURUGURU_RUNNER_TOKEN,
    name,
    labels: env.GURUGURU_RUNNER_LABELS,
    workdirRoots: env.GURUGURU_WORKDIR_ROOTS,
    stateDir: env.GURUGURU_RUNNER_STATE_DIR ?? join(homedir(), '.guruguru', 'runner', name),
    verify:
      options.verify && env.GURUGURU_VERIFY_TOKEN
        ? {
            api: env.GITHUB_API_URL.replace(/\/+$/, ''),
            token: env.GURUGURU_VERIFY_TOKEN,
            repositories: env.GURUGURU_VERIFY_REPOSITORIES,
          }
        : null,
    kubernetes: executor.kubernetes,
    sandbox: sandboxOf(env, ConfigError),
    codexConfig: env.GURUGURU_CODEX_CONFIG,
  };
}

/** What `--verify` needs; forgotten, nothing would be verified. */
function verifyProblems(env: Environment): string[] {
  return [
    ...(env.GURUGURU_VERIFY_TOKEN
      ? []
      : [
          'GURUGURU_VERIFY_TOKEN: is missing; --verify asks GitHub with a token of its own: fine-grained, of somebody who may write, with read access to contents and pull requests',
        ]),
    ...(env.GURUGURU_VERIFY_REPOSITORIES
      ? []
      : [
          'GURUGURU_VERIFY_REPOSITORIES: is missing; name the repositories whose jobs may run here, owner/name, comma-separated',
        ]),
  ];
}

const gitRunnerEnvironment = runnerEnvironment
  .pick({
    GURUGURU_RUNNER_NAME: true,
    GURUGURU_RUNNER_LABELS: true,
    GURUGURU_SANDBOX: true,
    GURUGURU_SANDBOX_READ: true,
    GURUGURU_SANDBOX_NETWORK: true,
    GURUGURU_CODEX_CONFIG: true,
  })
  .extend({ GURUGURU_WORKDIR_ROOTS: z.string().optional() });

/**
 * What `guruguru runner --git` needs: no app, so neither address nor token.
 * @throws ConfigError naming every wrong variable at once.
 */
export function parseGitRunnerConfig(
  environment: Environment,
): Pick<RunnerConfig, 'name' | 'labels' | 'sandbox' | 'codexConfig'> & { workdirRoots: string | null } {
  const parsed = gitRunnerEnvironment.safeParse(withoutEmpty(environment));
  if (!parsed.success) throw new ConfigError(problemsOf(parsed.error));
  const env = parsed.data;
  return {
    name: env.GURUGURU_RUNNER_NAME ?? runnerNameFromHost(hostname()),
    labels: env.GURUGURU_RUNNER_LABELS,
    workdirRoots: env.GURUGURU_WORKDIR_ROOTS ?? null,
    sandbox: sandboxOf(env, ConfigError),
    codexConfig: env.GURUGURU_CODEX_CONFIG,
  };
}

/** A host name made to fit a runner's name: `Keis-MacBook.local` → `Keis-MacBook.local`, odd characters → `-`. */
function runnerNameFromHost(host: string): string {
  return (
    host
      .replace(/[^A-Za-z0-9._-]/g, '-')
      .replace(/^[^A-Za-z0-9]+/, '')
      .slice(0, 63) || 'runner'
  );
}
