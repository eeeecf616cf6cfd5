import { createServer, type Server } from 'node:http';
import { createEmulator, type Emulator } from 'emulate';
import type { AppSeed, RepositorySeed, UserSeed } from './types.ts';
import { TOKENS_PER_USER, upstreamUserToken } from './upstream.ts';

const BIND_ATTEMPTS = 5;

/** A port that is free now; the emulator cannot tell which one it took when its public URL is set. */
async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

/** Listens on loopback and gives the port. */
export function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address !== null && typeof address === 'object') resolve(address.port);
      else reject(new Error('the proxy has no TCP address'));
    });
  });
}

/** Starts the emulator with users, empty repositories and the installed app; `url` is what it calls itself. */
export async function startEmulator(
  url: string,
  users: UserSeed[],
  repos: RepositorySeed[],
  app: AppSeed,
  key: string,
): Promise<{ emulator: Emulator; port: number }> {
  const tokens: Record<string, { login: string }> = {};
  for (const { login } of users) {
    for (let n = 0; n < TOKENS_PER_USER; n += 1) tokens[upstreamUserToken(login, n)] = { login };
  }
  const account = repos[0]?.fullName.split('/')[0] ?? '';
  const github = {
    users: users.map(({ login }) => ({ login, name: login })),
    repos: repos.map((repo) => ({
      owner: repo.fullName.split('/')[0],
      name: repo.fullName.split('/')[1],
      private: repo.private ?? false,
      default_branch: repo.defaultBranch ?? 'main',
      auto_init: false,
    })),
    apps: [
      {
        app_id: app.id,
        slug: app.slug,
        name: app.name,
        private_key: key,
        permissions: app.permissions,
        events: [],
        installations: [
          {
            installation_id: app.installationId,
            account,
            permissions: app.permissions,
            repository_selection: 'all',
          },
        ],
      },
    ],
  };
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    try {
      const emulator = await createEmulator({
        service: 'github',
        port,
        hostname: '127.0.0.1',
        baseUrl: url,
        seed: { tokens, github },
      });
      return { emulator, port };
    } catch (error) {
      if (attempt === BIND_ATTEMPTS) throw error;
    }
  }
}
