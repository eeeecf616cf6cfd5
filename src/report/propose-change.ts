import { isGitHubError } from '../github/errors.ts';
import { ForeignPullError } from '../github/pulls.ts';
import { repositoryUrl, type Scope } from '../github/scope.ts';
import type { FileChange, TreeEntry } from '../github/types.ts';
import type { AgentEntry, ChangeRecord } from '../job/change/agent-entry.ts';
import { applyDiff } from '../job/change/apply-diff.ts';
import { type ChangeProblem, judgeChange } from '../job/change/judge-change.ts';
import { type FileDiff, parseDiff } from '../job/change/parse-diff.ts';
import { parseGoal } from '../job/parse-goal.ts';
import { diffPath } from '../job/report-paths.ts';
import { runResult } from '../job/run-result.ts';
import { changeCommitMessage, changePullTitle } from '../messages/commit-messages.ts';
import { codeCell, list, paragraphs, quote } from '../messages/markdown.ts';
import { messagesFor } from '../messages/messages.ts';
import { clip } from '../messages/plain-text.ts';
import { getGoal } from '../store/goals.ts';
import { getJob, patchJob } from '../store/jobs.ts';
import type { JobView } from './job-view.ts';

const FILES_SHOWN = 50;
const MESSAGE_MAX = 6_000;
const BYTES_MAX = 5 * 1024 * 1024;

/**
 * Makes the PR with an agent's change, or says why not; either way the entry of the run, which is what is committed,
 * tells it. Done twice, it is there once: the branch is named after the run, and is ours only if it holds exactly
 * this change.
 */
export async function proposeChange(scope: Scope, view: JobView): Promise<void> {
  const { row, run, entry } = view;
  if (!run || !entry?.agent) return;
  const diff = runResult.parse(JSON.parse(run.result ?? 'null')).agent?.diff ?? '';
  const made = await makeChange(scope, view, entry.agent, diff).catch((error: unknown): ChangeProblem => {
    // What may pass is tried again; what GitHub will always say is an answer.
    if (isGitHubError(error, 'secret_blocked')) return { code: 'secret', detail: error.message };
    if (isGitHubError(error, 'forbidden', 'validation')) return { code: 'refused', detail: error.message };
    throw error;
  });
  const change: ChangeRecord =
    'pull' in made
      ? { state: 'proposed', ...made }
      : {
          state: 'kept',
          code: made.code,
          detail: made.detail?.slice(0, 500) ?? null,
          diff: made.code === 'secret' ? null : diffPath(view.job.report_path, run.attempt),
        };
  const verdict = JSON.stringify({ ...entry, agent: { ...entry.agent, change } });
  await scope.store.write(async (tx) => {
    const now = await getJob(tx, row.repo_id, row.id);
    if (now?.attempt !== row.attempt || now.verdict !== row.verdict) return;
    await patchJob(tx, row.repo_id, row.id, { verdict, updated_at: scope.now() });
  });
}

/** What the envelope of its goal lets an agent change; null = it is no goal's job. */
async function goalPaths(scope: Scope, { job }: JobView): Promise<readonly string[] | null> {
  const goal = job.goal ? await getGoal(scope.store.db, scope.repo.id, job.goal) : undefined;
  const parsed = goal && parseGoal(goal.file, { path: `jobs/goals/${goal.id}.json` });
  return parsed?.ok ? parsed.goal.envelope.paths : null;
}

async function makeChange(
  scope: Scope,
  view: JobView,
  agent: AgentEntry,
  diff: string,
): Promise<{ pull: number; url: string } | ChangeProblem> {
  const { client, repo, settings, signal } = scope;
  const parsed = parseDiff(diff);
  if (!parsed.ok) return { code: 'unreadable', detail: parsed.problem };
  const bytes = Buffer.byteLength(diff);
  const paths = await goalPaths(scope, view);
  const problem =
    judgeChange(parsed.files, bytes, settings.policy.agent) ??
    (paths && judgeChange(parsed.files, bytes, { ...settings.policy.agent, paths }));
  if (problem) return problem;
  if (!(await isOnDefaultBranch(scope, agent.base))) return { code: 'base_unknown', detail: agent.base };
  const files = await changedFiles(scope, agent.base, parsed.files);
  if ('code' in files) return files;
  const attempt = Math.max(1, view.row.attempt);
  const login = view.ask?.login ?? null;
  const first = `guruguru/job-${view.row.id}-${attempt}`;
  // Branch names can be guessed: where somebody was first, take one that depends on the change.
  for (const branch of [first, `${first}-${agent.base.slice(0, 8)}`]) {
    const message = changeCommitMessage(view.job, login);
    const commit = await client.ensureBranchCommit({ branch, base: agent.base, files, message }, signal);
    if (commit.kind === 'foreign_branch') continue;
    try {
      const pull = await client.ensurePull(
        {
          head: branch,
          base: repo.default_branch,
          title: changePullTitle(view.job),
          body: changeBody(
            scope,
            view,
            agent,
            parsed.files.map(({ path }) => path),
          ),
          // Whoever merged or closed it has decided.
          again: true,
        },
        signal,
      );
      return { pull: pull.number, url: pull.url };
    } catch (error) {
      if (!(error instanceof ForeignPullError)) throw error;
    }
  }
  return { code: 'refused', detail: `the branch ${first} exists and is not ours` };
}

async function isOnDefaultBranch({ client, repo, signal }: Scope, base: string): Promise<boolean> {
  try {
    const { status } = await client.compare(base, repo.default_branch, signal);
    return status === 'ahead' || status === 'identical';
  } catch (error) {
    if (isGitHubError(error, 'not_found', 'validation')) return false;
    throw error;
  }
}

/** The files as they will be, each made from the very blob that the diff was made from. */
async function changedFiles(
  { client, signal }: Scope,
  base: string,
  diffs: readonly FileDiff[],
): Promise<FileChange[] | ChangeProblem> {
  const tree = await client.tree(base, { recursive: true }, signal);
  if (tree.truncated) return { code: 'refused', detail: 'the repository has more files than GitHub lists' };
  const entries = new Map(tree.entries.map((entry) => [entry.path, entry]));
  const removed = new Set(diffs.filter(({ newMode }) => newMode === null).map(({ path }) => path));
  const changes: FileChange[] = [];
  for (const diff of diffs) {
    const differs: ChangeProblem = { code: 'base_differs', detail: diff.path };
    const entry = entries.get(diff.path);
    if (!standsOn(diff, entry) || hasFileAbove(diff.path, entries, removed)) return differs;
    if (diff.newBlob === null && diff.oldBlob !== null) {
      changes.push({ path: diff.path, content: null });
      continue;
    }
    if (entry && entry.size > BYTES_MAX) return { code: 'too_large', detail: diff.path };
    const before = entry ? await client.readBlob(entry.sha, signal) : null;
    const onlyMode = diff.oldBlob === null && diff.newBlob === null && entry !== undefined;
    const applied = applyDiff(onlyMode ? { ...diff, oldBlob: entry.sha, newBlob: entry.sha } : diff, before);
    if (!applied.ok) return differs;
    changes.push({
      path: diff.path,
      content: applied.text,
      mode: diff.newMode === '100755' ? '100755' : '100644',
    });
  }
  return changes;
}

/** Whether the base has the file as the diff says it had. */
function standsOn({ oldBlob, oldMode, newMode }: FileDiff, entry: TreeEntry | undefined): boolean {
  if (entry === undefined) return oldBlob === null && oldMode === null && newMode !== null;
  return entry.type === 'blob' && entry.mode === oldMode && (oldBlob === null || entry.sha === oldBlob);
}

/** A file where the path needs a folder, such as a symbolic link, would be replaced unseen. */
function hasFileAbove(
  path: string,
  entries: ReadonlyMap<string, TreeEntry>,
  removed: ReadonlySet<string>,
): boolean {
  const parts = path.split('/');
  return parts.slice(1).some((_, index) => {
    const above = parts.slice(0, index + 1).join('/');
    const entry = entries.get(above);
    return entry !== undefined && entry.type !== 'tree' && !removed.has(above);
  });
}

/** `paths`: those of the diff, whatever the runner has called them. */
function changeBody(scope: Scope, view: JobView, agent: AgentEntry, paths: readonly string[]): string {
  const m = messagesFor(view.language);
  const { row, job, ask } = view;
  const jobUrl = `${repositoryUrl(scope)}/pull/${row.pr_number ?? ''}`;
  const thread = ask ? `${repositoryUrl(scope)}/${ask.on_pull ? 'pull' : 'issues'}/${ask.thread}` : null;
  const shown = paths.slice(0, FILES_SHOWN).map((path) => codeCell(path));
  const more = paths.length - shown.length;
  return paragraphs(
    m.changeIntro({
      jobId: job.id,
      jobUrl: row.pr_number === null ? '' : jobUrl,
      login: ask?.login ?? null,
      url: thread,
    }),
    agent.message && `${m.replyAgentSays()}\n\n${quote(clip(agent.message, MESSAGE_MAX))}`,
    m.changeBase({ base: agent.base, files: paths.length }),
    list(more > 0 ? [...shown, `… ${more}`] : shown),
    m.changeDecide(),
  );
}
