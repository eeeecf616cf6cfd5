import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ShellJob } from '../job/job.ts';
import type { LogRecord, RunResult } from '../job/run-result.ts';
import { SECRET_MIN_LENGTH } from '../job/secrets/secret-forms.ts';
import { beginResult } from './begin-result.ts';
import { reasonOf } from './guard-run.ts';
import { type Environment, jobEnvironment } from './job-environment.ts';
import { readJobReport } from './job-report.ts';
import { allowedWorkdir, type Roots } from './roots.ts';
import { type BashEnd, runBash, SHELL_TIMING, type ShellTiming } from './run-bash.ts';
import { makeRunFolder, removeRunFolder } from './run-folder.ts';
import { enclose, NO_SANDBOX, type Sandbox } from './sandbox/sandbox.ts';
import { shellDriver } from './shell-driver.ts';
import { RUN_TAG } from './tagged-processes.ts';

export interface ShellOptions {
  /** Becomes `GURUGURU_RUN` in every process of the job; letters, digits, dots, dashes, underscores. */
  runId: string;
  roots: Roots;
  repository: string | null;
  /** The runner's own environment: the named list and the secrets come from it. */
  environment: Environment;
  /** More names (or prefixes ending in `*`) to pass on. */
  passOn?: readonly string[];
  /** Probed at the start. Default: none. */
  sandbox?: Sandbox;
  /** More values that must not appear in the log, such as the runner's own token. */
  hide?: readonly string[];
  /** From `makeRunFolder`, made ahead and removed by the caller. Default: made and removed here. */
  folder?: Promise<string>;
  /** Called in order, at once, with text that is already redacted. */
  onRecord: (record: LogRecord) => void;
  onStart?: (pid: number) => void;
  /** Aborting cancels the job; a string reason becomes the result's message. */
  signal?: AbortSignal;
  timing?: Partial<ShellTiming>;
}

/** A run's result but for `log_bytes`, which whoever keeps the log knows. */
export type ShellResult = Omit<RunResult, 'log_bytes'>;

/**
 * Executor `shell`: the job's script lines in one bash with errexit and pipefail (see shell-driver.ts), in a
 * process group of its own, stdin /dev/null. Never throws: what goes wrong is an outcome with a message.
 *
 * The run ends when the shell exits. What it leaves behind is ended (SIGTERM, 10 s, SIGKILL) and noted.
 */
export async function executeShell(job: ShellJob, options: ShellOptions): Promise<ShellResult> {
  const { seconds, hide, redact, end, note, refuse } = beginResult(options);

  const workdir = await allowedWorkdir(options.roots, options.repository, job.workdir);
  if (!workdir.ok) return refuse(workdir.message);
  const texts = [...job.script, ...Object.values(job.env ?? {})];
  if (texts.some((text) => text.includes('\0'))) {
    return refuse('script, env: a NUL character cannot be given to a shell. Remove it from the job file.');
  }
  if (options.signal?.aborted === true) {
    return end({ outcome: 'cancelled', message: `${reasonOf(options.signal)} before the first line ran` });
  }

  let own: string | null = null;
  try {
    const directory = await (options.folder ?? makeRunFolder());
    if (options.folder === undefined) own = directory;
    const reportFile = join(directory, 'report.json');
    const environment = jobEnvironment({ ...options, job, reportFile });
    if (!environment.ok) return refuse(environment.message);
    const short = environment.secrets.filter((value) => value.trim().length < SECRET_MIN_LENGTH).length;
    if (short > 0)
      note(`${short} secret(s) shorter than ${SECRET_MIN_LENGTH} characters are not hidden in this log`);
    hide.push(...environment.secrets);
    const enclosed = enclose(options.sandbox ?? NO_SANDBOX, {
      bash: ['--noprofile', '--norc', join(directory, 'job')],
      workdir: workdir.path,
      folder: directory,
      env: environment.env,
      runTag: [RUN_TAG],
      network: job.network,
      runner: options.environment,
    });
    if (!enclosed.ok) return refuse(enclosed.message);
    const driver = shellDriver(job.script);
    await writeFile(join(directory, 'job'), driver.text, { mode: 0o600 });

    const shell = await runBash({
      directory,
      pairs: driver.pairs,
      workdir: workdir.path,
      shell: enclosed.shell,
      hide,
      seconds,
      timing: { timeoutMs: job.timeout_minutes * 60_000, ...SHELL_TIMING, ...options.timing },
      runId: options.runId,
      signal: options.signal,
      onRecord: options.onRecord,
      onStart: options.onStart,
    });
    const finish = end({ outcome: 'exited', ...shell.ended, steps: shell.steps });
    if (shell.stopped !== null) note(shell.stopped.message);
    else noteEarlyEnd(job, shell, note);
    if (shell.leftovers > 0 && shell.stopped === null) {
      note(`ended ${shell.leftovers} process(es) that the job had left running`);
    }
    const report = await readJobReport(reportFile, redact);
    if (report.note !== null) note(report.note);
    return { ...finish, ...shell.stopped, report: report.value };
  } catch (cause) {
    const message = redact(
      `the runner could not run this job: ${cause instanceof Error ? cause.message : String(cause)}`,
    );
    note(message);
    return end({ outcome: 'runner_error', message: message.slice(0, 2000) });
  } finally {
    if (own !== null) await removeRunFolder(own);
  }
}

function noteEarlyEnd(job: ShellJob, shell: BashEnd, note: (text: string) => void): void {
  const last = shell.steps.at(-1);
  const unrun = job.script.length - shell.steps.length;
  if (last === undefined || unrun <= 0) return;
  const how = shell.ended.signal === null ? `exit ${shell.ended.exit_code}` : shell.ended.signal;
  note(`the script ended in line ${last.line + 1} (${how}); ${unrun} further line(s) were not run`);
}
