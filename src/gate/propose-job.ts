import { ForeignPullError } from '../github/pulls.ts';
import { repositoryUrl, type Scope } from '../github/scope.ts';
import { completeJob, type PartialJob } from '../job/complete-job.ts';
import type { Job } from '../job/job.ts';
import { nextJobId } from '../job/job-id.ts';
import { usdOf } from '../job/model-prices.ts';
import { policyFindings } from '../job/policy.ts';
import type { Settings } from '../job/settings.ts';
import { jobCommitMessage } from '../messages/commit-messages.ts';
import type { Cost } from '../messages/views.ts';
import { getAsk, patchAsk } from '../store/asks.ts';
import { getJob, insertJob, listJobIds, patchJob } from '../store/jobs.ts';
import { matchLiveRunner } from '../store/match-live-runner.ts';
import { getPull, putPull } from '../store/pulls.ts';
import { askData, pullData, withData } from '../store/row-data.ts';
import type { AskRow, PlanRow } from '../store/tables.ts';
import { enqueue } from '../store/work.ts';
import { isAuto } from './approvals.ts';
import { expectedRun } from './expected-run.ts';
import { jobColumns } from './job-columns.ts';
import { pullTitle, renderPullBody } from './pull-body.ts';
import { replanTarget, sayReplanned, withoutReplans } from './replan-target.ts';

/** A plan of kind `job` as the gate needs it. */
export interface ProposedPlan {
  /** Only a pasted job file has one: used as it is, or refused when taken. */
  id?: string;
  job: PartialJob;
  summary: string;
  serves: { path: string; commit: string; passage?: string }[];
}

export type ProposeOutcome =
  | { kind: 'proposed'; pull: number }
  | { kind: 'invalid'; errors: { field: string; message: string }[] }
  | { kind: 'id_taken'; id: string };

/**
 * Opens the job PR of an ask, or puts a new job file on the PR it replans. The id, the base commit and the
 * branch are stored before the first write, so that a repetition makes the same ones.
 */
export async function proposeJob(
  scope: Scope,
  ask: AskRow,
  plan: PlanRow,
  proposed: ProposedPlan,
): Promise<ProposeOutcome> {
  const target = await replanTarget(scope, ask);
  const data = target ? askData(ask) : withoutReplans(askData(ask));
  ask = { ...ask, data: JSON.stringify(data) };
  const reserved = await reserveId(scope, ask, proposed);
  if (reserved.kind !== 'reserved') return reserved;
  const { job, text, digest } = reserved;
  const path = `jobs/queue/${job.id}.json`;
  const revision = target ? target.revision : plan.revision;
  const view = await bodyView(scope, ask, plan, proposed, { job, text, revision });
  const body = renderPullBody(view);
  const title = pullTitle(job);
  const message = jobCommitMessage(job, { login: ask.login, url: askUrl(scope, ask) }, view.revision);
  const files = [{ path, content: text }];

  if (target) {
    const { pull } = target;
    await scope.store.write((tx) => patchAsk(tx, ask.key, { data: withData(data, { base: target.from }) }));
    const update = await scope.client.updateBranch(
      pull.headRef,
      { from: target.from, files, message },
      scope.signal,
    );
    if (update.kind !== 'committed') {
      const { base: _, ...anew } = data;
      await scope.store.write((tx) => patchAsk(tx, ask.key, { data: JSON.stringify(anew) }));
      throw new Error(`the branch ${pull.headRef} moved while it was replanned`);
    }
    // Merged meanwhile: what was approved runs, its PR keeps its words, and this plan gets a PR of its own.
    if ((await getJob(scope.store.db, scope.repo.id, job.id))?.state !== 'proposed') {
      throw new Error(`PR #${pull.number} was merged or closed while it was replanned`);
    }
    await scope.client.updatePull(pull.number, { title, body }, scope.signal);
    await sayReplanned(scope, ask, pull, revision);
    await recordProposal(
      scope,
      ask,
      { job, text, digest },
      { number: pull.number, headSha: update.commitSha, url: pull.url, revision, own: target.own },
    );
    return { kind: 'proposed', pull: pull.number };
  }

  const base =
    data.base ?? data.commit ?? (await scope.client.branchHead(scope.repo.default_branch, scope.signal));
  if (!base) throw new Error(`the default branch ${scope.repo.default_branch} has no commit`);
  const first = data.branch ?? `guruguru/ask-${ask.source}${ask.source_id}`;
  // Branch names can be guessed: where somebody was first, take one that depends on the job's bytes.
  for (const branch of [first, `${first}-${digest.slice(-8)}`]) {
    await scope.store.write((tx) => patchAsk(tx, ask.key, { data: withData(data, { base, branch }) }));
    const again = data.branch !== undefined;
    const opened = await openPull(scope, { branch, base, files, message, title, body, again });
    if (!opened) continue;
    await recordProposal(
      scope,
      { ...ask, data: withData(data, { base, branch }) },
      { job, text, digest },
      { ...opened, revision, own: true },
    );
    return { kind: 'proposed', pull: opened.number };
  }
  throw new Error(`the branch ${first} exists, or a PR from it, and is not ours; delete it`);
}

export interface NewPull {
  branch: string;
  base: string;
  files: { path: string; content: string }[];
  message: string;
  title: string;
  body: string;
  /** It may have been tried before. */
  again: boolean;
}

/** Branch, commit and PR, all of them ours; null when somebody else made one of them before. */
export async function openPull(scope: Scope, { branch, base, files, message, ...words }: NewPull) {
  const commit = await scope.client.ensureBranchCommit({ branch, base, files, message }, scope.signal);
  if (commit.kind === 'foreign_branch') return null;
  try {
    const pull = await scope.client.ensurePull(
      { head: branch, base: scope.repo.default_branch, ...words },
      scope.signal,
    );
    return { ...pull, headSha: commit.commitSha, shownAt: Date.parse(pull.createdAt) };
  } catch (error) {
    if (error instanceof ForeignPullError) return null;
    throw error;
  }
}

type Reserved = { kind: 'reserved'; job: Job; text: string; digest: string };

/** Fixes the job's id and bytes in our rows before anything is written to GitHub. */
async function reserveId(
  scope: Scope,
  ask: AskRow,
  proposed: ProposedPlan,
): Promise<Reserved | Exclude<ProposeOutcome, { kind: 'proposed' }>> {
  const data = askData(ask);
  const asked = {
    thread: ask.thread,
    comment: `${ask.source}${ask.source_id}`,
    login: ask.login,
    ...(data.commit ? { commit: data.commit } : {}),
  };
  const complete = (id: string) =>
    completeJob(proposed.job, {
      id,
      defaults: scope.settings.defaults,
      ...(asked.commit ? { asked: { ...asked, commit: asked.commit } } : {}),
    });
  const fixed = data.replans?.jobId ?? ask.job_id;
  if (fixed) {
    const done = complete(fixed);
    return done.ok ? { kind: 'reserved', ...done } : { kind: 'invalid', errors: done.errors };
  }
  const onBranch = await idsOnDefaultBranch(scope, data.commit);
  const wanted = proposed.id;
  if (wanted && (onBranch.has(wanted) || (await getJob(scope.store.db, scope.repo.id, wanted)))) {
    return { kind: 'id_taken', id: wanted };
  }
  return scope.store.write(async (tx) => {
    const taken = new Set([...onBranch, ...(await listJobIds(tx, scope.repo.id, ''))]);
    const id = wanted ?? nextJobId(taken, new Date(scope.now()), scope.settings.timeZone);
    const done = complete(id);
    if (!done.ok) return { kind: 'invalid', errors: done.errors };
    const inserted = await insertJob(tx, {
      ...jobColumns(scope.repo.id, done.job, done.text, done.digest, scope.now()),
      ask_key: ask.key,
      pr_number: null,
      head_sha: null,
    });
    // Somebody pasted the same file a moment ago.
    if (!inserted) return { kind: 'id_taken', id };
    await patchAsk(tx, ask.key, { job_id: id });
    return { kind: 'reserved', ...done };
  });
}

/** At the commit the plan was made on; what came later has a row of its own. */
export async function idsOnDefaultBranch(scope: Scope, commit?: string): Promise<Set<string>> {
  const { entries } = await scope.client.tree(
    commit ?? scope.repo.default_branch,
    { recursive: true },
    scope.signal,
  );
  const ids = entries.flatMap(
    (entry) => /^jobs\/(?:queue|done\/[^/]+)\/([^/]+)\.json$/.exec(entry.path)?.[1] ?? [],
  );
  return new Set(ids);
}

async function recordProposal(
  scope: Scope,
  ask: AskRow,
  made: { job: Job; text: string; digest: string },
  pull: { number: number; headSha: string; url: string; revision: number; own: boolean; shownAt?: number },
): Promise<void> {
  const known = await getPull(scope.store.db, scope.repo.id, pull.number);
  const replans = askData(ask).replans;
  await scope.store.write(async (tx) => {
    // Merged or closed in the moment of the replanning: what was approved stays as it is, and this ask makes
    // a PR of its own when it is tried again.
    const state = (await getJob(tx, scope.repo.id, made.job.id))?.state;
    if (replans && state !== 'proposed')
      throw new Error(`job ${made.job.id} is ${state}, not to be replanned`);
    // Cancelled while its PR was being opened: the PR is closed again.
    const endedBy = askData((await getAsk(tx, ask.key)) ?? ask).endedBy ?? null;
    const columns = jobColumns(scope.repo.id, made.job, made.text, made.digest, scope.now());
    const { created_at: _, ...changed } = columns;
    await patchJob(tx, scope.repo.id, made.job.id, {
      ...changed,
      reason: replans ? 'replanned' : 'planned',
      pr_number: pull.number,
      head_sha: pull.headSha,
    });
    await putPull(tx, {
      repo_id: scope.repo.id,
      number: pull.number,
      ask_key: known?.ask_key ?? (replans ? null : ask.key),
      data: withData(pullData(known), {
        headSha: pull.headSha,
        headSeenAt: scope.now(),
        headShownAt: pull.shownAt,
        url: pull.url,
        revision: pull.revision,
        ...(pull.own ? { ownSha: pull.headSha } : {}),
        ...(endedBy && !replans ? { cancelled: true } : {}),
      }),
      updated_at: scope.now(),
    });
    await patchAsk(tx, ask.key, {
      // A replanning has done its part; the first ask goes on with the PR.
      state: replans ? 'ended' : 'proposed',
      reason: replans ? 'superseded' : null,
      pr_number: pull.number,
      job_id: made.job.id,
      data: withData(askData(ask), { pullUrl: pull.url, ...(endedBy ? { endedBy } : {}) }),
      updated_at: scope.now(),
    });
    await enqueue(tx, `pr:${scope.repo.id}:${pull.number}`);
    await enqueue(tx, `status:${ask.key}`);
    if (known?.ask_key && known.ask_key !== ask.key) await enqueue(tx, `status:${known.ask_key}`);
  });
}

async function bodyView(
  scope: Scope,
  ask: AskRow,
  plan: PlanRow,
  proposed: ProposedPlan,
  { job, text, revision }: { job: Job; text: string; revision: number },
) {
  const path = `jobs/queue/${job.id}.json`;
  const findings = policyFindings(job, text, path, scope.settings);
  return {
    language: ask.language,
    timeZone: scope.settings.timeZone,
    trigger: scope.settings.trigger,
    job,
    file: text,
    summary: proposed.summary,
    login: ask.login,
    askUrl: askUrl(scope, ask),
    repositoryUrl: repositoryUrl(scope),
    serves: proposed.serves,
    match: await matchLiveRunner(scope.store.db, scope.repo, job, scope.now()),
    findings,
    rawPlan: plan.model === '' ? null : JSON.stringify(JSON.parse(plan.body), null, 2),
    cost: planningCost(plan, scope.settings.modelPrices),
    expected: await expectedRun(scope, job),
    revision,
    dispatch: scope.settings.dispatch,
    auto: !askData(ask).replans && isAuto(scope, ask, job, findings),
    approve: scope.settings.policy.approve,
  };
}

/** null: no model was asked. */
function planningCost(plan: PlanRow, prices: Settings['modelPrices']): Cost | null {
  if (plan.model === '') return null;
  const tokens = { input: Number(plan.input_tokens), output: Number(plan.output_tokens) };
  const usd = usdOf(prices, plan.model, tokens);
  const cost = { model: plan.model, inputTokens: tokens.input, outputTokens: tokens.output };
  return usd === null ? cost : { ...cost, usd };
}

/** Where the ask was written. */
export function askUrl(
  scope: Scope,
  ask: Pick<AskRow, 'thread' | 'on_pull' | 'source' | 'source_id'>,
): string {
  const thread = `${repositoryUrl(scope)}/${ask.on_pull ? 'pull' : 'issues'}/${ask.thread}`;
  if (ask.source === 'c') return `${thread}#issuecomment-${ask.source_id}`;
  if (ask.source === 'r') return `${thread}#discussion_r${ask.source_id}`;
  if (ask.source === 'v') return `${thread}#pullrequestreview-${ask.source_id}`;
  return thread;
}
