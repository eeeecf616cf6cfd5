import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseJob } from '../job/parse-job.ts';
import { buildRecord, jobFacts, parseRecord, type RunEntry, renderRecord } from '../job/report-format.ts';
import { donePath, recordPath } from '../job/report-paths.ts';
import { type Git, GitError, identity } from './git.ts';
import { fetchHead } from './git-checkout.ts';
import type { Journal } from './git-journal.ts';

/** The branch moved this often under our hands before we give up for this time. */
const TRIES = 20;

/**
 * One commit: log, result record, and the job file moved to `jobs/done/`. It is built on the remote's head
 * without touching the checkout's files, and built again whenever the branch moved. Publishing what is
 * there already changes nothing.
 */
export async function publish(
  git: Git,
  work: Journal & { entry: RunEntry },
  options: {
    directory: string;
    branch: string;
    repository: string | null;
    skipCi: boolean;
    say: (text: string) => void;
  },
): Promise<void> {
  let withLog = true;
  for (let attempt = 1; ; attempt += 1) {
    const head = await fetchHead(git, work.remote, options.branch);
    const commit = await buildCommit(git, head, work, { ...options, withLog });
    if (commit === null) return;
    try {
      await git.run(['push', '--quiet', work.remote, `${commit}:refs/heads/${options.branch}`]);
      return;
    } catch (error) {
      if (!(error instanceof GitError) || attempt >= TRIES) throw error;
      // A rejection by the server's own rules (push protection, a protected branch) is not cured by trying again.
      const refused =
        /\[remote rejected\]/.test(error.output) &&
        !/cannot lock ref|failed to update ref/.test(error.output);
      if (refused && !withLog) throw error;
      if (refused) {
        withLog = false;
        options.say(`${work.job}: the remote refuses the report; trying the record without the log`);
      } else if (!/\[rejected\]|cannot lock ref|failed to update ref/.test(error.output)) {
        throw error;
      }
    }
  }
}

async function buildCommit(
  git: Git,
  head: string,
  work: Journal & { entry: RunEntry },
  options: { directory: string; repository: string | null; skipCi: boolean; withLog: boolean },
): Promise<string | null> {
  const { entry } = work;
  const record = recordPath(work.report_path);
  const previous = parseRecord(await git.run(['show', `${head}:${record}`]).catch(() => ''));
  const shown = options.withLog && entry.log !== null ? entry : { ...entry, log: null };
  const file = parseJob(await git.run(['show', `${head}:${work.path}`]).catch(() => ''), { path: work.path });
  const about = {
    id: work.job,
    job_digest: work.digest,
    ...(file.ok ? jobFacts(file.job) : {}),
    ...(options.repository === null ? {} : { repository: options.repository }),
  };
  const index = join(options.directory, 'index');
  rmSync(index, { force: true });
  const env = { GIT_INDEX_FILE: index, ...(await identity(git)) };
  const store = async (path: string, text: string) => {
    const blob = await git.run(['hash-object', '-w', '--stdin'], { input: text });
    await git.run(['update-index', '--add', '--cacheinfo', `100644,${blob},${path}`], { env });
  };
  await git.run(['read-tree', head], { env });
  if (shown.log !== null) {
    await store(shown.log, work.log);
    for (const { path, text } of work.beside) await store(path, text);
  }
  await store(record, renderRecord(buildRecord(previous, shown, about)));
  const queued = await git.run(['ls-tree', head, work.path]);
  const blob = /^\d+ blob ([0-9a-f]+)\t/.exec(queued)?.[1];
  if (blob !== undefined) {
    await git.run(['update-index', '--force-remove', work.path], { env });
    await git.run(['update-index', '--add', '--cacheinfo', `100644,${blob},${donePath(work.job)}`], { env });
  }
  const tree = await git.run(['write-tree'], { env });
  rmSync(index, { force: true });
  if (tree === (await git.run(['rev-parse', `${head}^{tree}`]))) return null;
  const where = entry.runner === null ? '' : ` on ${entry.runner}`;
  const message = `guruguru: ${work.job} ${entry.state}${where}${options.skipCi ? ' [skip ci]' : ''}\n`;
  return git.run(['commit-tree', tree, '-p', head], { input: message, env });
}
