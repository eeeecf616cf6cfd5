import { execFile } from 'node:child_process';

/** git said no. `output`: what it printed. */
export class GitError extends Error {
  override name = 'GitError';
  readonly output: string;
  constructor(args: readonly string[], output: string, cause: unknown) {
    super(`git ${args.slice(0, 2).join(' ')}: ${output.trim().split('\n').slice(-3).join(' ') || 'failed'}`, {
      cause,
    });
    this.output = output;
  }
}

export interface Git {
  checkout: string;
  /** stdout without its last newline. @throws GitError */
  run(args: readonly string[], more?: { input?: string; env?: Record<string, string> }): Promise<string>;
  /** stdout byte for byte. @throws GitError */
  bytes(args: readonly string[]): Promise<Buffer>;
}

const LIMIT_MS = 120_000;

/** git in one checkout; it never asks for a password and runs no hooks. */
export function openGit(checkout: string, environment: Readonly<Record<string, string | undefined>>): Git {
  const call = (args: readonly string[], more: { input?: string; env?: Record<string, string> }) =>
    new Promise<Buffer>((resolve, reject) => {
      const child = execFile(
        'git',
        // The hooks of a person's checkout (husky: tests before a push) are for what that person does.
        ['-C', checkout, '-c', 'core.hooksPath=/dev/null', ...args],
        {
          // No lock that is not needed: a person may be working in the checkout.
          env: {
            ...environment,
            GIT_TERMINAL_PROMPT: '0',
            GIT_OPTIONAL_LOCKS: '0',
            LC_ALL: 'C',
            ...more.env,
          },
          encoding: 'buffer',
          maxBuffer: 64 * 1024 * 1024,
          timeout: LIMIT_MS,
        },
        (error, stdout, stderr) => {
          if (error === null) resolve(stdout);
          else reject(new GitError(args, `${stdout}${stderr}` || error.message, error));
        },
      );
      child.stdin?.on('error', () => undefined);
      child.stdin?.end(more.input ?? '');
    });
  return {
    checkout,
    run: async (args, more = {}) => (await call(args, more)).toString('utf8').replace(/\n$/, ''),
    bytes: (args) => call(args, {}),
  };
}

/** The author where git has none: some runner hosts have no git identity. */
export async function identity(git: Git): Promise<Record<string, string>> {
  const known = await git.run(['config', 'user.email']).catch(() => '');
  if (known !== '') return {};
  const name = 'guruguru runner';
  const email = 'runner@guruguru.invalid';
  return {
    GIT_AUTHOR_NAME: name,
    GIT_AUTHOR_EMAIL: email,
    GIT_COMMITTER_NAME: name,
    GIT_COMMITTER_EMAIL: email,
  };
}
