import { type RepositoryContext, write } from './call-github.ts';
import { clipText } from './clip-text.ts';
import { isGitHubError } from './errors.ts';
import { mergePull } from './merge-pull.ts';
import { readOpenPulls } from './pull-reads.ts';
import type { RepositoryClient } from './repository-api.ts';

type Pulls = Pick<RepositoryClient, 'ensurePull' | 'updatePull' | 'closePull' | 'mergePull'>;

export function createPulls(context: RepositoryContext): Pulls {
  const { rest } = context.octokit;

  const updatePull: Pulls['updatePull'] = async (number, changes, signal) => {
    await write(context, 'pull.update', signal, (base) =>
      rest.pulls.update({
        ...base,
        pull_number: number,
        ...(changes.state === undefined ? {} : { state: changes.state }),
        ...(changes.title === undefined ? {} : { title: clipTitle(changes.title) }),
        ...(changes.body === undefined ? {} : { body: clipText(changes.body) }),
      }),
    );
  };

  return {
    updatePull,
    closePull: (number, signal) => updatePull(number, { state: 'closed' }, signal),
    mergePull: (number, options, signal) => mergePull(context, number, options, signal),

    async ensurePull(options, signal) {
      const title = clipTitle(options.title);
      const body = clipText(options.body);
      try {
        const { data } = await write(context, 'pull.create', signal, (base) =>
          rest.pulls.create({ ...base, head: options.head, base: options.base, title, body }),
        );
        return { number: data.number, headSha: data.head.sha, url: data.html_url, adopted: false };
      } catch (error) {
        // 422 also stands for "no commits between" and a missing branch: only an open one is taken.
        if (!isGitHubError(error, 'validation')) throw error;
        const [found] = await readOpenPulls(context, { head: options.head, base: options.base }, signal);
        if (!found) throw error;
        if (found.title !== title || found.body !== body) {
          await updatePull(found.number, { title, body }, signal);
        }
        return { number: found.number, headSha: found.headSha, url: found.url, adopted: true };
      }
    },
  };
}

/** GitHub's longest title is 256 characters. */
function clipTitle(title: string): string {
  return title.slice(0, 256);
}
