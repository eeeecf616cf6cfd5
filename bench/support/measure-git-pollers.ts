import { execFileSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Cleanup } from './cleanup.ts';
import { startProcess } from './start-process.ts';
import { temporaryFolder } from './temporary-folder.ts';

const POLLER = fileURLToPath(new URL('../baseline/git-poller.js', import.meta.url));
const INTERVAL_MS = 10_000;

/**
 * Merges one job and waits for `pollers` runners that poll the same remote, their polls spread evenly over
 * the interval: that is one runner at so many random moments. Returns each one's ms until its first command.
 */
export async function measureGitPollers(cleanup: Cleanup, pollers: number): Promise<number[]> {
  const folder = await temporaryFolder(cleanup);
  const work = join(folder, 'work');
  git(folder, 'init', '--quiet', '--bare', '--initial-branch=main', 'remote');
  git(folder, 'init', '--quiet', '--initial-branch=main', work);
  git(work, 'remote', 'add', 'origin', join(folder, 'remote'));
  await addJob(work, '2025-01-01-000');

  const running = await Promise.all(
    Array.from({ length: pollers }, async (_, n) => {
      const checkout = join(folder, `poller-${n}`);
      git(folder, 'clone', '--quiet', 'remote', checkout);
      const phase = Math.round(((n + 0.5) * INTERVAL_MS) / pollers);
      const poller = startProcess(cleanup, process.execPath, [POLLER, checkout, String(phase)], {
        cwd: folder,
      });
      await poller.line('polling');
      return { checkout, ran: poller.line('ran a job') };
    }),
  );
  await delay(Math.random() * INTERVAL_MS);
  await addJob(work, '2025-01-01-001');
  const merged = Date.now();
  return Promise.all(
    running.map(async ({ checkout, ran }) => {
      await ran;
      return Number(await readFile(join(checkout, 'started'), 'utf8')) / 1e6 - merged;
    }),
  );
}

async function addJob(work: string, id: string): Promise<void> {
  const path = `jobs/queue/${id}.json`;
  await mkdir(join(work, 'jobs/queue'), { recursive: true });
  await writeFile(join(work, path), JSON.stringify({ id, script: ['date +%s%N > started'] }));
  git(work, 'add', path);
  git(
    work,
    '-c',
    'user.name=bench',
    '-c',
    'user.email=bench@localhost',
    'commit',
    '--quiet',
    '--message',
    id,
  );
  git(work, 'push', '--quiet', 'origin', 'main');
}

function git(cwd: string, ...args: string[]): void {
  execFileSync('git', args, { cwd });
}
