import { createHash } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type Offer, offer } from '../dispatch/protocol.ts';
import { type RunResult, runResult } from '../job/run-result.ts';
import { keepNewest } from './keep-newest.ts';
import { lockDirectory } from './lock-directory.ts';
import type { LogSpoolPaths } from './log-spool.ts';

const spooled = z.object({
  offer,
  process: z.string(),
  started_at: z.string(),
  executor: z.enum(['shell', 'kubernetes']).default('shell'),
});

/** A run that was started and whose end the app has not accepted. */
export interface SpooledRun {
  offer: Offer;
  /** The runner process that leased it. */
  process: string;
  started_at: string;
  executor: 'shell' | 'kubernetes';
  /** null: the runner was killed while it ran. */
  result: RunResult | null;
}

/**
 * What a runner must not forget, as plain files that a person can read:
 *
 *     runs/<run>/run.json       written before the first command (fsync)
 *     runs/<run>/upload.ndjson  the log as the app gets it
 *     runs/<run>/result.json    written when it ended (fsync); the folder goes when the app has accepted
 *     logs/<run>.ndjson         the whole of a log that was too long to upload
 *     rejected/<run>/           what the app would not take
 *     goals/<goal>.<hash>.json  the jobs of a goal that were started here
 *     started/<job>.<n>.<hash>  which run of a job was started here, kept after its end
 */
export interface StateDirectory {
  path: string;
  logPaths(run: string): LogSpoolPaths;
  begin(run: Omit<SpooledRun, 'result'>): void;
  end(run: string, result: RunResult): void;
  list(): SpooledRun[];
  accepted(run: string): void;
  rejected(run: string, why: string): void;
  /** Another run that was started here under the same number of the same job; null: none. */
  startedBefore(offer: Offer): string | null;
  /** Counts a job of a goal that is about to start here; resolves to how many of the goal's there were. */
  goalJobs(repository: string, goal: string, jobId: string): number;
  close(): void;
}

/** Run ids become file names and an environment value. */
export function isRunId(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(text);
}

/** @throws DirectoryLockedError when another process holds it */
export function openStateDirectory(path: string): StateDirectory {
  for (const name of ['runs', 'logs', 'rejected', 'started', 'goals'])
    mkdirSync(join(path, name), { recursive: true, mode: 0o700 });
  const unlock = lockDirectory(path, 'give this one its own --name (or --state-dir)');
  const folder = (run: string) => join(path, 'runs', run);
  const remember = (run: string) => {
    const known = readRun(folder(run));
    if (known) writeFileSync(join(path, 'started', startedName(known.offer)), run);
    keepNewest(join(path, 'started'), STARTED_KEPT);
  };
  return {
    path,
    logPaths: (run) => ({
      uploadPath: join(folder(run), 'upload.ndjson'),
      fullPath: join(path, 'logs', `${run}.ndjson`),
    }),
    begin(run) {
      mkdirSync(folder(run.offer.run), { recursive: true, mode: 0o700 });
      writeDurably(folder(run.offer.run), 'run.json', run);
      syncDirectory(join(path, 'runs'));
    },
    end: (run, result) => writeDurably(folder(run), 'result.json', result),
    list: () =>
      readdirSync(join(path, 'runs'))
        .map((run) => readRun(folder(run)))
        .filter((run) => run !== null),
    accepted(run) {
      remember(run);
      rmSync(folder(run), { recursive: true, force: true });
      keepNewest(join(path, 'logs'));
    },
    rejected(run, why) {
      remember(run);
      writeFileSync(join(folder(run), 'why.txt'), `${why}\n`);
      const target = join(path, 'rejected', run);
      rmSync(target, { recursive: true, force: true });
      renameSync(folder(run), target);
      keepNewest(join(path, 'rejected'));
    },
    startedBefore(offer) {
      const name = startedName(offer);
      const spooled = readdirSync(join(path, 'runs')).map((run) => readRun(folder(run)));
      const going = spooled.find((run) => run !== null && startedName(run.offer) === name);
      const run = going?.offer.run ?? readText(join(path, 'started', name));
      return run === offer.run ? null : run;
    },
    goalJobs(repository, goal, jobId) {
      const hash = createHash('sha256').update(`${repository.toLowerCase()} ${goal}`).digest('hex');
      const name = `${goal}.${hash.slice(0, 16)}.json`;
      const known = z.array(z.string()).safeParse(readJson(join(path, 'goals', name))).data ?? [];
      const all = [...new Set([...known, jobId])];
      if (all.length > known.length) writeDurably(join(path, 'goals'), name, all);
      return all.length;
    },
    close: unlock,
  };
}

/** Enough for what an old backup of the app's database can have forgotten. */
const STARTED_KEPT = 500;

function startedName({ repository, job_id, attempt }: Offer): string {
  const hash = createHash('sha256').update(`${repository.toLowerCase()} ${job_id} ${attempt}`).digest('hex');
  return `${job_id.replace(/[^A-Za-z0-9._-]/g, '_').slice(0, 100)}.${attempt}.${hash.slice(0, 16)}`;
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

function readRun(folder: string): SpooledRun | null {
  const read = (name: string) => readJson(join(folder, name));
  const run = spooled.safeParse(read('run.json'));
  // Without run.json nothing was started: the folder is what a crash left of making it.
  if (!run.success) return null;
  const result = runResult.safeParse(read('result.json'));
  return { ...run.data, result: result.success ? result.data : null };
}

function writeDurably(folder: string, name: string, value: unknown): void {
  const draft = join(folder, `.${name}`);
  const fd = openSync(draft, 'w', 0o600);
  writeFileSync(fd, JSON.stringify(value));
  fsyncSync(fd);
  closeSync(fd);
  renameSync(draft, join(folder, name));
  syncDirectory(folder);
}

function syncDirectory(path: string): void {
  const fd = openSync(path, 'r');
  fsyncSync(fd);
  closeSync(fd);
}
