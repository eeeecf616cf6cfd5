import { repositoryUrl, type Scope } from '../github/scope.ts';
import { completeSchedule, type PartialSchedule } from '../job/schedule/complete-schedule.ts';
import { schedulePolicyFindings } from '../job/schedule/parse-schedule.ts';
import { schedulePath } from '../job/tick-id.ts';
import { jobCommitMessage } from '../messages/commit-messages.ts';
import { getAsk, patchAsk } from '../store/asks.ts';
import { matchLiveRunner } from '../store/match-live-runner.ts';
import { getPull, putPull } from '../store/pulls.ts';
import { askData, pullData, withData } from '../store/row-data.ts';
import type { AskRow, PlanRow } from '../store/tables.ts';
import { enqueue } from '../store/work.ts';
import { askUrl, openPull, type ProposeOutcome } from './propose-job.ts';
import { pullTitle, renderPullBody } from './pull-body.ts';
import { scheduleLine } from './schedule-line.ts';

/** A plan of kind `schedule` as the gate needs it. */
export interface ProposedSchedule {
  schedule: PartialSchedule;
  summary: string;
  serves: { path: string; commit: string; passage?: string }[];
}

/** Opens the PR of a planned schedule: its file, new or in the place of the one that has its name. */
export async function proposeSchedule(
  scope: Scope,
  ask: AskRow,
  plan: PlanRow,
  proposed: ProposedSchedule,
): Promise<ProposeOutcome> {
  const completed = completeSchedule(proposed.schedule, scope.settings);
  if (!completed.ok) return { kind: 'invalid', errors: completed.errors };
  const { schedule, job, text, digest } = completed;
  const { settings } = scope;
  const path = schedulePath(schedule.name);
  const named = { id: schedule.name, title: schedule.title };
  const url = askUrl(scope, ask);
  const body = renderPullBody({
    language: ask.language,
    timeZone: settings.timeZone,
    trigger: settings.trigger,
    job,
    schedule: scheduleLine({ name: schedule.name, change: 'added', schedule }, scope.now()),
    file: text,
    summary: proposed.summary,
    login: ask.login,
    askUrl: url,
    repositoryUrl: repositoryUrl(scope),
    serves: proposed.serves,
    match: await matchLiveRunner(scope.store.db, scope.repo, job, scope.now()),
    findings: schedulePolicyFindings(completed, path, settings),
    rawPlan: plan.model === '' ? null : JSON.stringify(JSON.parse(plan.body), null, 2),
    cost:
      plan.model === ''
        ? null
        : { model: plan.model, inputTokens: plan.input_tokens, outputTokens: plan.output_tokens },
    expected: null,
    revision: 1,
    dispatch: settings.dispatch,
    auto: false,
    approve: settings.policy.approve,
  });
  const data = askData(ask);
  const base =
    data.base ?? data.commit ?? (await scope.client.branchHead(scope.repo.default_branch, scope.signal));
  if (!base) throw new Error(`the default branch ${scope.repo.default_branch} has no commit`);
  const words = {
    title: pullTitle(named),
    message: jobCommitMessage(named, { login: ask.login, url }, 1),
    body,
    files: [{ path, content: text }],
  };
  const first = data.branch ?? `guruguru/ask-${ask.source}${ask.source_id}`;
  // Branch names can be guessed, as for jobs.
  for (const branch of [first, `${first}-${digest.slice(-8)}`]) {
    const place = withData(data, { base, branch });
    await scope.store.write((tx) => patchAsk(tx, ask.key, { data: place }));
    const opened = await openPull(scope, { branch, base, ...words, again: data.branch !== undefined });
    if (!opened) continue;
    await recordProposal(scope, { ...ask, data: place }, opened);
    return { kind: 'proposed', pull: opened.number };
  }
  throw new Error(`the branch ${first} exists, or a PR from it, and is not ours; delete it`);
}

async function recordProposal(
  scope: Scope,
  ask: AskRow,
  pull: NonNullable<Awaited<ReturnType<typeof openPull>>>,
): Promise<void> {
  const known = await getPull(scope.store.db, scope.repo.id, pull.number);
  await scope.store.write(async (tx) => {
    // Cancelled while its PR was being opened: the PR is closed again.
    const endedBy = askData((await getAsk(tx, ask.key)) ?? ask).endedBy ?? null;
    await putPull(tx, {
      repo_id: scope.repo.id,
      number: pull.number,
      ask_key: known?.ask_key ?? ask.key,
      data: withData(pullData(known), {
        headSha: pull.headSha,
        headSeenAt: scope.now(),
        headShownAt: pull.shownAt,
        url: pull.url,
        ownSha: pull.headSha,
        ...(endedBy ? { cancelled: true } : {}),
      }),
      updated_at: scope.now(),
    });
    await patchAsk(tx, ask.key, {
      state: 'proposed',
      reason: null,
      pr_number: pull.number,
      data: withData(askData(ask), { pullUrl: pull.url, ...(endedBy ? { endedBy } : {}) }),
      updated_at: scope.now(),
    });
    await enqueue(tx, `pr:${scope.repo.id}:${pull.number}`);
    await enqueue(tx, `status:${ask.key}`);
  });
}
