import { renderFinding } from '../job/finding.ts';
import type { Job } from '../job/job.ts';
import { suits } from '../job/match-runner.ts';
import { parseJob } from '../job/parse-job.ts';
import { donePath, recordPath } from '../job/report-paths.ts';
import { type Git, GitError, identity } from './git.ts';

export interface QueuedJob {
  job: Job;
  path: string;
  digest: string;
}

/**
 * The queue at a commit, oldest id first. Ids and not commit times order it: they are what people see, they
 * survive a rebase, and reading them costs no walk through the history.
 *
 * A file that is no valid job is told once by `say` and left where it is.
 */
export async function readQueue(
  git: Git,
  head: string,
  runner: { labels: readonly string[]; capabilities: readonly string[] },
  tellOnce: (key: string, text: string) => void,
): Promise<QueuedJob[]> {
  const listing = await git.run(['ls-tree', '-z', head, 'jobs/queue/']);
  const found: QueuedJob[] = [];
  for (const entry of listing.split('\0')) {
    const match = /^(\d+) blob ([0-9a-f]+)\t(.*)$/s.exec(entry);
    const [, mode, blob, path] = match ?? [];
    if (mode === undefined || blob === undefined || path === undefined || !path.endsWith('.json')) continue;
    if (mode === '120000') {
      tellOnce(blob, `${path}: is a symbolic link: passed over. A job file must be a plain file.`);
      continue;
    }
    const parsed = parseJob(await git.bytes(['cat-file', 'blob', blob]), { path });
    if (!parsed.ok) {
      tellOnce(
        blob,
        `${parsed.findings.map(renderFinding).join('\n')}\n${path}: passed over until it is corrected`,
      );
      continue;
    }
    if (!suits(parsed.job, runner)) continue;
    if (await hasEnded(git, head, parsed.job)) {
      tellOnce(
        blob,
        `${path}: passed over: this id has a record or a file in jobs/done already. Remove it from the queue.`,
      );
      continue;
    }
    found.push({ job: parsed.job, path, digest: parsed.digest });
  }
  return found.sort((a, b) => compareIds(a.job.id, b.job.id));
}

async function hasEnded(git: Git, head: string, job: Job): Promise<boolean> {
  const paths = [donePath(job.id), recordPath(job.report_path)];
  return (await git.run(['ls-tree', '--name-only', head, ...paths])) !== '';
}

/** By date, then by number: 1000 comes after 999. */
export function compareIds(a: string, b: string): number {
  return a.slice(0, 10).localeCompare(b.slice(0, 10)) || Number(a.slice(11)) - Number(b.slice(11));
}

export function claimRef(id: string): string {
  return `refs/guruguru/claims/${id}`;
}

/** The object of a claim: it says whose it is, and no two are the same. */
export async function makeClaim(git: Git, id: string, runner: string, run: string): Promise<string> {
  const tree = await git.run(['mktree'], { input: '' });
  const message = `guruguru: ${id} is claimed by ${runner}\n\nrun ${run}\n`;
  return git.run(['commit-tree', tree], { input: message, env: await identity(git) });
}

/**
 * Creates the claim at the remote, which is atomic: `taken` when another runner has it. With a claim in hand
 * the queue must be read again, since the other may have finished and let go in between.
 */
export async function claim(git: Git, remote: string, id: string, object: string): Promise<'ours' | 'taken'> {
  const ref = claimRef(id);
  try {
    await git.run(['push', '--quiet', `--force-with-lease=${ref}:`, remote, `${object}:${ref}`]);
    return 'ours';
  } catch (error) {
    const holder = await claimHolder(git, remote, id);
    if (holder === object) return 'ours';
    // Rejected, and nobody holds it by now: the other has finished and let go in between.
    if (holder !== null || (error instanceof GitError && /rejected\]/.test(error.output))) return 'taken';
    throw error;
  }
}

export async function claimHolder(git: Git, remote: string, id: string): Promise<string | null> {
  const line = await git.run(['ls-remote', remote, claimRef(id)]);
  return line === '' ? null : (line.split('\t')[0] ?? null);
}

/** Lets go of our own claim; somebody else's is left. */
export async function releaseClaim(git: Git, remote: string, id: string, object: string): Promise<void> {
  const ref = claimRef(id);
  try {
    await git.run(['push', '--quiet', `--force-with-lease=${ref}:${object}`, remote, `:${ref}`]);
  } catch (error) {
    if (!(error instanceof GitError) || (await claimHolder(git, remote, id)) === object) throw error;
  }
}
