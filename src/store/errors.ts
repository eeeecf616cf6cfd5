/** Another process has this data directory open (one app process per data directory). */
export class StoreLockedError extends Error {
  override readonly name = 'StoreLockedError';
  readonly dataDir: string;

  constructor(dataDir: string, options?: ErrorOptions) {
    super(
      `The data directory ${dataDir} is in use by another guruguru app. Stop that one, or give this one its own directory with GURUGURU_DATA_DIR.`,
      options,
    );
    this.dataDir = dataDir;
  }
}

/** The database was written by a newer version of the program. Nothing was changed. */
export class StoreVersionError extends Error {
  override readonly name = 'StoreVersionError';
}

/** The write did not become durable (disk full, I/O error, locked from outside, closed). Nothing of it is kept. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
}

/** The Postgres database of DATABASE_URL cannot be used. The message says what to do; it names no password. */
export class StoreConnectError extends Error {
  override readonly name = 'StoreConnectError';

  constructor(url: string, cause: unknown) {
    super(`DATABASE_URL: ${explainConnect(new URL(url), cause)}`, { cause });
  }
}

function explainConnect(url: URL, cause: unknown): string {
  const place = `${url.hostname || 'localhost'}:${url.port || 5432}`;
  const user = decodeURIComponent(url.username) || 'the default one';
  const database = decodeURIComponent(url.pathname.slice(1)) || user;
  const { code, message } = describe(cause);
  switch (code) {
    case 'ECONNREFUSED':
    case 'ENOTFOUND':
    case 'EHOSTUNREACH':
    case 'ETIMEDOUT':
    case 'EAI_AGAIN':
      return `no Postgres answers at ${place} (${code}). Start it, or correct host and port.`;
    case '28P01':
    case '28000':
      return `Postgres at ${place} refuses user ${user} or its password. Correct them; its own words: ${message}`;
    case '3D000':
      return `Postgres at ${place} has no database ${database}. Make it (createdb ${database}), or correct the name.`;
    case '42501':
      return `user ${user} may not make tables in database ${database}. Grant it: GRANT CREATE ON SCHEMA public TO ${user}; its own words: ${message}`;
    default:
      return `Postgres at ${place} cannot be used: ${message}`;
  }
}

function describe(error: unknown): { code: string; message: string } {
  // Several addresses of one host were tried: the first says enough.
  if (error instanceof AggregateError && error.errors.length > 0) return describe(error.errors[0]);
  if (!(error instanceof Error)) return { code: '', message: String(error) };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return { code, message: error.message };
}

/**
 * SQLite's primary result codes that blame the medium and not the statement
 * (https://sqlite.org/rescode.html): busy, locked, readonly, ioerr, corrupt, full, cantopen, notadb.
 */
const MEDIUM_CODES = new Set([5, 6, 8, 10, 11, 13, 14, 26]);

/** The error as a StoreUnavailableError when SQLite blames the medium, else the error itself. */
export function toStoreError(error: unknown): unknown {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return error;
  // The low byte of an extended result code is its primary code.
  if (!MEDIUM_CODES.has(error.errcode & 0xff)) return error;
  return new StoreUnavailableError(`The database could not be written: ${error.message}`, { cause: error });
}

/**
 * The classes of Postgres' codes that blame the server and not the statement
 * (https://www.postgresql.org/docs/current/errcodes-appendix.html): connection, transaction state (read
 * only, idle too long), authorization, rollback, resources, limits, operator, system, internal. Codes of
 * Node's sockets begin with E; errors of pg itself, all about the connection, have none.
 */
const SERVER_CODES = /^(?:(?:08|25|28|40|53|54|57|58|XX)...|E[A-Z]+|)$/;

/** The error of a query to Postgres, as a StoreUnavailableError when the server or the way to it is to blame. */
export function fromPostgres(error: unknown): unknown {
  const { code, message } = describe(error);
  if (error instanceof StoreUnavailableError || !SERVER_CODES.test(code)) return error;
  return new StoreUnavailableError(`The database could not be used: ${message}`, { cause: error });
}
