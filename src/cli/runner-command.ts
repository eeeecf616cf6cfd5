import { existsSync, realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { loadEnvFile } from 'node:process';
import { ConfigError, type Environment, parseGitRunnerConfig, parseRunnerConfig } from '../config.ts';
import { CODEX_CAPABILITY, SANDBOX_CAPABILITY } from '../job/match-runner.ts';
import { redactText } from '../job/secrets/redact.ts';
import { defaultLabels, probeCapabilities } from '../runner/capabilities.ts';
import { checkUrl } from '../runner/client.ts';
import { probeCodex } from '../runner/codex/probe-codex.ts';
import { knownSecrets } from '../runner/known-secrets.ts';
import { openCluster } from '../runner/kubernetes/cluster.ts';
import type { KubernetesConfig } from '../runner/kubernetes/kubernetes-config.ts';
import type { Pods } from '../runner/kubernetes/pods.ts';
import { probeCluster } from '../runner/probe-cluster.ts';
import { runResident, trapSignals } from '../runner/resident.ts';
import { parseRoots, ROOTS_SETTING, type Root } from '../runner/roots.ts';
import { probeSandbox } from '../runner/sandbox/probe-sandbox.ts';
import type { Sandbox } from '../runner/sandbox/sandbox.ts';
import { VERSION } from '../version.ts';

export interface RunnerFlags {
  url?: string;
  token?: string;
  name?: string;
  labels?: string;
  roots?: string;
  stateDir?: string;
  sandbox?: string;
  sandboxRead?: string;
  sandboxNetwork?: string;
  executor?: string;
  kubernetesConfig?: string;
  verify?: boolean;
  git?: string;
  once?: boolean;
  interval: string;
}

/** The resident runner, of an app or of a checkout, until it is told to stop. Resolves to the exit code. */
export function runnerCommand(environment: Environment, flags: RunnerFlags): Promise<number> {
  return flags.git === undefined
    ? residentCommand(environment, flags)
    : gitCommand(environment, { ...flags, git: flags.git });
}

async function residentCommand(environment: Environment, flags: RunnerFlags): Promise<number> {
  const config = parseRunnerConfig(withFlags(environment, flags), { verify: flags.verify ?? false });
  const url = checkUrl(config.url);
  const roots = parseRoots(config.workdirRoots);
  const api = config.verify ? checkUrl(config.verify.api) : { ok: true as const };
  if (!url.ok || !roots.ok || !api.ok) {
    throw new ConfigError([
      ...(url.ok ? [] : [url.message]),
      ...(roots.ok ? [] : roots.errors),
      ...(api.ok ? [] : [api.message.replace('GURUGURU_URL (--url)', 'GITHUB_API_URL')]),
    ]);
  }
  const sandbox = await workingSandbox(config.sandbox, environment, [config.stateDir]);
  const say = sayWithout([config.token, ...knownSecrets(environment)]);
  const pods = config.kubernetes && (await openPods(config.kubernetes, config.name, roots.roots));
  const { drain, cancel, release } = trapSignals(say);
  const exit = await runResident(
    {
      url: url.url,
      token: config.token,
      name: config.name,
      labels:
        config.labels.length > 0
          ? config.labels
          : defaultLabels(config.name, pods ? 'linux' : process.platform),
      // A pod proves what there is in pods.
      capabilities: pods ? [] : await capabilities(environment, sandbox, say),
      version: VERSION,
      roots: roots.roots,
      sandbox,
      ...(pods ? { pods } : {}),
      once: flags.once ?? false,
      codexConfig: config.codexConfig,
      stateDirectory: config.stateDir,
      ...(config.verify ? { verify: config.verify } : {}),
    },
    { environment, say, drain, cancel },
  );
  release();
  say(exit.message);
  return exit.code;
}

/** @throws ConfigError when there is no cluster to use. */
async function openPods(config: KubernetesConfig, runner: string, roots: Root[]): Promise<Pods> {
  if (config.workspace !== undefined && roots.length > 1) {
    throw new ConfigError([
      `${ROOTS_SETTING}: with a workspace.claim there is one root, since all of them would be the same volume`,
    ]);
  }
  try {
    return { cluster: await openCluster(config), config, runner };
  } catch (cause) {
    throw new ConfigError([`GURUGURU_EXECUTOR: ${cause instanceof Error ? cause.message : cause}`]);
  }
}

async function gitCommand(environment: Environment, flags: RunnerFlags & { git: string }): Promise<number> {
  if ((flags.executor ?? environment.GURUGURU_EXECUTOR ?? 'shell') !== 'shell')
    throw new ConfigError(['--executor: is for the runner of an app; --git runs its jobs on this machine']);
  if (flags.verify)
    throw new ConfigError(['--verify: is for the runner of an app; --git reads the repository itself']);
  const intervalSeconds = Number(flags.interval);
  if (!(intervalSeconds >= 1)) throw new ConfigError(['--interval: must be a number of seconds, 1 or more']);
  const config = parseGitRunnerConfig(withFlags(environment, flags));
  // A checkout's own jobs work in it; anything else is named.
  const roots = parseRoots(config.workdirRoots ?? resolve(flags.git));
  if (!roots.ok) throw new ConfigError(roots.errors);
  const sandbox = await workingSandbox(config.sandbox, environment, []);
  if (sandbox.kind !== 'none') keepApart(roots.roots, resolve(flags.git));
  const say = sayWithout(knownSecrets(environment));
  const { drain, cancel, release } = trapSignals(say);
  // A resident runner stays small: it needs none of what reads a repository's settings.
  const { runGitMode } = await import('../runner/git-mode.ts');
  const code = await runGitMode(
    {
      checkout: resolve(flags.git),
      name: config.name,
      labels: config.labels.length > 0 ? config.labels : defaultLabels(config.name),
      capabilities: await capabilities(environment, sandbox, say),
      codexConfig: config.codexConfig,
      roots: roots.roots,
      sandbox,
      once: flags.once ?? false,
      intervalSeconds,
    },
    { environment, say, drain, cancel },
  );
  release();
  return code;
}

function sayWithout(secrets: readonly string[]): (text: string) => void {
  return (text) => console.log(`${new Date().toISOString()} ${redactText(text, secrets)}`);
}

async function capabilities(
  environment: Environment,
  sandbox: Sandbox,
  say: (text: string) => void,
): Promise<string[]> {
  const programs = probeCapabilities(environment.PATH ?? '');
  const probed = programs.includes('kubectl')
    ? [...programs, ...(await probeCluster(environment))]
    : programs;
  // Codex has a sandbox of its own and cannot work in this one (docs/sandbox.md).
  if (sandbox.kind !== 'none') return [...probed, SANDBOX_CAPABILITY];
  const codex = await probeCodex(environment);
  if (codex.ok) say(`codex jobs are taken: ${codex.version}`);
  else if (codex.why !== null) say(`codex jobs are not taken: codex --version failed: ${codex.why}`);
  return codex.ok ? [...probed, CODEX_CAPABILITY] : probed;
}

/** @throws ConfigError when it does not work here: a runner that was to have one never runs a job without. */
async function workingSandbox(
  config: Pick<Sandbox, 'kind' | 'read' | 'network'>,
  environment: Environment,
  hide: readonly string[],
): Promise<Sandbox> {
  const sandbox = { ...config, hide: [...hide, resolve('.env')] };
  const problem = await probeSandbox(sandbox, environment);
  if (problem !== null) throw new ConfigError([problem]);
  return sandbox;
}

/** This runner's own git reads the checkout's configuration, and runs what stands there. */
function keepApart(roots: Root[], checkout: string): void {
  const inside = roots.filter(({ path }) => holds(path, checkout) || holds(checkout, path));
  if (inside.length === 0) return;
  throw new ConfigError([
    `${ROOTS_SETTING}: with --git and --sandbox a job must not work in ${checkout}, whose git configuration this ` +
      'runner obeys outside the sandbox. Give --git a clone of its own, and name the folders jobs work in here',
  ]);
}

function holds(base: string, path: string): boolean {
  const [outer, inner] = [base, path].map((one) => (existsSync(one) ? realpathSync(one) : resolve(one)));
  return `${inner}/`.startsWith(`${outer === '/' ? '' : outer}/`);
}

/** `.env` of the working directory is read, as by the app; flags go before the environment. */
function withFlags(environment: Environment, flags: RunnerFlags): Environment {
  if (existsSync('.env')) loadEnvFile('.env');
  const given = {
    GURUGURU_URL: flags.url,
    GURUGURU_RUNNER_TOKEN: flags.token,
    GURUGURU_RUNNER_NAME: flags.name,
    GURUGURU_RUNNER_LABELS: flags.labels,
    GURUGURU_WORKDIR_ROOTS: flags.roots,
    GURUGURU_RUNNER_STATE_DIR: flags.stateDir,
    GURUGURU_SANDBOX: flags.sandbox,
    GURUGURU_SANDBOX_READ: flags.sandboxRead,
    GURUGURU_SANDBOX_NETWORK: flags.sandboxNetwork,
    GURUGURU_EXECUTOR: flags.executor,
    GURUGURU_KUBERNETES_CONFIG: flags.kubernetesConfig,
  };
  return {
    ...environment,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  };
}
