import type { TreeEntry } from '../github/types.ts';
import { LOOP_PATH } from '../job/report-paths.ts';
import { assembleContext, type Change, type FileText } from './context-assemble.ts';
import { lastReports, namedFiles } from './context-files.ts';
import type { ContextRequest, PlanContext } from './plan-context.ts';
import type { BlobCache, RepositoryReader } from './repository-reader.ts';

const COMMENTS_MAX = 30;
const LOGINS_MAX = 10;
const BLOBS_MAX = 40;
const BLOB_BYTES_MAX = 256 * 1024;
const REPORTS = 3;
/** At best: plain ASCII. */
const BYTES_PER_TOKEN = 4;
/** Requests under way at once. */
const TOGETHER = 6;

/**
 * Reads what the planner needs in few requests: the tree once, the thread, the diff, at most 40 blobs that
 * the cache does not hold. Failures other than "it is not there" throw.
 */
export async function gatherContext(
  repo: RepositoryReader,
  request: ContextRequest,
  signal: AbortSignal,
): Promise<PlanContext> {
  const { ask, settings } = request;
  const [tree, issue, comments, change] = await Promise.all([
    readTree(repo, request.defaultBranch, signal),
    // A PR tells its own title and text.
    ask.onPull ? null : repo.issue(ask.thread, signal),
    repo.comments(ask.thread, { limit: COMMENTS_MAX }, signal),
    ask.onPull ? readChange(repo, ask.thread, settings.context.maxTokens, signal) : null,
  ]);
  const thread = issue ?? change?.pull;
  if (!thread) throw new Error(`#${ask.thread} is neither an issue nor a pull request`);
  const others = comments.filter((comment) => comment.id !== ask.commentId);
  const people = others.filter((comment) => !comment.ours).map((comment) => comment.login);
  const writers = await whoMayWrite(repo, ask.login, [thread.login, ...people.reverse()], signal);

  // Short, and how things stand: whatever else the settings name, and however long that is.
  const named = namedFiles(tree.entries, [LOOP_PATH, ...settings.context.files]);
  const reports = lastReports(tree.entries, REPORTS).filter((entry) => !named.includes(entry));
  const { chosen, notices } = choose(named, BLOBS_MAX - reports.length, settings.context.maxTokens);
  return assembleContext({
    request,
    commit: tree.commit,
    entries: tree.entries,
    thread,
    comments: others,
    writers,
    change,
    files: await readFiles(repo, chosen, request.cache, signal),
    reports: await readFiles(repo, reports.filter(small), request.cache, signal),
    notices: tree.truncated
      ? [...notices, 'the tree is larger than GitHub lists; part of it is missing']
      : notices,
  });
}

async function readTree(
  repo: RepositoryReader,
  branch: string,
  signal: AbortSignal,
): Promise<{ commit: string; entries: TreeEntry[]; truncated: boolean }> {
  const commit = await repo.branchHead(branch, signal);
  if (commit === null) return { commit: '', entries: [], truncated: false };
  return { commit, ...(await repo.tree(commit, { recursive: true }, signal)) };
}

async function readChange(
  repo: RepositoryReader,
  number: number,
  maxTokens: number,
  signal: AbortSignal,
): Promise<Change> {
  const [pull, diff] = await Promise.all([
    repo.pull(number, signal),
    repo.pullDiff(number, maxTokens * BYTES_PER_TOKEN, signal),
  ]);
  // GitHub shows no diff that is too large; the names of the files are better than nothing.
  const tooLarge = diff.text === '' && diff.truncated;
  return { pull, diff, files: tooLarge ? (await repo.pullFiles(number, signal)).files : [] };
}

/** The asker was checked when the ask arrived; of the others the newest ten are looked up. */
async function whoMayWrite(
  repo: RepositoryReader,
  asker: string,
  logins: readonly string[],
  signal: AbortSignal,
): Promise<Set<string>> {
  // An app writes no asks, and what it writes is not a person's word.
  const distinct = new Set(logins.filter((login) => login !== asker && !login.endsWith('[bot]')));
  const writers = new Set([asker]);
  await eachTogether([...distinct].slice(0, LOGINS_MAX), async (login) => {
    const permission = await repo.permission(login, signal);
    if (permission === 'admin' || permission === 'write') writers.add(login);
  });
  return writers;
}

/** Files worth reading: not too large, not too many, and no more than could fit. */
function choose(
  named: readonly TreeEntry[],
  count: number,
  maxTokens: number,
): { chosen: TreeEntry[]; notices: string[] } {
  const notices = named
    .filter((entry) => !small(entry))
    .map((entry) => `${entry.path}: left out, larger than 256 KiB`);
  let room = maxTokens * BYTES_PER_TOKEN;
  const chosen = named.filter(small).filter((entry, index) => {
    const fits = index < count && room > 0;
    if (fits) room -= entry.size;
    return fits;
  });
  const rest = named.filter(small).length - chosen.length;
  if (rest > 0) notices.push(`${rest} more files named by the configuration: left out, no room`);
  return { chosen, notices };
}

function small(entry: TreeEntry): boolean {
  return entry.size <= BLOB_BYTES_MAX;
}

/** The text of blobs, in their order; null for what is not text. */
async function readFiles(
  repo: RepositoryReader,
  entries: readonly TreeEntry[],
  cache: BlobCache | undefined,
  signal: AbortSignal,
): Promise<FileText[]> {
  return eachTogether(entries, async ({ path, sha }) => {
    const known = cache?.get(sha);
    const bytes = known ?? (await repo.readBlob(sha, signal));
    if (!known) cache?.set(sha, bytes);
    return { path, text: decode(bytes) };
  });
}

function decode(bytes: Uint8Array): string | null {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return text.includes('\0') ? null : text;
  } catch {
    return null;
  }
}

async function eachTogether<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += TOGETHER) {
    results.push(...(await Promise.all(items.slice(at, at + TOGETHER).map(work))));
  }
  return results;
}
