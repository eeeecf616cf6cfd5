import { dirname } from 'node:path/posix';
import type { Scope } from '../github/scope.ts';
import type { BranchView, CommitOutcome, FileChange } from '../github/types.ts';
import { scriptOf } from '../job/job.ts';
import { decodeLog, jobFacts, type RunEntry, renderLog, runEntry } from '../job/report-format.ts';
import { LOOP_PATH } from '../job/report-paths.ts';
import type { Schedule } from '../job/schedule/schedule.ts';
import { tickFolder } from '../job/schedule/tick-job.ts';
import { redactJson, redactPublished } from '../job/secrets/redact-published.ts';
import { ticksCommitMessage } from '../messages/commit-messages.ts';
import { getJob } from '../store/jobs.ts';
import { readLog } from '../store/logs.ts';
import { latestRun } from '../store/runs.ts';
import type { TickRow } from '../store/tables.ts';
import { jobOf } from './judge-run.ts';
import { type LoopEntry, updateLoop } from './loop-md.ts';
import { ensureReportsBranch, FALLBACK_REPORTS_BRANCH } from './reports-branch.ts';

/** Logs that one commit adds: of what changed, then of what failed, then the newest. */
const LOGS_MAX = 24;

/** What is known of the schedule after these ticks: a lost database begins again with it. */
export function healthPath(name: string): string {
  return `reports/schedules/${name}/state.json`;
}

/** One line of a day's file. */
interface TickLine {
  /** Where its day's file is. */
  path: string;
  id: string;
  text: string;
}

/**
 * Adds the results of ticks to the repository in one commit: a line each in the file of their day, their logs,
 * the state after them, and how that stands in `reports/loop.md` (`line`). Done twice, it is there once. Resolves to the commit that has them.
 */
export async function commitTicks(
  scope: Scope,
  schedule: Schedule,
  ticks: readonly TickRow[],
  state: { health: string; line: string },
): Promise<string> {
  const own = scope.settings.reports.branch;
  const first = own ?? scope.repo.default_branch;
  let outcome = await hidingMore((hide) => write(scope, schedule, ticks, state, first, hide));
  if (outcome.kind === 'refused' && !own) {
    await ensureReportsBranch(scope, FALLBACK_REPORTS_BRANCH);
    outcome = await hidingMore((hide) => write(scope, schedule, ticks, state, FALLBACK_REPORTS_BRANCH, hide));
  }
  if (outcome.kind === 'refused' || outcome.kind === 'secret_blocked')
    throw new Error(`the results of ${schedule.name} are refused: ${outcome.message}`);
  return outcome.kind === 'committed' ? outcome.sha : outcome.headSha;
}

/** What GitHub takes for a secret may look like none to us: hide more, then leave the logs out. */
type Hide = 'known' | 'opaque' | 'logs';

async function hidingMore(tryOnce: (hide: Hide) => Promise<CommitOutcome>): Promise<CommitOutcome> {
  let outcome = await tryOnce('known');
  if (outcome.kind === 'secret_blocked') outcome = await tryOnce('opaque');
  return outcome.kind === 'secret_blocked' ? tryOnce('logs') : outcome;
}

async function write(
  scope: Scope,
  schedule: Schedule,
  ticks: readonly TickRow[],
  { health, line }: { health: string; line: string },
  branch: string,
  hide: Hide,
): Promise<CommitOutcome> {
  const redact = (text: string) => redactPublished(text, hide !== 'known');
  const kept = new Set(hide === 'logs' ? [] : withLogs(ticks));
  const lines: TickLine[] = [];
  const logs: FileChange[] = [];
  for (const tick of ticks) {
    const entry = entryOf(tick);
    const log = entry?.log && kept.has(tick) ? await logOf(scope, tick) : null;
    if (entry?.log && log !== null) logs.push({ path: entry.log, content: redact(log) });
    lines.push(
      await lineOf(scope, schedule, tick, entry, log === null ? null : (entry?.log ?? null), redact),
    );
  }
  const newest = ticks.findLast((tick) => tick.state === 'ended' && entryOf(tick) !== null);
  const news = {
    schedules: [{ key: schedule.name, text: redact(line) }],
    runs: newest ? [loopEntry(schedule, newest, kept.has(newest), lines)] : [],
  };
  const changed = ticks.some(({ flipped }) => flipped === 1);
  return scope.client.commitFiles(
    {
      branch,
      message: ticksCommitMessage(
        { id: schedule.name, title: schedule.title },
        { count: ticks.length, changed },
        scope.settings.reports.skipCi,
      ),
      files: async (at) => {
        const days = await dayFiles(at, lines);
        // All of them are there: what is left would only be the state, which is as old as they are.
        if (days.length === 0) return null;
        const loop = {
          path: LOOP_PATH,
          content: updateLoop((await at.readFile(LOOP_PATH))?.text ?? null, news),
        };
        return [...days, ...logs, loop, { path: healthPath(schedule.name), content: `${health}\n` }];
      },
    },
    scope.signal,
  );
}

/** The newest result of a commit: what goes on every few minutes must not push out everything else. */
function loopEntry(
  schedule: Schedule,
  tick: TickRow,
  hasLog: boolean,
  lines: readonly TickLine[],
): LoopEntry {
  const entry = entryOf(tick);
  return {
    id: tick.id,
    title: `${schedule.name}: ${schedule.title ?? 'schedule'}`,
    verdict: entry?.state ?? 'lost',
    reason: entry?.reason ?? 'lost',
    finishedAt: entry?.finished_at ?? new Date(tick.at).toISOString(),
    attempt: entry?.attempt ?? 1,
    report: (hasLog && entry?.log) || (lines.find(({ id }) => id === tick.id)?.path ?? ''),
  };
}

/** The files of the days whose lines are not there yet. A run again of one tick takes the place of its line. */
async function dayFiles(at: BranchView, lines: readonly TickLine[]): Promise<FileChange[]> {
  const files: FileChange[] = [];
  for (const path of new Set(lines.map((line) => line.path))) {
    const before = ((await at.readFile(path))?.text ?? '').split('\n').filter((line) => line !== '');
    const ours = lines.filter((line) => line.path === path);
    if (ours.every(({ text }) => before.includes(text))) continue;
    const others = before.filter(
      (line) => !ours.some(({ id }) => line.startsWith(`{"tick":${JSON.stringify(id)},`)),
    );
    files.push({ path, content: `${[...others, ...ours.map(({ text }) => text)].join('\n')}\n` });
  }
  return files;
}

/** null: it had no run. */
export function entryOf(tick: Pick<TickRow, 'entry'>): RunEntry | null {
  return tick.entry === null ? null : runEntry.parse(JSON.parse(tick.entry));
}

function withLogs(ticks: readonly TickRow[]): TickRow[] {
  const rank = (tick: TickRow) => (tick.flipped === 1 ? 0 : entryOf(tick)?.state === 'succeeded' ? 2 : 1);
  return ticks.toSorted((a, b) => rank(a) - rank(b) || b.at - a.at).slice(0, LOGS_MAX);
}

async function logOf(scope: Scope, tick: TickRow): Promise<string | null> {
  const job = await getJob(scope.store.db, tick.repo_id, tick.id);
  const run = await latestRun(scope.store.db, tick.repo_id, tick.id);
  if (!job || !run) return null;
  return renderLog(decodeLog(await readLog(scope.store.db, run.id)), scriptOf(jobOf(job)));
}

async function lineOf(
  scope: Scope,
  schedule: Schedule,
  tick: TickRow,
  entry: RunEntry | null,
  log: string | null,
  redact: (text: string) => string,
): Promise<TickLine> {
  const job = await getJob(scope.store.db, tick.repo_id, tick.id);
  const folder = job ? dirname(jobOf(job).report_path) : tickFolder(schedule, tick.at);
  const told = {
    tick: tick.id,
    at: new Date(tick.at).toISOString(),
    state: tick.state === 'ended' ? (entry?.state ?? 'lost') : tick.state,
    ...(tick.late ? { late: true } : {}),
    ...(tick.missed > 0 ? { missed_before: tick.missed } : {}),
    ...(entry && tick.state === 'ended' ? resultOf(entry) : {}),
    ...(entry && job ? jobFacts(jobOf(job)) : {}),
    ...(log === null ? {} : { log }),
    schedule_blob: tick.blob_sha,
  };
  return { path: `${folder}.ndjson`, id: tick.id, text: JSON.stringify(redactJson(told, redact)) };
}

function resultOf(entry: RunEntry) {
  const { verdict, saw, message } = entry.dod;
  return {
    reason: entry.reason,
    attempt: entry.attempt,
    runner: entry.runner,
    started_at: entry.started_at,
    finished_at: entry.finished_at,
    duration_seconds: entry.duration_seconds,
    exit_code: entry.exit_code,
    dod: { verdict, ...(saw ? { saw } : {}), ...(message ? { message } : {}) },
    ...(entry.agent ? { agent: { usage: entry.agent.usage } } : {}),
    ...(entry.message ? { message: entry.message } : {}),
    ...(entry.report === undefined ? {} : { report: entry.report }),
  };
}
