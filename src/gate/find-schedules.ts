import type { Scope } from '../github/scope.ts';
import type { PullFile, TreeEntry } from '../github/types.ts';
import type { Finding } from '../job/finding.ts';
import { JOB_FILE_MAX_BYTES } from '../job/parse-job.ts';
import { parseSchedule, schedulePolicyFindings } from '../job/schedule/parse-schedule.ts';
import { SYMLINK } from './jobs-tree.ts';
import type { FoundSchedule } from './next-pull.ts';

export const SCHEDULE_FILE = /^jobs\/schedules\/([^/]+)\.json$/;

/** The schedules that files of a PR add, change or take away; a rename is both. `entries`: of the head. */
export async function findSchedules(
  scope: Scope,
  files: readonly PullFile[],
  entries: ReadonlyMap<string, TreeEntry>,
): Promise<FoundSchedule[]> {
  const found: FoundSchedule[] = [];
  for (const file of files) {
    const left = file.status === 'renamed' ? file.previousPath : null;
    for (const path of [left, file.path]) {
      const name = path === null ? undefined : SCHEDULE_FILE.exec(path)?.[1];
      if (path === null || name === undefined) continue;
      const entry = entries.get(path);
      if (entry) found.push(await scheduleAt(scope, path, entry, file.status === 'added'));
      // Of what is copied, the original stays.
      else if (file.status === 'removed' || path === left) found.push(removed(path, name));
    }
  }
  return found;
}

/** One file as it is on the head, read only when it is a plain file of a schedule's size. */
async function scheduleAt(
  scope: Scope,
  path: string,
  entry: TreeEntry,
  isNew: boolean,
): Promise<FoundSchedule> {
  const change = isNew ? 'added' : 'modified';
  const unread = (rule: string, message: string): FoundSchedule => ({
    ...removed(path, nameOf(path)),
    change,
    blobSha: entry.sha,
    findings: [failure(path, rule, message)],
  });
  if (entry.type !== 'blob' || entry.mode === SYMLINK)
    return unread('plain-file', 'A schedule file is a plain file: this is a link, a folder or a submodule.');
  if (entry.size > JOB_FILE_MAX_BYTES)
    return unread('size', `The file has ${entry.size} bytes: use at most ${JOB_FILE_MAX_BYTES}.`);
  const bytes = await scope.client.readBlob(entry.sha, scope.signal);
  return judgedSchedule(scope, { path, bytes, blobSha: entry.sha, change });
}

/** A schedule file with everything wrong with it. */
export function judgedSchedule(
  { settings }: Pick<Scope, 'settings'>,
  file: { path: string; bytes: Uint8Array | string; blobSha: string; change: FoundSchedule['change'] },
): FoundSchedule {
  const { path, bytes, blobSha, change } = file;
  const parsed = parseSchedule(bytes, { path });
  const place = { path, name: nameOf(path), change, blobSha };
  if (!parsed.ok) {
    const text = Buffer.from(bytes).toString('utf8');
    return { ...place, text, schedule: null, digest: '', findings: parsed.findings };
  }
  const { text, schedule, digest } = parsed;
  return { ...place, text, schedule, digest, findings: schedulePolicyFindings(parsed, path, settings) };
}

function removed(path: string, name: string): FoundSchedule {
  return { path, name, change: 'removed', blobSha: '', text: '', schedule: null, digest: '', findings: [] };
}

function nameOf(path: string): string {
  return SCHEDULE_FILE.exec(path)?.[1] ?? path;
}

function failure(path: string, rule: string, message: string): Finding {
  return { rule, severity: 'failure', path, line: 1, column: 1, message };
}
