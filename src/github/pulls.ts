import { type RepositoryContext, write } from './call-github.ts';
import { clipText } from './clip-text.ts';
import { isGitHubError } from './errors.ts';
import { mergePull } from './merge-pull.ts';
import { readPulls } from './pull-reads.ts';
import type { RepositoryClient } from './repository-api.ts';
import type { Pull } from './types.ts';

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
      if (options.again) {
        const ended = await endedPull(context, options.head, signal);
        if (ended) return { ...opened(ended), adopted: true };
      }
      try {
        const { data } = await write(context, 'pull.create', signal, (base) =>
          rest.pulls.create({ ...base, head: options.head, base: options.base, title, body }),
        );
        const { number, head, html_url: url, created_at: createdAt } = data;
        return { number, headSha: head.sha, url, createdAt, adopted: false };
      } catch (error) {
        // 422 also stands for "no commits between" and a missing branch: only an open one is taken.
        if (!isGitHubError(error, 'validation')) throw error;
        const [found] = await readPulls(context, { head: options.head, base: options.base }, signal);
        if (!found) throw error;
        // Who opened it may retitle and close it: that must be nobody but us.
        if (found.login !== `${context.appSlug}[bot]`) throw new ForeignPullError(found.number, found.login);
        if (found.title !== title || found.body !== body) {
          await updatePull(found.number, { title, body }, signal);
        }
        return { ...opened(found), adopted: true };
      }
    },
  };
}

function opened({ number, headSha, url, createdAt }: Pull) {
  return { number, headSha, url, createdAt };
}

/** A try before may have opened it without being told, and a person may have merged or closed it since. */
async function endedPull(
  context: RepositoryContext,
  head: string,
  signal: AbortSignal,
): Promise<Pull | undefined> {
  const [newest] = await readPulls(context, { head, state: 'all' }, signal);
  return newest?.state === 'closed' && newest.login === `${context.appSlug}[bot]` ? newest : undefined;
}

/** Somebody else opened a pull request from our branch before us. */
export class ForeignPullError extends Error {
  override readonly name = 'ForeignPullError';

  constructor(number: number, login: string) {
    super(`PR #${number} was opened by ${login} from a branch of ours; close it`);
  }
}

/** GitHub's longest title is 256 characters. */
function clipTitle(title: string): string {
  return title.slice(0, 256);
}
