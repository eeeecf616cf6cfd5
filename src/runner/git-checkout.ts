import { renderFinding } from '../job/finding.ts';
import { parseSettings, type Settings } from '../job/settings.ts';
import { type Git, GitError } from './git.ts';

/** The checkout is not in a state to work with; the message says what to do. */
export class CheckoutError extends Error {
  override name = 'CheckoutError';
}

export interface Branch {
  remote: string;
  /** The branch's name at the remote. */
  name: string;
  /** The remote's head as fetched. */
  head: string;
}

/**
 * `git pull --ff-only` that says what is wrong: the checkout must be on a branch with an upstream, have no
 * changes to tracked files and no commits of its own. Untracked files are left alone.
 * @throws CheckoutError
 */
export async function pull(git: Git): Promise<Branch> {
  const branch = await git.run(['symbolic-ref', '--quiet', '--short', 'HEAD']).catch(() => null);
  if (branch === null) {
    throw new CheckoutError(
      `${git.checkout} is on no branch. Check out the default branch: git checkout main`,
    );
  }
  const remote = await git.run(['config', `branch.${branch}.remote`]).catch(() => null);
  const merge = await git.run(['config', `branch.${branch}.merge`]).catch(() => null);
  if (remote === null || merge === null) {
    throw new CheckoutError(
      `${branch} in ${git.checkout} follows no remote branch. Set one: git branch --set-upstream-to origin/${branch}`,
    );
  }
  const name = merge.replace(/^refs\/heads\//, '');
  const dirty = await git.run(['status', '--porcelain', '--untracked-files=no']);
  if (dirty !== '') {
    const files = dirty.split('\n').map((line) => line.slice(3));
    throw new CheckoutError(
      `${git.checkout} has changes that are not committed: ${files.slice(0, 5).join(', ')}. Commit or stash them; they are left as they are.`,
    );
  }
  const head = await fetchHead(git, remote, name);
  try {
    await git.run(['merge', '--ff-only', '--quiet', head]);
  } catch (error) {
    const why = error instanceof GitError ? error.message : String(error);
    throw new CheckoutError(
      `${git.checkout} cannot be moved on to ${remote}/${name} (${why}). Push or set aside its own commits.`,
    );
  }
  if ((await git.run(['rev-parse', 'HEAD'])) !== head) {
    throw new CheckoutError(
      `${git.checkout} has commits that ${remote}/${name} does not have. Push them, or reset to it.`,
    );
  }
  return { remote, name, head };
}

export async function fetchHead(git: Git, remote: string, name: string): Promise<string> {
  await git.run(['fetch', '--quiet', remote, `+refs/heads/${name}:refs/remotes/${remote}/${name}`]);
  return git.run(['rev-parse', `refs/remotes/${remote}/${name}`]);
}

/** `owner/name` of a GitHub remote, for `owner/name=/path` roots; null for any other. */
export async function repositoryName(git: Git, remote: string): Promise<string | null> {
  const url = await git.run(['remote', 'get-url', remote]).catch(() => '');
  return /[/:]([A-Za-z0-9-]+\/[A-Za-z0-9._-]+?)(?:\.git)?\/?$/.exec(url)?.[1] ?? null;
}

/** The settings at this commit, which must leave dispatch to git. @throws CheckoutError */
export async function gitSettings(git: Git, head: string): Promise<Settings> {
  const path = '.github/guruguru.yml';
  const text = await git.run(['show', `${head}:${path}`]).catch(() => null);
  const parsed = parseSettings(text, path);
  if (!parsed.ok) throw new CheckoutError(parsed.findings.map(renderFinding).join('\n'));
  const { settings } = parsed;
  if (settings.dispatch !== 'git') {
    throw new CheckoutError(
      `${path} does not say "dispatch: git", so the app gives out this repository's jobs, and a second ` +
        'dispatcher would run them twice. Add that line to the default branch, or run without --git.',
    );
  }
  if (settings.reports.branch !== null) {
    throw new CheckoutError(`${path}: reports.branch is not available with "dispatch: git". Remove it.`);
  }
  return settings;
}
