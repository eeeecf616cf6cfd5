import { repositoryUrl, type Scope } from '../github/scope.ts';
import { completeGoal, type PartialGoal } from '../job/complete-goal.ts';
import { goalFindings } from '../job/goal-findings.ts';
import type { ParsedGoal } from '../job/parse-goal.ts';
import { goalCommitMessage, goalPullTitle } from '../messages/commit-messages.ts';
import { getAsk, patchAsk } from '../store/asks.ts';
import { getGoal, putGoal } from '../store/goals.ts';
import { matchLiveRunner } from '../store/match-live-runner.ts';
import { getPull, putPull } from '../store/pulls.ts';
import { askData, pullData, withData } from '../store/row-data.ts';
import type { AskRow, PlanRow } from '../store/tables.ts';
import { enqueue } from '../store/work.ts';
import { renderGoalBody } from './goal-body.ts';
import { blobSha } from './job-columns.ts';
import { askUrl, openPull, type ProposeOutcome } from './propose-job.ts';

/** A plan of kind `goal` as the gate needs it. */
export interface ProposedGoal extends PartialGoal {
  id?: string;
  summary: string;
}

/**
 * Opens the PR of a goal: one goal file. Its id comes from the comment, the base commit and the branch are
 * stored before the first write, so that a repetition makes the same ones.
 */
export async function proposeGoal(
  scope: Scope,
  ask: AskRow,
  plan: PlanRow,
  proposed: ProposedGoal,
): Promise<ProposeOutcome> {
  const data = askData(ask);
  const id = proposed.id ?? `goal-${ask.source}${ask.source_id}`;
  const comment = `${ask.source}${ask.source_id}`;
  const asked = data.commit
    ? { thread: ask.thread, comment, login: ask.login, commit: data.commit }
    : undefined;
  const done = completeGoal(proposed, { id, settings: scope.settings, ...(asked ? { asked } : {}) });
  if (!done.ok) return { kind: 'invalid', errors: done.errors };
  const path = `jobs/goals/${id}.json`;
  const findings = goalFindings(done, path, scope.settings);
  const failures = findings.filter(({ severity }) => severity === 'failure');
  if (failures.length > 0)
    return { kind: 'invalid', errors: failures.map(({ field = '', message }) => ({ field, message })) };
  const known = await getGoal(scope.store.db, scope.repo.id, id);
  const file = await scope.client.readFile(path, data.commit ?? scope.repo.default_branch, scope.signal);
  if (file || (known && known.ask_key !== ask.key)) return { kind: 'id_taken', id };

  const base =
    data.base ?? data.commit ?? (await scope.client.branchHead(scope.repo.default_branch, scope.signal));
  if (!base) throw new Error(`the default branch ${scope.repo.default_branch} has no commit`);
  const words = {
    files: [{ path, content: done.text }],
    message: goalCommitMessage({ id, title: done.goal.title }, { login: ask.login, url: askUrl(scope, ask) }),
    title: goalPullTitle({ id, title: done.goal.title }),
    body: renderGoalBody({
      language: ask.language,
      timeZone: scope.settings.timeZone,
      trigger: scope.settings.trigger,
      goal: done.goal,
      firstJob: done.firstJob,
      file: done.text,
      summary: proposed.summary,
      login: ask.login,
      askUrl: askUrl(scope, ask),
      findings,
      match: await matchLiveRunner(scope.store.db, scope.repo, done.firstJob, scope.now()),
      cost:
        plan.model === ''
          ? null
          : { model: plan.model, inputTokens: plan.input_tokens, outputTokens: plan.output_tokens },
      approve: scope.settings.policy.approve,
      repositoryUrl: repositoryUrl(scope),
    }),
  };
  const first = data.branch ?? `guruguru/ask-${comment}`;
  for (const branch of [first, `${first}-${done.digest.slice(-8)}`]) {
    await scope.store.write((tx) => patchAsk(tx, ask.key, { data: withData(data, { base, branch }) }));
    const opened = await openPull(scope, { branch, base, ...words, again: data.branch !== undefined });
    if (!opened) continue;
    await record(scope, { ...ask, data: withData(data, { base, branch }) }, done, opened);
    return { kind: 'proposed', pull: opened.number };
  }
  throw new Error(`the branch ${first} exists, or a PR from it, and is not ours; delete it`);
}

async function record(
  scope: Scope,
  ask: AskRow,
  { goal, text }: Extract<ParsedGoal, { ok: true }>,
  pull: { number: number; headSha: string; url: string; shownAt: number },
): Promise<void> {
  const { repo } = scope;
  await scope.store.write(async (tx) => {
    const now = scope.now();
    const endedBy = askData((await getAsk(tx, ask.key)) ?? ask).endedBy ?? null;
    const row = await getGoal(tx, repo.id, goal.id);
    // Merged in this moment: what was approved stays as it is.
    if (!row || row.state === 'proposed' || row.state === 'rejected') {
      await putGoal(tx, {
        repo_id: repo.id,
        id: goal.id,
        state: 'proposed',
        job_id: null,
        file: text,
        blob_sha: blobSha(text),
        pr_number: pull.number,
        ask_key: ask.key,
        thread: ask.thread,
        language: ask.language,
        approval: null,
        data: JSON.stringify({ steps: [] }),
        created_at: row?.created_at ?? now,
        updated_at: now,
      });
    }
    const known = await getPull(tx, repo.id, pull.number);
    await putPull(tx, {
      repo_id: repo.id,
      number: pull.number,
      ask_key: ask.key,
      data: withData(pullData(known), {
        headSha: pull.headSha,
        headSeenAt: now,
        headShownAt: pull.shownAt,
        url: pull.url,
        ...(endedBy ? { cancelled: true } : {}),
      }),
      updated_at: now,
    });
    await patchAsk(tx, ask.key, {
      state: 'proposed',
      reason: null,
      pr_number: pull.number,
      data: withData(askData(ask), { pullUrl: pull.url, ...(endedBy ? { endedBy } : {}) }),
      updated_at: now,
    });
    await enqueue(tx, `pr:${repo.id}:${pull.number}`);
    await enqueue(tx, `status:${ask.key}`);
  });
}
