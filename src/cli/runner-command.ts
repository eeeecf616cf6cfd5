import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { loadEnvFile } from 'node:process';
import { ConfigError, type Environment, parseGitRunnerConfig, parseRunnerConfig } from '../config.ts';
import { defaultLabels, probeCapabilities } from '../runner/capabilities.ts';
import { checkUrl } from '../runner/client.ts';
import { runGitMode } from '../runner/git-mode.ts';
import { runResident, trapSignals } from '../runner/resident.ts';
import { parseRoots } from '../runner/roots.ts';
import { VERSION } from '../version.ts';

export interface RunnerFlags {
  url?: string;
  token?: string;
  name?: string;
  labels?: string;
  roots?: string;
  stateDir?: string;
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
  const { drain, cancel, release } = trapSignals(say);
  const exit = await runResident(
    {
      url: url.url,
      token: config.token,
      name: config.name,
      labels: config.labels.length > 0 ? config.labels : defaultLabels(config.name),
      capabilities: probeCapabilities(environment.PATH ?? ''),
      version: VERSION,
      roots: roots.roots,
      stateDirectory: config.stateDir,
      ...(config.verify ? { verify: config.verify } : {}),
    },
    { environment, say, drain, cancel },
  );
  release();
  say(exit.message);
  return exit.code;
}

async function gitCommand(environment: Environment, flags: RunnerFlags & { git: string }): Promise<number> {
  if (flags.verify)
    throw new ConfigError(['--verify: is for the runner of an app; --git reads the repository itself']);
  const intervalSeconds = Number(flags.interval);
  if (!(intervalSeconds >= 1)) throw new ConfigError(['--interval: must be a number of seconds, 1 or more']);
  const config = parseGitRunnerConfig(withFlags(environment, flags));
  // A checkout's own jobs work in it; anything else is named.
  const roots = parseRoots(config.workdirRoots ?? resolve(flags.git));
  if (!roots.ok) throw new ConfigError(roots.errors);
  const { drain, cancel, release } = trapSignals(say);
  const code = await runGitMode(
    {
      checkout: resolve(flags.git),
      name: config.name,
      labels: config.labels.length > 0 ? config.labels : defaultLabels(config.name),
      capabilities: probeCapabilities(environment.PATH ?? ''),
      roots: roots.roots,
      once: flags.once ?? false,
      intervalSeconds,
    },
    { environment, say, drain, cancel },
  );
  release();
  return code;
}

function say(text: string): void {
  console.log(`${new Date().toISOString()} ${text}`);
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
  };
  return {
    ...environment,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  };
}
