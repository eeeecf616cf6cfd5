import { createBranches } from './branches.ts';
import type { RepositoryContext } from './call-github.ts';
import { createCheckRuns } from './check-runs.ts';
import { createComments } from './comments.ts';
import { commitFiles } from './commit-files.ts';
import { createIssues } from './issues.ts';
import { createPullReads } from './pull-reads.ts';
import { createPulls } from './pulls.ts';
import type { RepositoryClient } from './repository-api.ts';
import { createRepositoryReads } from './repository-reads.ts';
import { createThreadReads } from './thread-reads.ts';

export type { RepositoryContext } from './call-github.ts';
export type { RepositoryClient } from './repository-api.ts';

/**
 * GitHub ends a request after ten seconds.
 * https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits
 */
const GITHUB_GIVES_UP_MS = 10_000;

/** All calls on one repository. Makes no request by itself and keeps no state: make one per work item. */
export function createRepositoryClient(context: RepositoryContext): RepositoryClient {
  const reads = createRepositoryReads(context);
  return {
    owner: context.owner,
    name: context.name,
    repoId: context.repoId,
    landsWithinMs: context.landsWithinMs ?? GITHUB_GIVES_UP_MS,
    ...reads,
    ...createThreadReads(context),
    ...createPullReads(context),
    ...createComments(context),
    ...createIssues(context),
    ...createBranches(context),
    ...createPulls(context),
    ...createCheckRuns(context),
    commitFiles: (options, signal) => commitFiles(context, reads.readFile, options, signal),
  };
}
