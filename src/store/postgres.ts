import { randomUUID } from 'node:crypto';
import { Client, type ClientConfig, Pool, types } from 'pg';
import type { Backend } from './backend.ts';
import { fromPostgres, StoreConnectError, StoreVersionError } from './errors.ts';
import { sharedClaims } from './postgres-claims.ts';
import { columnTypes, kyselyOver } from './postgres-kysely.ts';
import { hearNews } from './postgres-news.ts';
import { APP_SESSION, createPulse } from './postgres-pulse.ts';
import { postgresWriter } from './postgres-writer.ts';

/** The oldest version its makers still mend: https://www.postgresql.org/support/versioning/ */
export const OLDEST_VERSION = 14;
/** Connections of one app for reading; one that writes and one that listens come on top. */
const READERS = 6;
const CONNECT_TIMEOUT_MS = 10_000;
/** No statement of ours takes long; an answer that does not come is a connection that is dead. */
const QUERY_TIMEOUT_MS = 30_000;

const INSUFFICIENT_PRIVILEGE = '42501';
const INT8 = 20;
const NUMERIC = 1700;

interface PostgresOptions {
  /** true: an app, which migrates; false: a command beside it. */
  exclusive: boolean;
  /** How long an item of work stays with a process that does not renew it. */
  holdMs: number;
}

/**
 * Opens the tables in a Postgres database.
 * @throws StoreConnectError when it cannot be used as it is, StoreVersionError when the server is too old
 */
export async function openPostgres(url: string, options: PostgresOptions): Promise<Backend> {
  const { exclusive, holdMs } = options;
  const me = randomUUID();
  const session = exclusive ? `${APP_SESSION}${me}` : 'guruguru-command';
  const config: ClientConfig = {
    connectionString: url,
    application_name: session,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    keepAlive: true,
    types: {
      // Ids, times and sums: all of them safe integers.
      getTypeParser: ((oid: number, format?: 'text') =>
        oid === INT8 || oid === NUMERIC
          ? Number
          : types.getTypeParser(oid, format)) as typeof types.getTypeParser,
    },
  };
  await checkServer(url, config);
  const pool = new Pool({ ...config, max: READERS });
  // Of a connection that breaks, whoever uses it is told; one that breaks idle is replaced at the next use.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  const reader = kyselyOver(async () => {
    const client = await pool.connect().catch((error: unknown) => {
      throw fromPostgres(error);
    });
    return { client: () => client, release: () => client.release() };
  });
  const writer = postgresWriter(() => connect(config), me);
  const pulse = createPulse(reader, session);
  await pulse.beat();
  let stopHearing = async () => {};
  return {
    writer,
    reader,
    now: pulse.now,
    others: pulse.others,
    claims: sharedClaims(reader, me, holdMs),
    schema: writer.tx.withPlugin(columnTypes),
    mayMigrate: (version) => exclusive || version === 0,
    async hearOthers(listener) {
      stopHearing = await hearNews({
        connect: () => connect(config),
        db: reader,
        me,
        listener,
        onLook: pulse.beat,
      });
    },
    explain: (error) =>
      (error as { code?: string }).code === INSUFFICIENT_PRIVILEGE
        ? new StoreConnectError(url, error)
        : error,
    async close() {
      await stopHearing();
      await writer.close();
      await pool.end();
    },
  };
}

/** @throws StoreVersionError */
export function refuseOld(version: string, number: number): void {
  if (Math.floor(number / 10_000) >= OLDEST_VERSION) return;
  throw new StoreVersionError(
    `DATABASE_URL: the server is Postgres ${version}, which is too old. Use version ${OLDEST_VERSION} or newer.`,
  );
}

async function checkServer(url: string, config: ClientConfig): Promise<void> {
  let client: Client | undefined;
  try {
    client = await connect(config);
    const { rows } = await client.query<{ version: string; number: string }>(
      `select current_setting('server_version') as version, current_setting('server_version_num') as number`,
    );
    for (const { version, number } of rows) refuseOld(version, Number(number));
  } catch (error) {
    throw error instanceof StoreVersionError ? error : new StoreConnectError(url, error);
  } finally {
    await client?.end().catch(() => {});
  }
}

/** Of a connection that breaks, whoever uses it is told by the query that fails. */
async function connect(config: ClientConfig): Promise<Client> {
  const client = new Client(config);
  client.on('error', () => {});
  await client.connect();
  return client;
}
