import { existsSync } from 'node:fs';
import { loadEnvFile } from 'node:process';
import { type Environment, parseStorePlace } from '../config.ts';
import { openStore } from '../store/store.ts';
import { createToken } from '../store/tokens.ts';

/** The token alone on the last line of stdout; everything else goes to stderr. Works beside a running app. */
export async function tokenCreateCommand(
  environment: Environment,
  name: string,
  repositories: string[],
): Promise<void> {
  if (existsSync('.env')) loadEnvFile('.env');
  const store = await openStore({ ...parseStorePlace(environment), exclusive: false });
  try {
    const { token } = await store.write((tx) => createToken(tx, name, repositories, Date.now()));
    console.error(
      `Token for ${name}, good for ${repositories.join(', ')}. It is shown once: give it to the runner as GURUGURU_RUNNER_TOKEN.`,
    );
    console.log(token);
  } finally {
    await store.close();
  }
}
