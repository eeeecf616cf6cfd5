import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A person's checkout of a remote, and another clone by which the remote moves on. */
export interface Checkout {
  path: string;
  remote: string;
  git(...args: string[]): string;
  /** Commits at the remote, unseen by the checkout. Returns the commit. */
  push(files: Record<string, string>): string;
  /** What must be the same before and after: branches, HEAD, configuration, changes, other worktrees. */
  state(): string;
}

export function makeCheckout(folder: string, files: Record<string, string>): Checkout {
  const remote = join(folder, 'remote.git');
  const author = join(folder, 'author');
  const path = join(folder, 'checkout');
  git(folder, 'init', '--quiet', '--bare', '--initial-branch=main', remote);
  git(folder, 'clone', '--quiet', remote, author);
  const push = (changed: Record<string, string>) => {
    for (const [name, text] of Object.entries(changed)) {
      mkdirSync(dirname(join(author, name)), { recursive: true });
      writeFileSync(join(author, name), text);
    }
    git(author, 'add', '--all');
    git(author, 'commit', '--quiet', '-m', 'change');
    git(author, 'push', '--quiet', 'origin', 'HEAD:main');
    return git(author, 'rev-parse', 'HEAD');
  };
  push(files);
  git(folder, 'clone', '--quiet', remote, path);
  return {
    path,
    remote,
    push,
    git: (...args) => git(path, ...args),
    state: () =>
      [
        git(path, 'status', '--porcelain=v1', '--branch', '--ignored'),
        git(path, 'for-each-ref'),
        git(path, 'stash', 'list'),
        git(path, 'worktree', 'list'),
        git(path, 'config', '--local', '--list'),
      ].join('\n'),
  };
}

function git(folder: string, ...args: string[]): string {
  return execFileSync(
    'git',
    ['-C', folder, '-c', 'user.name=Author', '-c', 'user.email=author@example.com', ...args],
    {
      env: { PATH: process.env.PATH, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
    .toString()
    .trim();
}
