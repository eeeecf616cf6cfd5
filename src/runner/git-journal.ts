import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { runEntry } from '../job/report-format.ts';

/**
 * What `--git` mode must not forget, one job at a time, in the checkout's git directory:
 * `claimed` (nothing was run), `started` (it may have run), `finished` (its report is not pushed yet).
 */
const journal = z.object({
  state: z.enum(['claimed', 'started', 'finished']),
  job: z.string(),
  path: z.string(),
  digest: z.string(),
  report_path: z.string(),
  dod: z.string(),
  run: z.string(),
  remote: z.string(),
  /** Where the job came from and its report goes. */
  branch: z.string(),
  claim: z.string(),
  started_at: z.string().nullable(),
  entry: runEntry.nullable(),
  log: z.string(),
  /** What an agent left beside the log. */
  beside: z.array(z.object({ path: z.string(), text: z.string() })).default([]),
});
export type Journal = z.infer<typeof journal>;

export function readJournal(directory: string): Journal | null {
  try {
    return journal.parse(JSON.parse(readFileSync(join(directory, 'journal.json'), 'utf8')));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new Error(
      `${join(directory, 'journal.json')} cannot be read. See what the last job did, then remove the file.`,
      { cause: error },
    );
  }
}

/** On disk (fsync) when it returns. */
export function writeJournal(directory: string, value: Journal): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const draft = join(directory, '.journal.json');
  const fd = openSync(draft, 'w', 0o600);
  writeFileSync(fd, JSON.stringify(value));
  fsyncSync(fd);
  closeSync(fd);
  renameSync(draft, join(directory, 'journal.json'));
  const folder = openSync(directory, 'r');
  fsyncSync(folder);
  closeSync(folder);
}

export function clearJournal(directory: string): void {
  rmSync(join(directory, 'journal.json'), { force: true });
}
