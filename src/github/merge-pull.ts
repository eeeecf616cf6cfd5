import { mutate, type RepositoryContext, write } from './call-github.ts';
import { GitHubError, isGitHubError } from './errors.ts';
import { readPull } from './pull-reads.ts';
import type { MergeMethod, MergeOutcome, Pull } from './types.ts';

const ENQUEUE = `mutation ($id: ID!, $oid: GitObjectID!) {
  enqueuePullRequest(input: { pullRequestId: $id, expectedHeadOid: $oid }) { mergeQueueEntry { id } }
}`;

interface MergeOptions {
  sha: string;
  allowed: MergeMethod[];
  title: string;
}

/**
 * Merges the approved head with the first method the repository takes. GitHub gives 405 for everything
 * that stands in the way, so its sentence decides, and the pull request itself before that.
 *
 * @throws GitHubError `unavailable` when the base moved in that moment, or when GitHub does not know yet
 * whether there are conflicts (a pull request just opened)
 */
export async function mergePull(
  context: RepositoryContext,
  number: number,
  options: MergeOptions,
  signal: AbortSignal,
): Promise<MergeOutcome> {
  let refusal = 'the repository allows no merge method that guruguru may use';
  for (const method of options.allowed) {
    try {
      const { data } = await write(context, 'pull.merge', signal, (base) =>
        context.octokit.rest.pulls.merge({
          ...base,
          pull_number: number,
          sha: options.sha,
          merge_method: method,
          // A rebase takes the commits as they are.
          ...(method === 'rebase' ? {} : { commit_title: options.title }),
        }),
      );
      return { kind: 'merged', sha: data.sha };
    } catch (error) {
      if (!isGitHubError(error, 'validation', 'conflict', 'unavailable')) throw error;
      const outcome = await judge(context, number, options.sha, error, signal);
      if (outcome !== 'next_method') return outcome;
      refusal = error.message;
    }
  }
  return { kind: 'method_not_allowed', message: refusal };
}

async function judge(
  context: RepositoryContext,
  number: number,
  sha: string,
  error: GitHubError,
  signal: AbortSignal,
): Promise<MergeOutcome | 'next_method'> {
  const message = error.message;
  if (error.kind === 'validation' && /(commits|merges|merging) (is|are) not allowed/i.test(message)) {
    return 'next_method';
  }
  const pull = await readPull(context, number, signal);
  const ended = endedOutcome(pull, sha);
  if (ended) return ended;
  if (error.kind === 'unavailable') throw error;
  if (/merge queue/i.test(message)) return await enqueue(context, pull, sha, signal);
  // 405 "Pull Request is not mergeable", 409 "Merge conflict".
  const unfit = error.kind === 'conflict' || /not mergeable|conflict/i.test(message);
  if (/base branch was modified/i.test(message) || (unfit && pull.mergeable === null)) {
    // Tried again soon, but as a failure: should GitHub never decide, a person is told in the end.
    throw new GitHubError('unavailable', message, { status: error.status, cause: error });
  }
  return { kind: unfit ? 'not_mergeable' : 'blocked', message };
}

function endedOutcome(pull: Pull, sha: string): MergeOutcome | null {
  if (pull.merged) {
    return { kind: 'already_merged', sha: pull.mergeCommitSha ?? pull.headSha, headSha: pull.headSha };
  }
  if (pull.state === 'closed') return { kind: 'closed' };
  return pull.headSha === sha ? null : { kind: 'head_moved', headSha: pull.headSha };
}

/** REST cannot put a pull request into a merge queue. */
async function enqueue(
  context: RepositoryContext,
  pull: Pull,
  sha: string,
  signal: AbortSignal,
): Promise<MergeOutcome> {
  try {
    await mutate(context, 'pull.enqueue', signal, ENQUEUE, { id: pull.nodeId, oid: sha });
    return { kind: 'queued' };
  } catch (error) {
    if (!isGitHubError(error, 'validation', 'conflict')) throw error;
    if (/already (queued|in the (merge )?queue)/i.test(error.message)) return { kind: 'queued' };
    const now = await readPull(context, pull.number, signal);
    return endedOutcome(now, sha) ?? { kind: 'blocked', message: error.message };
  }
}
