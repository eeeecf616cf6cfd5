import type { Scope } from '../github/scope.ts';
import type { BranchView, CommitOutcome, FileChange } from '../github/types.ts';
import { firstLineOf, scriptOf } from '../job/job.ts';
import {
  buildRecord,
  decodeLog,
  eventsOf,
  jobFacts,
  parseRecord,
  type ResultRecord,
  renderLog,
  renderRecord,
  runEntry,
} from '../job/report-format.ts';
import { donePath, eventsPath, LOOP_PATH, recordPath } from '../job/report-paths.ts';
import { type LogRecord, runResult } from '../job/run-result.ts';
import { redactJson, redactPublished } from '../job/secrets/redact-published.ts';
import { reportCommitMessage } from '../messages/commit-messages.ts';
import { goalCallsKey, goalOfJob } from '../store/goals.ts';
import { getJob, patchJob } from '../store/jobs.ts';
import { readLog } from '../store/logs.ts';
import { listModelCalls } from '../store/model-calls.ts';
import { getPublished, putPublished } from '../store/published.ts';
import type { Approval } from '../store/row-data.ts';
import type { JobRow, ModelCallRow, RunRow } from '../store/tables.ts';
import { enqueue } from '../store/work.ts';
import { jobOf } from './judge-run.ts';
import { updateLoop } from './loop-md.ts';
import { contradictionKey } from './propose-correction.ts';
import { ensureReportsBranch, FALLBACK_REPORTS_BRANCH } from './reports-branch.ts';

/**
 * One commit ends a run: the log, the result record, `reports/loop.md`, and the job file moved to
 * `jobs/done/`. Where the default branch refuses the app, the records go to the reports branch and the
 * queue file stays. A log with a secret-shaped text that GitHub blocks is left out and the record says so.
 */
export async function commitReport(scope: Scope, row: JobRow, run: RunRow | undefined): Promise<void> {
  const key = `report:${row.repo_id}:${row.id}:${row.attempt}:${run?.id ?? 'none'}`;
  const intent = await getPublished(scope.store.db, key);
  if (!intent) {
    await scope.store.write((tx) =>
      putPublished(tx, { key, github_id: 0, digest: '', updated_at: scope.now() }),
    );
  }
  const records = run ? decodeLog(await readLog(scope.store.db, run.id)) : [];
  const log = redactPublished(renderLog(records, scriptOf(jobOf(row))));
  let beside = run ? filesBeside(row, run, records) : [];
  const goal = row.ask_key ? undefined : await goalOfJob(scope.store.db, row.repo_id, row.id);
  const calls = row.ask_key ?? (goal && goalCallsKey(goal));
  const planning = calls ? planningOf(await listModelCalls(scope.store.db, calls)) : [];
  const write = (branch: string, shown: string | null, again: boolean) =>
    writeOne(scope, { row, planning, branch, log: shown, beside, again });
  const own = scope.settings.reports.branch;
  let shown: string | null = log;
  let branch = own ?? scope.repo.default_branch;
  let outcome = await write(branch, shown, intent !== undefined);
  if (outcome.kind === 'secret_blocked') {
    // What GitHub takes for a secret may look like none to us: hide more, then leave the log out.
    shown = redactPublished(log, true);
    beside = [];
    outcome = await write(branch, shown, true);
  }
  if (outcome.kind === 'secret_blocked') {
    shown = null;
    outcome = await write(branch, shown, true);
  }
  if (outcome.kind === 'refused' && !own) {
    scope.log.warn(
      { job: row.id, branch, reason: outcome.message },
      'the default branch refuses the report; using the reports branch',
    );
    branch = FALLBACK_REPORTS_BRANCH;
    await ensureReportsBranch(scope, branch);
    outcome = await write(branch, shown, true);
  }
  if (outcome.kind === 'refused' || outcome.kind === 'secret_blocked') {
    throw new Error(`${branch} refuses the report of ${row.id}: ${outcome.message}`);
  }
  const sha = outcome.kind === 'committed' ? outcome.sha : outcome.headSha;
  await scope.store.write(async (tx) => {
    // A late result may have come meanwhile: then this record is not the last word.
    const now = await getJob(tx, row.repo_id, row.id);
    if (now?.attempt !== row.attempt || now.verdict !== row.verdict) return;
    await patchJob(tx, row.repo_id, row.id, { report_sha: sha, updated_at: scope.now() });
    if (jobOf(row).serves?.length) await enqueue(tx, contradictionKey(row));
  });
}

/** The calls that planned it, as its record keeps them: the ledger is made from records. */
function planningOf(calls: readonly ModelCallRow[]): NonNullable<ResultRecord['planning']> {
  return calls
    .filter(({ outcome }) => outcome !== 'unanswered')
    .map((call) => ({
      id: call.id,
      model: call.model,
      input_tokens: Number(call.input_tokens),
      output_tokens: Number(call.output_tokens),
      at: new Date(Number(call.at)).toISOString(),
    }));
}

/** The events of an agent's run as they came, and the diff that became no PR. */
function filesBeside(row: JobRow, run: RunRow, records: readonly LogRecord[]): FileChange[] {
  const { agent } = runEntry.parse(JSON.parse(row.verdict ?? 'null'));
  if (!agent) return [];
  const events = redactPublished(eventsOf(records));
  const path = agent.change.state === 'kept' ? agent.change.diff : null;
  const diff = runResult.parse(JSON.parse(run.result ?? 'null')).agent?.diff ?? '';
  return [
    ...(events === '' ? [] : [{ path: eventsPath(jobOf(row).report_path, run.attempt), content: events }]),
    ...(path === null || diff === '' ? [] : [{ path, content: diff }]),
  ];
}

interface Report {
  row: JobRow;
  planning: NonNullable<ResultRecord['planning']>;
  branch: string;
  /** null: it is left out. */
  log: string | null;
  /** What an agent left; none once GitHub has blocked it. */
  beside: FileChange[];
  /** It may be there already. */
  again: boolean;
}

function writeOne(
  scope: Scope,
  { row, planning, branch, log, beside, again }: Report,
): Promise<CommitOutcome> {
  const job = jobOf(row);
  // As it will be published, so that a second try finds it there.
  const entry = redactJson(runEntry.parse(JSON.parse(row.verdict ?? 'null')), redactPublished);
  const kept =
    log === null
      ? { ...entry, log: null, message: 'GitHub blocked the log: it holds what looks like a secret' }
      : entry;
  const path = recordPath(job.report_path);
  const record = (previous: ResultRecord | null) =>
    renderRecord(
      buildRecord(previous, kept, {
        id: row.id,
        job_digest: row.digest,
        repository: `${scope.repo.owner}/${scope.repo.name}`,
        ...jobFacts(job),
        ...(planning.length > 0 ? { planning } : {}),
        ...(row.approval ? { approval: JSON.parse(row.approval) as Approval } : {}),
      }),
    );
  return scope.client.commitFiles(
    {
      branch,
      message: reportCommitMessage(
        job,
        { verdict: entry.state, attempt: entry.attempt, runner: entry.runner },
        scope.settings.reports.skipCi,
      ),
      files: async (at: BranchView) => {
        const previous = row.attempt > 1 || again ? await readRecord(at, path) : null;
        const loop = (await at.readFile(LOOP_PATH))?.text ?? null;
        const files: FileChange[] = [
          { path, content: record(previous) },
          {
            path: LOOP_PATH,
            content: updateLoop(loop, {
              runs: [
                {
                  id: row.id,
                  title: job.title ?? firstLineOf(job),
                  verdict: entry.state,
                  reason: entry.reason,
                  finishedAt: entry.finished_at ?? new Date(scope.now()).toISOString(),
                  attempt: entry.attempt,
                  report: kept.log ?? path,
                },
              ],
            }),
          },
        ];
        if (kept.log !== null && log) files.push({ path: kept.log, content: log });
        files.push(...beside);
        if (branch === scope.repo.default_branch) {
          files.push(
            { path: `jobs/queue/${row.id}.json`, content: null },
            { path: donePath(row.id), content: row.file },
          );
        }
        return files;
      },
      ...(again
        ? {
            alreadyThere: async (at: BranchView) => {
              const there = await readRecord(at, path);
              return there?.runs.some((run) => JSON.stringify(run) === JSON.stringify(kept))
                ? at.headSha
                : null;
            },
          }
        : {}),
    },
    scope.signal,
  );
}

async function readRecord(at: BranchView, path: string): Promise<ResultRecord | null> {
  const file = await at.readFile(path);
  return file ? parseRecord(file.text) : null;
}
