import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Offer } from '../dispatch/protocol.ts';
import { cronTimes } from '../job/schedule/cron.ts';
import { parseSchedule } from '../job/schedule/parse-schedule.ts';
import { tickJobText } from '../job/schedule/tick-job.ts';
import { approvedPath, parseTickId, schedulePath, type Tick } from '../job/tick-id.ts';
import { backoffMs, pause } from './client.ts';
import { createGitHubGet, GitHubAwayError, GitHubDeniedError, type GitHubGet } from './github-get.ts';
import { type Proof, verifyGoal } from './verify-goal.ts';

export interface VerifyOptions {
  /** GitHub's REST API, without a slash at the end. */
  api: string;
  /** Reads contents and pull requests of the repositories; not the app's, and unknown to it. */
  token: string;
  /** Lower-case owner/name: an app in other hands could offer jobs of a repository of its own. */
  repositories: readonly string[];
  /** How long GitHub is asked again while it does not answer; shorter than a lease. Default 30,000 ms. */
  patienceMs?: number;
}

type RefusalReason =
  | 'repository_not_listed'
  | 'other_repository'
  | 'not_on_default_branch'
  | 'other_digest'
  | 'no_tick'
  | 'no_pull'
  | 'not_merged'
  | 'not_brought'
  | 'no_person'
  | 'outside_goal'
  | 'denied'
  | 'unreachable'
  | 'stopped';

export type Verified =
  | { ok: true; login: string; how: 'merge' | 'review' }
  /** By who approved its goal; `most`: jobs that the goal may have. */
  | { ok: true; login: string; how: 'goal'; goal: string; most: number }
  /** `message`: one line for the report. */
  | { ok: false; reason: RefusalReason; message: string };

const person = z.object({ login: z.string(), type: z.string() }).nullable();
const repository = z.object({ id: z.int(), default_branch: z.string() });
const content = z.object({ type: z.literal('file'), encoding: z.literal('base64'), content: z.string() });
const pull = z.object({
  merged: z.boolean(),
  merged_by: person,
  merged_at: z.string().nullish(),
  head: z.object({ sha: z.string() }),
  base: z.object({ ref: z.string() }),
});
const files = z.array(
  z.object({ filename: z.string(), status: z.string(), sha: z.string().nullable().optional() }),
);
const reviews = z.array(z.object({ user: person, state: z.string(), commit_id: z.string().nullable() }));
const timeline = z.array(z.object({ event: z.string().optional() }));
const permission = z.object({ permission: z.string() });

const PATIENCE_MS = 30_000;

/**
 * The runner's own proof that people want this job (design section 8), for runners on another machine than
 * the app. Nothing the app says counts, nor anything an app could write: the file must be on the default
 * branch byte for byte, and the PR that added it must have been merged by a person who may write, or have
 * such a person's approving review of the very commit that was merged. Without an answer of GitHub's
 * nothing runs.
 */
export async function verifyOffer(
  offer: Pick<Offer, 'repository' | 'repository_id' | 'pull' | 'goal_pull' | 'job_id' | 'file' | 'digest'>,
  options: VerifyOptions,
  signal: AbortSignal,
): Promise<Verified> {
  const get = createGitHubGet(options.api, options.token);
  const until = performance.now() + (options.patienceMs ?? PATIENCE_MS);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await verify(offer, options, get, signal);
    } catch (error) {
      if (signal.aborted) return refused('stopped', 'the runner was stopped before the job was verified');
      if (error instanceof GitHubDeniedError) return refused('denied', denied(error, offer.repository));
      const away = error instanceof GitHubAwayError || error instanceof z.ZodError;
      if (!away) throw error;
      const wait = backoffMs(attempt);
      if (performance.now() + wait > until) {
        const why = error instanceof GitHubAwayError ? error.message : 'its answer is not as documented';
        return refused('unreachable', `GitHub could not be asked who approved it (${why}). /retry it later`);
      }
      await pause(wait, signal).catch(() => undefined);
    }
  }
}

type Asked = Parameters<typeof verifyOffer>[0];

async function verify(
  offer: Asked,
  options: VerifyOptions,
  get: GitHubGet,
  signal: AbortSignal,
): Promise<Verified> {
  const { repository: name, job_id: id } = offer;
  if (!options.repositories.includes(name.toLowerCase())) {
    return refused(
      'repository_not_listed',
      `${name} is none of the repositories this runner verifies (GURUGURU_VERIFY_REPOSITORIES)`,
    );
  }
  const repo = `/repos/${name}`;
  const found = await get(repo, signal);
  if (found === null) return refused('denied', denied(new Error('GitHub answered 404'), name));
  const { id: repositoryId, default_branch: branch } = repository.parse(found);
  if (offer.repository_id !== undefined && offer.repository_id !== repositoryId)
    return refused('other_repository', `${name} is another repository than the one the app means`);

  const queued = approvedPath(id);
  const text = await defaultBranchFile(get, repo, branch, id, signal);
  if (text === null)
    return refused(
      'not_on_default_branch',
      `${queued} is not on ${branch}: it was never merged, or taken back`,
    );
  const tick = parseTickId(id);
  const notDue = tick && tickProblem(text, tick, queued, Date.now());
  if (notDue) return refused('no_tick', notDue);
  const made = tick ? jobOfTick(text, tick) : text;
  if (made === null || digestOf(made) !== offer.digest)
    return refused('other_digest', `${queued} on ${branch} is not the file that was offered`);

  if (offer.pull === undefined)
    return refused(
      'no_pull',
      `no PR brought ${queued}; only what a person merged or approved in one runs here`,
    );
  const asked = { get, repo, branch, signal };
  const brought = await provePull(asked, {
    number: offer.pull,
    path: queued,
    text,
    mayChange: tick !== null,
  });
  if (brought.ok) return { ok: true, login: brought.login, how: brought.how };
  if (brought.reason === 'no_person') {
    const proof = await verifyGoal(offer, brought.mergedAt, {
      read: (path) => readText(get, repo, branch, path, signal),
      prove: (number, path, file) => provePull(asked, { number, path, text: file, mayChange: false }),
    });
    if (proof?.ok) return proof;
    if (proof) return refused('outside_goal', proof.why);
  }
  const how = `Approve that PR by review, then /retry ${id}; with "gate.fenced: approve" fenced asks wait for it`;
  return refused(brought.reason, brought.reason === 'no_person' ? `${brought.why}. ${how}` : brought.why);
}

/**
 * Whose yes stands behind a file that a PR brought: a person's who may write and merged it, or who approved
 * exactly the merged commit by review.
 */
async function provePull(
  { get, repo, branch, signal }: { get: GitHubGet; repo: string; branch: string; signal: AbortSignal },
  { number, path, text, mayChange }: { number: number; path: string; text: string; mayChange: boolean },
): Promise<Proof> {
  const pullPath = `${repo}/pulls/${number}`;
  const answer = await get(pullPath, signal);
  const given = answer === null ? null : pull.parse(answer);
  const no = (reason: 'not_merged' | 'not_brought' | 'no_person', why: string): Proof => ({
    ok: false,
    reason,
    why,
    mergedAt: Date.parse(given?.merged_at ?? ''),
  });
  if (!given?.merged || given.base.ref !== branch)
    return no('not_merged', `PR #${number} was not merged into ${branch}`);
  if (!(await brings(get, pullPath, path, blobSha(text), mayChange, signal)))
    return no('not_brought', `PR #${number} did not add ${path} as it was offered`);
  const mergedAt = Date.parse(given.merged_at ?? '');
  const may = async (login: string) => {
    const level = await get(`${repo}/collaborators/${encodeURIComponent(login)}/permission`, signal);
    return level !== null && ['admin', 'write'].includes(permission.parse(level).permission);
  };
  const merger = given.merged_by;
  if (merger?.type === 'User' && (await may(merger.login)) && !(await wasArmed(get, repo, number, signal)))
    return { ok: true, login: merger.login, how: 'merge', mergedAt };
  for (const login of await approvers(get, pullPath, given.head.sha, signal))
    if (await may(login)) return { ok: true, login, how: 'review', mergedAt };
  return no(
    'no_person',
    `no person with write access merged PR #${number} or approved its last commit by review`,
  );
}

function refused(reason: RefusalReason, why: string): Verified {
  return { ok: false, reason, message: `refused by --verify: ${why}.` };
}

function denied(error: Error, name: string): string {
  return `${error.message}. Its token must read contents and pull requests of ${name}, and its owner must be able to write there, or GitHub does not tell who may`;
}

/** The schedule's; else the file in the queue, or where the app moves it when a run has ended: `/retry` runs that one again. */
async function defaultBranchFile(
  get: GitHubGet,
  repo: string,
  branch: string,
  id: string,
  signal: AbortSignal,
): Promise<string | null> {
  const done = `jobs/done/${id.slice(0, 7)}/${id}.json`;
  for (const path of parseTickId(id) ? [approvedPath(id)] : [approvedPath(id), done]) {
    const text = await readText(get, repo, branch, path, signal);
    if (text !== null) return text;
  }
  return null;
}

async function readText(
  get: GitHubGet,
  repo: string,
  branch: string,
  path: string,
  signal: AbortSignal,
): Promise<string | null> {
  const file = await get(`${repo}/contents/${path}?ref=${encodeURIComponent(branch)}`, signal);
  const parsed = content.safeParse(file);
  return parsed.success ? Buffer.from(parsed.data.content, 'base64').toString('utf8') : null;
}

function digestOf(text: string): string {
  return `sha256:${createHash('sha256').update(text, 'utf8').digest('hex')}`;
}

/** So long a tick may wait for its runner once the next one is due. */
const TICK_WAITS_MS = 24 * 3_600_000;
/** The app's clock may be ahead of this one by so much. */
const AHEAD_MS = 5 * 60_000;

/**
 * null, or why the schedule as people approved it brings no such tick now. A tick of long ago is none either:
 * an app in other hands could have every one of them run again.
 */
function tickProblem(text: string, tick: Tick, path: string, now: number): string | null {
  const parsed = parseSchedule(text, { path });
  if (!parsed.ok) return `${path} is not a valid schedule: ${parsed.findings[0]?.message ?? ''}`;
  const { cron, time_zone, paused } = parsed.schedule;
  const at = new Date(tick.at).toISOString();
  if (paused) return `${path} says that it is paused`;
  const times = cronTimes(cron, time_zone);
  if (times.next(tick.at - 1) !== tick.at) return `${path} has no tick at ${at}`;
  if (tick.at > now + AHEAD_MS) return `the tick of ${at} is still to come`;
  const next = times.next(tick.at);
  return next !== null && next < now - TICK_WAITS_MS ? `the tick of ${at} is over since long` : null;
}

function jobOfTick(text: string, tick: Tick): string | null {
  const parsed = parseSchedule(text, { path: schedulePath(tick.name) });
  return parsed.ok ? tickJobText(parsed.schedule, tick.at) : null;
}

/** Whether the PR's own changes bring the file: one that its branch merely contains was shown to nobody. */
async function brings(
  get: GitHubGet,
  pullPath: string,
  path: string,
  sha: string,
  mayChange: boolean,
  signal: AbortSignal,
): Promise<boolean> {
  const brought = mayChange ? ['added', 'modified', 'renamed'] : ['added'];
  for await (const page of pages(get, `${pullPath}/files`, files, signal)) {
    const file = page.find((one) => one.filename === path);
    if (file) return brought.includes(file.status) && file.sha === sha;
  }
  return false;
}

/** A merge that was armed beforehand says nothing of what was pushed between arming and merging. */
async function wasArmed(get: GitHubGet, repo: string, number: number, signal: AbortSignal): Promise<boolean> {
  for await (const page of pages(get, `${repo}/issues/${number}/timeline`, timeline, signal)) {
    if (page.some(({ event }) => /^auto_\w+_enabled$/.test(event ?? ''))) return true;
  }
  return false;
}

/** People whose last word on exactly this commit is an approval that stands. */
async function approvers(
  get: GitHubGet,
  pullPath: string,
  headSha: string,
  signal: AbortSignal,
): Promise<string[]> {
  const last = new Map<string, boolean>();
  for await (const page of pages(get, `${pullPath}/reviews`, reviews, signal)) {
    for (const { user, state, commit_id } of page) {
      if (user?.type !== 'User' || !['APPROVED', 'CHANGES_REQUESTED', 'DISMISSED'].includes(state)) continue;
      last.set(user.login, state === 'APPROVED' && commit_id === headSha);
    }
  }
  return [...last].flatMap(([login, approves]) => (approves ? [login] : []));
}

/** As many as GitHub lists of a PR's files. */
const MAX_PAGES = 30;
const PAGE_SIZE = 100;

async function* pages<T>(get: GitHubGet, path: string, shape: z.ZodType<T[]>, signal: AbortSignal) {
  for (let page = 1; page <= MAX_PAGES; page += 1) {
    const items = shape.parse((await get(`${path}?per_page=${PAGE_SIZE}&page=${page}`, signal)) ?? []);
    yield items;
    if (items.length < PAGE_SIZE) return;
  }
  throw new GitHubDeniedError(`GitHub lists more than ${MAX_PAGES * PAGE_SIZE} entries at ${path}`);
}

/** Git's name of a blob: SHA-1 over `blob <bytes>\0<content>`. */
function blobSha(text: string): string {
  const bytes = Buffer.from(text, 'utf8');
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}
