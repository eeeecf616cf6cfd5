import { type Heard, hear } from '../ask/receive-text.ts';
import type { BoundedMap } from '../github/bounded-map.ts';
import type { RepositoryContext } from '../github/call-github.ts';
import { type Changes, createChanges } from '../github/changes.ts';
import { type Look, type LookMemory, NOTHING } from '../github/look.ts';
import type { Issue, Pull } from '../github/types.ts';
import { JOB_ID } from '../job/job.ts';
import { parseSettings } from '../job/settings.ts';
import { getAsk } from '../store/asks.ts';
import { getCommand } from '../store/commands.ts';
import { listOpenGoals } from '../store/goals.ts';
import { getJob, listJobsByState, listUnfinishedJobs } from '../store/jobs.ts';
import { getPull } from '../store/pulls.ts';
import { pullData } from '../store/row-data.ts';
import { latestRun } from '../store/runs.ts';
import { getMark, getScan, putScan } from '../store/scans.ts';
import { listSchedules } from '../store/schedules.ts';
import type { Reader, Store } from '../store/store.ts';
import type { RepositoryRow } from '../store/tables.ts';
import { getWork } from '../store/work.ts';
import type { Due } from './due.ts';
import {
  commentText,
  type FoundText,
  hearEdited,
  isFresh,
  openingText,
  pullMark,
  reviewCommentText,
  type SeenPull,
} from './missed.ts';
import { recordInto } from './record.ts';

export interface ScanDeps {
  store: Store;
  now: () => number;
  memory: LookMemory;
  /** Marks of pull requests (missed.ts) as they were when they were last recorded, by repository and number. */
  marks: BoundedMap<string, string>;
  /** Repositories that were read since the start, their queue compared with the rows. */
  read: Set<number>;
}

/** Lists are read again from so long before the newest change in them: GitHub's replicas may lag, its seconds are whole. */
export const OVERLAP_MS = 120_000;
/** The cursor moves in steps, since a moved cursor is another list to GitHub, whose ETag is not known yet. */
const STEP_MS = 10 * 60_000;
/** Times are of whole seconds, and nobody says at what moment of an answer the list was read. */
const UNSETTLED_MS = 2_000;
/** A list longer than this is worth a step. */
const LONG = 50;
/** In a quiet repository the cursor follows GitHub's clock, long before ended commands are pruned. */
const OLD_MS = 24 * 3_600_000;
const QUIET_MS = 3_600_000;

/** Where a repository is read from for the first time: since the app last looked which repositories there are. */
export async function firstSince(db: Reader, now: number): Promise<number> {
  return ((await getMark(db, 'installations_read')) ?? now) - OVERLAP_MS;
}

/**
 * Records what webhooks may have missed in one repository. `full`: everything; otherwise only the list of
 * issues and pull requests is asked for as long as it has not changed. A comment, a review, a merge changes
 * it; a push to the default branch or an edited comment does not.
 * @returns `more` when a list was longer than what is read at once
 */
export async function scanRepository(
  d: ScanDeps,
  context: RepositoryContext,
  repo: RepositoryRow,
  full: boolean,
  signal: AbortSignal,
): Promise<'more' | 'done'> {
  const changes = createChanges(context, d.memory);
  const scan = await getScan(d.store.db, repo.id);
  const since = scan?.since ?? (await firstSince(d.store.db, d.now()));
  const from = new Date(since).toISOString().replace(/\.\d{3}Z$/, 'Z');
  const issues = await changes.issues(from, signal);
  // Only where a required check is missed on a group, which then never merges.
  const { reportOnEveryPr } = parseSettings(repo.settings_text).settings.gate;
  const groups = reportOnEveryPr ? await changes.mergeGroups(signal) : NOTHING;
  if (issues.same && (groups.same || !reportOnEveryPr) && !full) return 'done';
  const comments = await changes.comments(from, signal);
  const reviewComments = await changes.reviewComments(from, signal);
  // A repository never read before may have open job PRs of any age.
  const pullsFrom = scan ? from : '';
  const pulls = await changes.openPulls(pullsFrom, signal);
  const head = await changes.head(repo.default_branch, signal);
  const looks = [issues, groups, comments, reviewComments, pulls, head];

  const texts = [
    ...issues.items.map((issue) => openingText(repo.id, issue)),
    ...comments.items.map((comment) => commentText(repo.id, comment)),
    ...reviewComments.items.map((comment) => reviewCommentText(repo.id, comment)),
  ];
  const due: Due[] = await heardIn(d, changes, texts, since, signal);
  const proposed = await proposedPulls(d.store.db, repo.id);
  const marked = [
    ...(await changedPulls(d, repo, issues.items, pulls.items, pullsFrom)),
    ...closedPulls(d, repo, proposed, pulls),
  ];
  const reviewed = full ? await reviewedPulls(changes, repo, proposed, looks, signal) : [];
  for (const key of new Set([...marked.map(({ key }) => key), ...reviewed])) due.push({ kind: 'work', key });
  for (const sha of groups.items) due.push({ kind: 'work', key: `group:${repo.id}:${sha}` });
  if (full) due.push(...(await unreported(d.store.db, repo.id)));

  const [headSha = scan?.head ?? null] = head.items;
  if (headSha !== (scan?.head ?? null)) due.push({ kind: 'settings_changed', repoId: repo.id });
  const compare = headSha !== null && (headSha !== scan?.head || !d.read.has(repo.id));
  if (compare) due.push(...(await unqueued(d.store.db, changes, repo.id, headSha, signal)));
  if (compare && (await listSchedules(d.store.db, repo.id)).length > 0)
    due.push({ kind: 'work', key: `schedules:${repo.id}` });

  const next = nextSince(since, [issues, comments, reviewComments]);
  if (due.length > 0 || next !== since || !scan || scan.head !== headSha) {
    await d.store.write(async (tx) => {
      const now = d.now();
      await recordInto(tx, now, { due, deliveryId: '' });
      await putScan(tx, { repo_id: repo.id, since: next, head: headSha, updated_at: now });
    });
  }
  // What changed in the second of the answer, or about then, may change again without a trace in `updated_at`.
  const settled = (item: { updatedAt: string }) => Date.parse(item.updatedAt) < issues.at - UNSETTLED_MS;
  for (const one of marked) if (settled(one)) d.marks.set(one.key, one.mark);
  for (const one of looks) if (one !== issues || issues.items.every(settled)) one.keep();
  d.read.add(repo.id);
  return [issues, comments, reviewComments].some(({ truncated }) => truncated) ? 'more' : 'done';
}

/** Everything before it is recorded. A list that was cut goes on where it was cut. */
export function nextSince(
  since: number,
  looks: Pick<Look<{ updatedAt: string }>, 'items' | 'truncated' | 'at'>[],
): number {
  const last = ({ items }: { items: { updatedAt: string }[] }) =>
    Date.parse(items.at(-1)?.updatedAt ?? '') || since;
  const cut = looks.filter(({ truncated }) => truncated);
  if (cut.length > 0) return Math.max(since, Math.min(...cut.map(last)));
  const newest = Math.max(...looks.map(last)) - OVERLAP_MS;
  const long = looks.some(({ items }) => items.length > LONG);
  if (newest - since > STEP_MS || (long && newest > since)) return newest;
  // A wrong clock here must not skip anything.
  const now = Math.max(...looks.map(({ at }) => at));
  return now - since > OLD_MS ? now - QUIET_MS : since;
}

/** What texts start that have no row yet. Only of those that may have been edited GitHub is asked how they came to be. */
async function heardIn(
  d: ScanDeps,
  changes: Changes,
  texts: FoundText[],
  since: number,
  signal: AbortSignal,
): Promise<Heard[]> {
  const heard: Heard[] = [];
  for (const text of texts) {
    const plain = hear(text.written, d.now());
    if (!plain || (await isKnown(d.store.db, plain))) continue;
    const item = isFresh(text, since)
      ? plain
      : hearEdited(text, await changes.textHistory(text.nodeId, signal), since, d.now());
    if (item) heard.push(item);
  }
  return heard;
}

async function isKnown(db: Reader, { kind, row }: Heard): Promise<boolean> {
  return (await (kind === 'ask' ? getAsk(db, row.key) : getCommand(db, row.key))) !== undefined;
}

/** A pull request to look at, and the mark that says so no more. */
interface Marked {
  key: string;
  mark: string;
  updatedAt: string;
}

const ONE_PAGE = 100;
const LONG_AGO = new Date(0).toISOString();

async function changedPulls(
  d: ScanDeps,
  repo: RepositoryRow,
  issues: Issue[],
  pulls: Pull[],
  from: string,
): Promise<Marked[]> {
  const seen = new Map<number, SeenPull>();
  for (const issue of issues) {
    if (issue.isPull) seen.set(issue.number, { ...issue, open: issue.state === 'open', headSha: null });
  }
  for (const pull of pulls) seen.set(pull.number, { ...pull, open: true });
  const changed: Marked[] = [];
  for (const pull of seen.values()) {
    const row = await getPull(d.store.db, repo.id, pull.number);
    // A page of the open ones goes further back than asked for.
    if (!row && pull.updatedAt < from) continue;
    const key = `pr:${repo.id}:${pull.number}`;
    const mark = pullMark(pull, row ? pullData(row) : null);
    if (mark !== null && d.marks.get(key) !== mark) changed.push({ key, mark, updatedAt: pull.updatedAt });
  }
  return changed;
}

/** Numbers of the PRs whose jobs or goals wait for a yes, by our rows. */
async function proposedPulls(db: Reader, repoId: number): Promise<Set<number>> {
  const jobs = await listJobsByState(db, ['proposed'], repoId);
  const goals = (await listOpenGoals(db, repoId)).filter(({ state }) => state === 'proposed');
  return new Set([...jobs, ...goals].flatMap(({ pr_number: number }) => (number === null ? [] : [number])));
}

/** Those that the list of open ones does not show any more, if it is all of them. */
function closedPulls(
  d: ScanDeps,
  repo: RepositoryRow,
  proposed: ReadonlySet<number>,
  pulls: Look<Pull>,
): Marked[] {
  if (pulls.same || pulls.items.length >= ONE_PAGE) return [];
  const open = new Set(pulls.items.map(({ number }) => number));
  const mark = 'closed';
  return [...proposed]
    .filter((number) => !open.has(number))
    .map((number) => ({ key: `pr:${repo.id}:${number}`, mark, updatedAt: LONG_AGO }))
    .filter(({ key }) => d.marks.get(key) !== mark);
}

/** Open job PRs whose reviews have changed: whether a review changes its PR's `updated_at`, GitHub does not promise. */
async function reviewedPulls(
  changes: Changes,
  repo: RepositoryRow,
  numbers: ReadonlySet<number>,
  looks: Pick<Look<unknown>, 'keep'>[],
  signal: AbortSignal,
): Promise<string[]> {
  const keys: string[] = [];
  for (const number of numbers) {
    const found = await changes.reviews(number, signal);
    looks.push(found);
    if (!found.same) keys.push(`pr:${repo.id}:${number}`);
  }
  return keys;
}

/** Ended runs whose report nobody is at. Their work item goes with the row, so there should be none. */
async function unreported(db: Reader, repoId: number): Promise<Due[]> {
  const due: Due[] = [];
  for (const job of await listUnfinishedJobs(db, repoId)) {
    const key = `job:${repoId}:${job.id}`;
    const ended = !['proposed', 'queued', 'leased', 'running'].includes(job.state);
    if (!ended && (await latestRun(db, repoId, job.id))?.state !== 'finished') continue;
    if (!(await getWork(db, key))) due.push({ kind: 'work', key });
  }
  return due;
}

/** Merged job files that no row says to be in the queue: `found:` looks where they come from. */
async function unqueued(
  db: Reader,
  changes: Changes,
  repoId: number,
  headSha: string,
  signal: AbortSignal,
): Promise<Due[]> {
  const due: Due[] = [];
  for (const name of await changes.folder('jobs/queue', headSha, signal)) {
    const id = name.replace(/\.json$/, '');
    if (id === name || !JOB_ID.test(id)) continue;
    const row = await getJob(db, repoId, id);
    if (!row || row.state === 'proposed') due.push({ kind: 'work', key: `found:${repoId}:${id}` });
  }
  return due;
}
