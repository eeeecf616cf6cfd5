import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cleanup } from './cleanup.ts';

export async function temporaryFolder(cleanup: Cleanup): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'guruguru-bench-'));
  cleanup.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}
