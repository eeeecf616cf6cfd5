import { createBranches } from './branches.ts';
import type { RepositoryContext } from './call-github.ts';
import { createCheckRuns } from './check-runs.ts';
import { createComments } from './comments.ts';
import { commitFiles } from './commit-files.ts';
import { createPullReads } from './pull-reads.ts';
import { createPulls } from './pulls.ts';
import type { RepositoryClient } from './repository-api.ts';
import { createRepositoryReads } from './repository-reads.ts';
import { createThreadReads } from './thread-reads.ts';

export type { RepositoryContext } from './call-github.ts';
export type { RepositoryClient } from './repository-api.ts';

/** All calls on one repository. Makes no request by itself and keeps no state: make one per work item. */
export function createRepositoryClient(context: RepositoryContext): RepositoryClient {
  const reads = createRepositoryReads(context);
  return {
    owner: context.owner,
    name: context.name,
    repoId: context.repoId,
    ...reads,
    ...createThreadReads(context),
    ...createPullReads(context),
    ...createComments(context),
    ...createBranches(context),
    ...createPulls(context),
    ...createCheckRuns(context),
    commitFiles: (options, signal) => commitFiles(context, reads.readFile, options, signal),
  };
}
