import { awaitLanding } from './await-landing.ts';
import { orNull, type RepositoryContext, read, readPages, write } from './call-github.ts';
import { clipText, TEXT_LIMIT } from './clip-text.ts';
import { commentMarker } from './comments.ts';
import type { RepositoryClient } from './repository-api.ts';

type Issues = Pick<RepositoryClient, 'ensureIssue' | 'setIssueState'>;

/** Issues under one label that are searched for a marker of ours. */
const SEARCH_LIMIT = 1000;

export function createIssues(context: RepositoryContext): Issues {
  const { rest } = context.octokit;
  return {
    /** A label that is not there yet is made by GitHub with the issue. */
    async ensureIssue(options, signal) {
      const marker = `\n\n${commentMarker(options.key)}`;
      const body = `${clipText(options.body, TEXT_LIMIT - marker.length)}${marker}`;
      const { label } = options;
      if (options.search) {
        const { items } = await readPages(SEARCH_LIMIT, async (page) => {
          const { data } = await read(context, signal, (base) =>
            rest.issues.listForRepo({ ...base, labels: label, state: 'all', per_page: 100, page }),
          );
          return data;
        });
        const found = items.find(
          (issue) =>
            issue.user?.login === `${context.appSlug}[bot]` &&
            (issue.body ?? '').trimEnd().endsWith(commentMarker(options.key)),
        );
        if (found) return { id: found.number, same: found.body === body };
        awaitLanding(options);
      }
      const { data } = await write(context, 'issue.create', signal, (base) =>
        rest.issues.create({ ...base, title: options.title, body, labels: [label] }),
      );
      return { id: data.number, same: true };
    },

    async setIssueState(number, state, signal) {
      const answer = await orNull(
        write(context, 'issue.update', signal, (base) =>
          rest.issues.update({
            ...base,
            issue_number: number,
            state,
            ...(state === 'closed' ? { state_reason: 'completed' as const } : {}),
          }),
        ),
      );
      return answer === null ? 'gone' : 'updated';
    },
  };
}
