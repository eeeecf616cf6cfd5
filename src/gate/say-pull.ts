import { publishComment } from '../github/publish.ts';
import type { Scope } from '../github/scope.ts';
import { messagesFor } from '../messages/messages.ts';
import { extraNeeds } from '../messages/policy-words.ts';
import { getAsk } from '../store/asks.ts';
import { contentDigest } from '../store/published.ts';
import type { ObservedPull } from './observe-pull.ts';

/** In the language of the ask, else of the settings. */
export async function messagesOf(scope: Scope, seen: ObservedPull) {
  const ask = seen.askKey ? await getAsk(scope.store.db, seen.askKey) : undefined;
  return messagesFor(ask?.language ?? (scope.settings.language === 'ja' ? 'ja' : 'en'));
}

/** A job PR whose base is not the default branch waits, and is told so once per base. */
export async function sayBase(scope: Scope, seen: ObservedPull): Promise<void> {
  const { number, baseRef } = seen.pull;
  const m = await messagesOf(scope, seen);
  const body = m.pullRetargeted({ number, base: baseRef, defaultBranch: scope.repo.default_branch });
  await publishComment(scope, {
    issue: number,
    key: `base:${scope.repo.id}:${number}:${contentDigest(`${baseRef} ${scope.repo.default_branch}`).slice(0, 16)}`,
    body,
  });
}

/** Why a merged job file is not run. */
export type NotAdmitted =
  | 'other_base'
  | 'invalid'
  | 'settings'
  | 'not_approved'
  | 'file_differs'
  | 'file_missing'
  | 'dispatch_git';

/** A merged job file that does not run is never silent. Resolves to what was said, empty when all run. */
export async function sayNotAdmitted(
  scope: Scope,
  seen: ObservedPull,
  refused: { path: string; why: NotAdmitted }[],
): Promise<string> {
  if (refused.length === 0) return '';
  const m = await messagesOf(scope, seen);
  const body = refused.map(({ path, why }) => words(path.replace(/^.*\/|\.json$/g, ''), why)).join('\n\n');
  await publishComment(scope, {
    issue: seen.pull.number,
    key: `admission:${scope.repo.id}:${seen.pull.number}`,
    body,
  });
  return body;

  function words(jobId: string, why: NotAdmitted): string {
    switch (why) {
      case 'dispatch_git':
        return m.dispatchGit();
      case 'other_base':
        return m.pullRetargeted({
          number: seen.pull.number,
          base: seen.pull.baseRef,
          defaultBranch: scope.repo.default_branch,
        });
      case 'settings':
        return m.notRunSettings({ jobId, findings: scope.settingsFindings });
      case 'not_approved': {
        const login = seen.pull.mergedBy ?? 'unknown';
        const needs = extraNeeds(scope.settings.policy.approve);
        return needs ? m.approvalsMissing({ jobId, login, needs }) : m.mergedByStranger({ jobId, login });
      }
      case 'invalid':
        return m.jobInvalid({
          errors: [...seen.found.jobs.flatMap((job) => job.findings), ...seen.found.touched].map(
            (finding) => finding.message,
          ),
        });
      case 'file_differs':
      case 'file_missing':
        return m.notAsApproved({ jobId });
    }
  }
}

/** Approved and waiting in the merge queue: once per head. */
export async function sayQueued(scope: Scope, seen: ObservedPull): Promise<void> {
  const m = await messagesOf(scope, seen);
  const { number, headSha } = seen.pull;
  const key = `merge-queue:${scope.repo.id}:${number}:${headSha}`;
  await publishComment(scope, { issue: number, key, body: m.mergeQueued({ number }) });
}

/** GitHub refused a merge that was approved: what it said, and what to do. Once per head. */
export async function sayBlocked(scope: Scope, seen: ObservedPull, message: string): Promise<void> {
  const m = await messagesOf(scope, seen);
  const { number, headSha } = seen.pull;
  const body = m.mergeBlocked({ number, message });
  await publishComment(scope, { issue: number, key: `blocked:${scope.repo.id}:${number}:${headSha}`, body });
}
