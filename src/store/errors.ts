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

/**
 * SQLite's primary result codes that blame the medium and not the statement
 * (https://sqlite.org/rescode.html): busy, locked, readonly, ioerr, corrupt, full, cantopen, notadb.
 */
const MEDIUM_CODES = new Set([5, 6, 8, 10, 11, 13, 14, 26]);

/** The error as a StoreUnavailableError when the medium is to blame, else the error itself. */
export function toStoreError(error: unknown): unknown {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return error;
  // The low byte of an extended result code is its primary code.
  if (!MEDIUM_CODES.has(error.errcode & 0xff)) return error;
  return new StoreUnavailableError(`The database could not be written: ${error.message}`, { cause: error });
}
