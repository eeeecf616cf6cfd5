import { existsSync } from 'node:fs';
import { loadEnvFile } from 'node:process';
import { createLog, startApp } from '../app.ts';
import { type Environment, parseAppConfig } from '../config.ts';
import { startSetup } from './setup.ts';

/** Runs until SIGTERM or SIGINT. `.env` of the working directory is read, as Probot does; the environment wins. */
export async function appCommand(environment: Environment): Promise<void> {
  if (existsSync('.env')) loadEnvFile('.env');
  const config = parseAppConfig(environment);
  const log = createLog(config);
  const { credentials } = config;
  if (!credentials) {
    await startSetup(config, log);
    return;
  }
  const starting = startApp({ ...config, credentials }, log);
  let signals = 0;
  // Before it has started, too: a signal then would end it without a word.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      signals += 1;
      if (signals > 1) process.exit(1);
      log.info({ signal }, 'stopping');
      starting
        .then((app) => app.stop())
        .then(
          () => process.exit(0),
          (err) => {
            log.error({ err }, 'could not stop in order');
            process.exit(1);
          },
        );
    });
  }
  await starting;
}
