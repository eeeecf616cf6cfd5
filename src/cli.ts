import { inspect } from 'node:util';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { DemoOptions } from './cli/demo-command.ts';
import { ConfigError } from './config.ts';
import { VERSION } from './version.ts';

/** Errors that say all a person needs: printed without a stack. */
const PLAIN_ERRORS = new Set([
  'ConfigError',
  'StoreLockedError',
  'StoreConnectError',
  'StoreVersionError',
  'RunnerError',
  'UsageError',
]);

function program(): Command {
  const cli = new Command('guruguru')
    .description('Turns /ask on GitHub into approved jobs and runs them on your own machines.')
    .version(VERSION)
    .showHelpAfterError('(add --help for the options)')
    .exitOverride();

  cli
    .command('app')
    .description('the GitHub App: planner and dispatcher; without credentials, its registration page')
    .action(async () => {
      const { appCommand } = await import('./cli/app-command.ts');
      await appCommand(process.env);
    });

  cli
    .command('runner')
    .description('takes approved jobs, one at a time, and runs them here')
    .option('--url <url>', 'the app (GURUGURU_URL)')
    .option('--token <token>', 'made by `guruguru token create` (GURUGURU_RUNNER_TOKEN)')
    .option('--name <name>', 'default: the host name (GURUGURU_RUNNER_NAME)')
    .option('--labels <a,b>', 'labels jobs can ask for in runs_on (GURUGURU_RUNNER_LABELS)')
    .option('--roots <paths>', '/path or owner/name=/path, comma-separated (GURUGURU_WORKDIR_ROOTS)')
    .option('--state-dir <dir>', 'logs and results not yet delivered (GURUGURU_RUNNER_STATE_DIR)')
    .option('--sandbox <kind>', 'bwrap (Linux), sandbox-exec (macOS) or none (GURUGURU_SANDBOX)')
    .option('--sandbox-read <paths>', 'hidden files jobs may read, comma-separated (GURUGURU_SANDBOX_READ)')
    .option('--sandbox-network <on|off>', 'for jobs that do not say (GURUGURU_SANDBOX_NETWORK)')
    .option('--executor <kind>', 'shell, the default, or kubernetes: a pod for each job (GURUGURU_EXECUTOR)')
    .option('--kubernetes-config <file>', 'what the pods are made of (GURUGURU_KUBERNETES_CONFIG)')
    .option('--verify', 'run only what GitHub shows that a person merged or approved (GURUGURU_VERIFY_TOKEN)')
    .option('--git <checkout>', 'no app: take jobs from this checkout and push their reports')
    .option('--once', 'run at most one job, then exit')
    .option('--interval <seconds>', 'with --git: how often to pull', '10')
    .action(async (options) => {
      const { runnerCommand } = await import('./cli/runner-command.ts');
      process.exitCode = await runnerCommand(process.env, options);
    });

  const job = cli.command('job').description('work with job files');
  job
    .command('check')
    .description('validates job files; prints findings with line and column')
    .argument('<files...>')
    .action(async (files: string[]) => {
      const { jobCheckCommand } = await import('./cli/job-check-command.ts');
      process.exitCode = await jobCheckCommand(files);
    });
  job
    .command('run')
    .description('runs one job file here and writes its report; exit code 0 only when the DoD is met')
    .argument('<file>')
    .option('--report <dir>', 'where report_path is below; default: the repository of the file')
    .action(async (file: string, options: { report?: string }) => {
      const { jobRunCommand } = await import('./cli/job-run-command.ts');
      process.exitCode = await jobRunCommand(process.env, file, options);
    });

  const token = cli.command('token').description('runner tokens');
  token
    .command('create')
    .description('makes a runner token and prints it once, alone on the last line; it is stored hashed')
    .argument('<name>', 'who it is for, e.g. devbox')
    .requiredOption('--repo <owner/name>', 'a repository it may take jobs of; may be repeated', repositories)
    .action(async (name: string, options: { repo: string[] }) => {
      const { tokenCreateCommand } = await import('./cli/token-command.ts');
      await tokenCreateCommand(process.env, name, options.repo);
    });
  token
    .command('list')
    .description('names, repositories, when made and last used; never the tokens')
    .action(async () => {
      const { tokenListCommand } = await import('./cli/token-command.ts');
      await tokenListCommand(process.env);
    });
  token
    .command('revoke')
    .description('takes a token back at once, also from runners that wait for work')
    .argument('<name-or-id>', 'as `token list` shows them')
    .action(async (nameOrId: string) => {
      const { tokenRevokeCommand } = await import('./cli/token-command.ts');
      await tokenRevokeCommand(process.env, nameOrId);
    });

  cli
    .command('audit')
    .description('what was granted to whom: tokens, leases, approvals, merges, settings; newest first')
    .option('--limit <n>', 'how many', positive, 100)
    .action(async (options: { limit: number }) => {
      const { auditCommand } = await import('./cli/token-command.ts');
      await auditCommand(process.env, options.limit);
    });

  cli
    .command('doctor')
    .description('checks credentials, permissions, runners, the model and the set-up of this machine')
    .option('--repo <owner/name>', 'check this repository too; may be repeated', repositories)
    .option('--json', 'one JSON object on the last line')
    .action(async (options: { repo?: string[]; json?: boolean }) => {
      const { doctorCommand } = await import('./cli/doctor-command.ts');
      process.exitCode = await doctorCommand(process.env, options);
    });

  cli
    .command('demo')
    .description('plays the whole loop on this machine: no account, no key, under 30 seconds')
    .addOption(
      new Option('--story <name>', 'loop: three asks; morning: a schedule, a goal, an agent and the costs')
        .choices(['loop', 'morning'])
        .default('loop'),
    )
    .option('--json', 'one JSON object on the last line')
    .option('--keep', 'leave everything running and print the addresses (story loop)')
    .action(async (options: DemoOptions) => {
      const { demoCommand } = await import('./cli/demo-command.ts');
      process.exitCode = await demoCommand(process.env, options);
    });
  return cli;
}

function positive(value: string): number {
  if (!/^[1-9]\d{0,6}$/.test(value)) throw new InvalidArgumentError('Write a whole number above 0.');
  return Number(value);
}

function repositories(value: string, previous: string[] = []): string[] {
  if (!/^[A-Za-z0-9-]+\/[A-Za-z0-9._-]+$/.test(value)) {
    throw new InvalidArgumentError('Write it as owner/name.');
  }
  return [...previous, value];
}

export async function main(argv: string[]): Promise<void> {
  try {
    await program().parseAsync(argv);
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode;
      return;
    }
    const plain = error instanceof ConfigError || (error instanceof Error && PLAIN_ERRORS.has(error.name));
    const { redactPublished } = await import('./job/secrets/redact-published.ts');
    console.error(redactPublished(plain ? (error as Error).message : inspect(error)));
    process.exitCode = 1;
  }
}

if (import.meta.main) await main(process.argv);
