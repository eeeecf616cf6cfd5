import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Reader } from './github/reader.ts';

interface GitIdentity {
  name: string;
  email: string;
  date: string;
}

/**
 * A checkout of the emulated repository's default branch, as `git clone --depth 1` would make it: the emulator speaks
 * no git, but its commits have the names git gives them (not where a folder and a file begin alike: it sorts those
 * in another order).
 */
export async function cloneOf(read: Reader, path: string): Promise<void> {
  const head = read.head() ?? '';
  const git = (args: string[], input = '') =>
    execFileSync('git', ['-C', path, ...args], {
      input,
      env: { PATH: process.env.PATH, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
      .toString()
      .trim();
  mkdirSync(path, { recursive: true });
  git(['init', '--quiet', '--initial-branch=main']);
  for (const name of await read.tree()) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), (await read.file(name)) ?? '');
  }
  git(['add', '--all', '--force']);
  const tree = git(['write-tree']);
  const { parents, author, committer, message } = (await read.gitCommit(head)) as unknown as {
    parents: { sha: string }[];
    author: GitIdentity;
    committer: GitIdentity;
    message: string;
  };
  const by = ({ name, email, date }: GitIdentity) => `${name} <${email}> ${Date.parse(date) / 1_000} +0000`;
  const lines = [
    `tree ${tree}`,
    ...parents.map(({ sha }) => `parent ${sha}`),
    `author ${by(author)}`,
    `committer ${by(committer)}`,
    '',
    message.endsWith('\n') ? message.slice(0, -1) : message,
    '',
  ];
  const made = git(['hash-object', '-t', 'commit', '-w', '--stdin'], lines.join('\n'));
  if (made !== head) throw new Error(`the clone's commit is ${made}, the repository's ${head}`);
  writeFileSync(join(path, '.git/shallow'), `${head}\n`);
  git(['update-ref', 'refs/heads/main', head]);
  git(['reset', '--quiet', '--hard', head]);
}
