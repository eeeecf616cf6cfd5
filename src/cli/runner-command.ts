import { existsSync } from 'node:fs';
import { loadEnvFile } from 'node:process';
import { ConfigError, type Environment, parseRunnerConfig } from '../config.ts';
import { defaultLabels, probeCapabilities } from '../runner/capabilities.ts';
import { checkUrl } from '../runner/client.ts';
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
  insecureHttp?: boolean;
}

/** The resident runner, until it is told to stop. Resolves to the exit code. */
export async function residentCommand(environment: Environment, flags: RunnerFlags): Promise<number> {
  const config = parseRunnerConfig(withFlags(environment, flags));
  const url = checkUrl(config.url, flags.insecureHttp);
  const roots = parseRoots(config.workdirRoots);
  if (!url.ok || !roots.ok) {
    throw new ConfigError([...(url.ok ? [] : [url.message]), ...(roots.ok ? [] : roots.errors)]);
  }
  const say = (text: string) => console.log(`${new Date().toISOString()} ${text}`);
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
    },
    { environment, say, drain, cancel },
  );
  release();
  say(exit.message);
  return exit.code;
}

/** `.env` of the working directory is read, as by the app; flags go before the environment. */
export function withFlags(environment: Environment, flags: RunnerFlags): Environment {
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
