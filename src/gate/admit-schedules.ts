import { publishComment } from '../github/publish.ts';
import type { Scope } from '../github/scope.ts';
import { paragraphs } from '../messages/markdown.ts';
import type { NotScheduled } from '../messages/views.ts';
import { getAsk, patchAsk } from '../store/asks.ts';
import { writeAudit } from '../store/audit.ts';
import type { Approval } from '../store/row-data.ts';
import { getSchedule, patchSchedule, putSchedule } from '../store/schedules.ts';
import type { Tx } from '../store/store.ts';
import { enqueue } from '../store/work.ts';
import { admissionApproval } from './admit-jobs.ts';
import type { FoundSchedule } from './next-pull.ts';
import type { ObservedPull } from './observe-pull.ts';
import { messagesOf } from './say-pull.ts';
import { scheduleLine } from './schedule-line.ts';

/** The key under which a schedule's ticks are made. */
export function scheduleKey(repoId: number, name: string): string {
  return `schedule:${repoId}:${name}`;
}

/**
 * Takes the schedules of a merged PR into force, by the rules for jobs: the file on the default branch is the
 * one on the PR's head, and it was merged or approved for exactly that head by who may. One that was taken
 * away ends, whoever did it: a file that is not there runs nothing. `recalled`: as in admitJobs; `quiet`:
 * nothing is said of those that are in force.
 */
export async function admitSchedules(
  scope: Scope,
  seen: ObservedPull,
  options: { recalled?: boolean; quiet?: boolean } = {},
): Promise<void> {
  const { schedules } = seen.found;
  if (schedules.length === 0) return;
  const approval = await admissionApproval(scope, seen, options.recalled ?? false);
  const admitted: FoundSchedule[] = [];
  const refused: { found: FoundSchedule; why: NotScheduled }[] = [];
  for (const found of schedules) {
    const why = await whyNot(scope, seen, found, approval);
    if (why === 'over') continue;
    if (why) refused.push({ found, why });
    else admitted.push(found);
  }
  await say(scope, seen, options.quiet ? [] : admitted, refused);
  await scope.store.write(async (tx) => {
    for (const found of admitted) {
      if (found.change === 'removed') await endSchedule(tx, scope, found.name, seen.pull.mergedBy);
      else if (approval) await keepSchedule(tx, scope, found, approval, seen.pull.number);
    }
    const ask = seen.askKey ? await getAsk(tx, seen.askKey) : undefined;
    if (!ask || ask.state === 'ended') return;
    const reason = admitted.length > 0 ? 'scheduled' : 'validation_failed';
    await patchAsk(tx, ask.key, { state: 'ended', reason, updated_at: scope.now() });
    await enqueue(tx, `status:${ask.key}`);
  });
}

/** `over`: the branch has moved on, and what is there now is another PR's affair. */
async function whyNot(
  scope: Scope,
  { pull, found: { touched } }: ObservedPull,
  found: FoundSchedule,
  approval: Approval | null,
): Promise<NotScheduled | 'over' | null> {
  const { client, repo, settings, signal } = scope;
  if (pull.baseRef !== repo.default_branch) return 'other_base';
  const file = await client.readFile(found.path, repo.default_branch, signal);
  if (found.change === 'removed') return file ? 'over' : null;
  if (!file) return 'over';
  if (!found.schedule || [...found.findings, ...touched].some(({ severity }) => severity === 'failure'))
    return 'invalid';
  if (scope.settingsFindings.length > 0) return 'settings';
  if (!approval) return 'not_approved';
  if (settings.dispatch === 'git') return 'dispatch_git';
  if (file.blobSha === found.blobSha) return null;
  const row = await getSchedule(scope.store.db, repo.id, found.name);
  return row?.blob_sha === file.blobSha ? 'over' : 'file_differs';
}

/** From now on its ticks are made; those of the past are nobody's concern. */
export async function keepSchedule(
  tx: Tx,
  scope: Pick<Scope, 'repo' | 'now'>,
  found: Pick<FoundSchedule, 'name' | 'text' | 'digest' | 'blobSha'>,
  approval: Approval,
  pull: number | null,
): Promise<void> {
  const { id: repoId } = scope.repo;
  const now = scope.now();
  const known = await getSchedule(tx, repoId, found.name);
  if (known?.state === 'active' && known.blob_sha === found.blobSha) return;
  await putSchedule(tx, {
    repo_id: repoId,
    name: found.name,
    state: 'active',
    file: found.text,
    digest: found.digest,
    blob_sha: found.blobSha,
    pr_number: pull,
    approval: JSON.stringify(approval),
    since: Math.max(now, known?.since ?? 0),
    health: known?.health ?? '{}',
    created_at: known?.created_at ?? now,
    updated_at: now,
  });
  await enqueue(tx, scheduleKey(repoId, found.name), now);
  await writeAudit(tx, {
    what: 'schedule_admitted',
    who: approval.login,
    subject: found.name,
    repoId,
    detail: { how: approval.how, sha: approval.sha, digest: found.digest, pull },
  });
}

/** Its file is not on the default branch any more. */
export async function endSchedule(
  tx: Tx,
  { repo, now }: Pick<Scope, 'repo' | 'now'>,
  name: string,
  by: string | null,
): Promise<void> {
  const known = await getSchedule(tx, repo.id, name);
  if (known?.state !== 'active') return;
  await patchSchedule(tx, repo.id, name, { state: 'gone', updated_at: now() });
  await enqueue(tx, scheduleKey(repo.id, name), now());
  await writeAudit(tx, { what: 'schedule_removed', who: by ?? 'nobody', subject: name, repoId: repo.id });
}

async function say(
  scope: Scope,
  seen: ObservedPull,
  admitted: FoundSchedule[],
  refused: { found: FoundSchedule; why: NotScheduled }[],
): Promise<void> {
  const m = await messagesOf(scope, seen);
  const { pull } = seen;
  const lines = admitted.map((found) => scheduleLine(found, scope.now()));
  const body = paragraphs(
    lines.length > 0 && m.scheduled({ lines }),
    ...refused.map(({ found, why }) =>
      m.notScheduled({
        name: found.name,
        why,
        login: pull.mergedBy ?? 'unknown',
        base: pull.baseRef,
        errors: [...found.findings, ...seen.found.touched].map(({ message }) => message),
      }),
    ),
  );
  if (body === '') return;
  const ask = seen.askKey ? await getAsk(scope.store.db, seen.askKey) : undefined;
  // Where it was asked; a schedule that nobody asked for is told of on its PR.
  const place = ask
    ? { issue: ask.thread, key: `final:${ask.key}` }
    : { issue: pull.number, key: `scheduled:${scope.repo.id}:${pull.number}` };
  await publishComment(scope, { ...place, body });
}
