import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Lets every write of a process to a file fail, as on a full disk: its limit on file sizes becomes 0. Works
 * for any user on Linux, and leaves nothing behind. The error is EFBIG where a full disk says ENOSPC.
 * @returns why it could not be done, or undefined
 */
export async function fillDisk(pid: number, full: boolean): Promise<string | undefined> {
  try {
    await run('prlimit', ['--pid', String(pid), `--fsize=${full ? '0' : 'unlimited'}:unlimited`]);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return 'full disk: there is no prlimit here (Linux: util-linux)';
    // It died meanwhile.
    return undefined;
  }
}
