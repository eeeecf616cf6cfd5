import { publishCheck } from '../github/publish.ts';
import type { Scope } from '../github/scope.ts';
import { getAsk } from '../store/asks.ts';
import { matchLiveRunner } from '../store/match-live-runner.ts';
import { deletePublished } from '../store/published.ts';
import { getPull } from '../store/pulls.ts';
import { pullData } from '../store/row-data.ts';
import { enqueue } from '../store/work.ts';
import { mayApprove } from './approvals.ts';
import { keepGoals } from './keep-goals.ts';
import { keepJobs } from './keep-jobs.ts';
import type { ObservedPull } from './observe-pull.ts';
import { recordPull } from './record-pull.ts';
import { scheduleLine } from './schedule-line.ts';
import { renderValidateCheck } from './validate-check.ts';

export const VALIDATE_CHECK = 'guruguru / validate';

/**
 * Publishes the verdict on the head and keeps its valid jobs as proposed rows: what is merged is what runs.
 * `openIn`: number of the repository's last survey.
 */
export async function validatePull(scope: Scope, seen: ObservedPull, openIn: number): Promise<void> {
  const { pull, found } = seen;
  const files = [...found.jobs, ...found.schedules, ...found.goals];
  const findings = [...files.flatMap((file) => file.findings), ...found.touched];
  const valid = found.jobs.filter((job) => job.findings.every((finding) => finding.severity !== 'failure'));
  const jobs = await Promise.all(
    valid.flatMap(({ job }) =>
      job
        ? [
            matchLiveRunner(scope.store.db, scope.repo, job, scope.now()).then((match) => ({
              id: job.id,
              ...(job.title ? { title: job.title } : {}),
              match,
            })),
          ]
        : [],
    ),
  );
  const ask = seen.askKey ? await getAsk(scope.store.db, seen.askKey) : undefined;
  const check = renderValidateCheck({
    language: ask?.language ?? (scope.settings.language === 'ja' ? 'ja' : 'en'),
    timeZone: scope.settings.timeZone,
    trigger: scope.settings.trigger,
    findings,
    jobs,
    schedules: found.schedules.map((one) => scheduleLine(one, scope.now())),
    goals: found.goals.flatMap(({ goal }) => (goal ? [goal] : [])),
    pull:
      files.length === 1 && found.touched.length === 0
        ? 'job'
        : files.length + found.touched.length > 0
          ? 'other'
          : 'none',
    dispatch: scope.settings.dispatch,
  });
  await publishCheck(scope, {
    key: `validate:${scope.repo.id}:${pull.headSha}`,
    name: VALIDATE_CHECK,
    headSha: pull.headSha,
    externalId: `validate:${scope.repo.id}:${pull.number}`,
    status: 'completed',
    conclusion: check.conclusion,
    title: check.title,
    summary: check.summary,
    ...(check.text ? { text: check.text } : {}),
    actions: check.actions,
    annotations: check.annotations.map((a) => ({
      path: a.path,
      startLine: a.start_line,
      endLine: a.end_line,
      level: a.annotation_level,
      title: a.title,
      message: a.message,
    })),
  });
  // Somebody who may not write reserves no id and stands in no list: an approval comes first.
  const unlisted =
    valid.length + found.goals.length > 0 && seen.askKey === null && !(await mayApprove(scope, pull.login));
  await scope.store.write(async (tx) => {
    if (seen.data.ownSha !== pull.headSha && !unlisted) {
      await keepJobs(tx, scope, seen);
      await keepGoals(tx, scope, seen);
    }
    await recordPull(tx, scope, pull.number, {
      checkedSha: pull.headSha,
      failures: findings.filter((finding) => finding.severity === 'failure').length,
      unlisted,
      scheduled: found.schedules.length > 0,
      url: pull.url,
      openIn,
      ...(seen.data.headSha === pull.headSha
        ? {}
        : { headSha: pull.headSha, headSeenAt: scope.now(), headShownAt: undefined }),
    });
    if (seen.askKey) await enqueue(tx, `status:${seen.askKey}`);
  });
}

/** "Re-run": a new check run and a new verdict on the head, for whoever may write. */
export async function rerunCheck(scope: Scope, number: number, login: string): Promise<void> {
  const may = await mayApprove(scope, login);
  await scope.store.write(async (tx) => {
    const { checkedSha } = pullData(await getPull(tx, scope.repo.id, number));
    if (may && checkedSha) await deletePublished(tx, `validate:${scope.repo.id}:${checkedSha}`);
    await recordPull(tx, scope, number, { rerun: null, ...(may ? { checkedSha: null } : {}) });
  });
}

/** A required check must stand on a merge group's head too, or the queue waits for ever. */
export async function passGroup(scope: Scope, headSha: string): Promise<void> {
  const check = renderValidateCheck({
    language: scope.settings.language === 'ja' ? 'ja' : 'en',
    timeZone: scope.settings.timeZone,
    trigger: scope.settings.trigger,
    findings: [],
    jobs: [],
    schedules: [],
    goals: [],
    pull: 'none',
    dispatch: scope.settings.dispatch,
  });
  await publishCheck(scope, {
    key: `validate:${scope.repo.id}:${headSha}`,
    name: VALIDATE_CHECK,
    headSha,
    externalId: `validate:${scope.repo.id}:group`,
    status: 'completed',
    conclusion: check.conclusion,
    title: check.title,
    summary: check.summary,
  });
}
