import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeChannels } from './fifos.ts';

/**
 * A temporary folder for one run, with its FIFOs. Making it spawns a process (4 ms), so the runner does it while
 * it waits for the answer to `starting`.
 */
export async function makeRunFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'guruguru-'));
  try {
    await makeChannels(folder);
  } catch (error) {
    await removeRunFolder(folder);
    throw error;
  }
  return folder;
}

/** Never throws: what is left lies in the temporary folder. */
export async function removeRunFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true }).catch(() => undefined);
}
