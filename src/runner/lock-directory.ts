import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** The directory is used by another process. */
export class DirectoryLockedError extends Error {
  override name = 'DirectoryLockedError';
}

const SQLITE_BUSY = 5;

/**
 * One process per directory; returns what lets go of it. A kernel lock, held through SQLite since Node has none of its own: it is gone
 * with the process, where a file with a pid would stop a runner after a reboot that gave the pid away.
 *
 * @throws DirectoryLockedError when another process holds it
 */
export function lockDirectory(path: string, remedy: string): () => void {
  const database = new DatabaseSync(join(path, 'lock'));
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (cause) {
    database.close();
    const busy = cause instanceof Error && 'errcode' in cause && cause.errcode === SQLITE_BUSY;
    if (!busy) throw cause;
    const holder = existsSync(join(path, 'pid')) ? readFileSync(join(path, 'pid'), 'utf8').trim() : 'unknown';
    throw new DirectoryLockedError(`another runner (pid ${holder}) uses ${path}. Stop it, or ${remedy}.`, {
      cause,
    });
  }
  writeFileSync(join(path, 'pid'), `${process.pid}\n`);
  return () => database.close();
}
