import { join } from 'node:path';
import type { CodexJob } from '../../job/job.ts';
import { beginResult } from '../begin-result.ts';
import type { ShellOptions, ShellResult } from '../execute-shell.ts';
import { reasonOf } from '../guard-run.ts';
import { jobEnvironment } from '../job-environment.ts';
import { readJobReport } from '../job-report.ts';
import { allowedWorkdir } from '../roots.ts';
import { SHELL_TIMING } from '../run-bash.ts';
import { makeRunFolder, removeRunFolder } from '../run-folder.ts';
import { collectChange } from './collect-change.ts';
import { runCodex } from './run-codex.ts';
import { makeWorkCopy, removeWorkCopy } from './work-copy.ts';

export interface CodexOptions extends ShellOptions {
  /** Below it each run has its copy, named after it; what a killed runner leaves there is removed at its next start. */
  copies: string;
  /** `key=value` in TOML, as `codex --config` takes them: a provider of models, for example. */
  codexConfig?: readonly string[];
}

/** A job's own report is at most 64 KiB. */
const REPORT_FILES = 200;
/** Where Codex keeps its login; not among what every job sees. */
const PASSED_ON = ['CODEX_HOME'];

/**
 * Executor `codex`: the installed Codex CLI with the job's brief, in a copy of the checkout that is removed
 * afterwards. What it changed comes back as a diff. Never throws: what goes wrong is an outcome with a message.
 */
export async function executeCodex(job: CodexJob, options: CodexOptions): Promise<ShellResult> {
  const { seconds, hide, redact, end, note, refuse } = beginResult(options);

  if (options.sandbox !== undefined && options.sandbox.kind !== 'none') {
    return refuse(
      'kind: a runner with --sandbox takes no codex jobs, because Codex has a sandbox of its own. ' +
        'Start another runner without --sandbox for them, then /retry.',
    );
  }
  const workdir = await allowedWorkdir(options.roots, options.repository, job.workdir);
  if (!workdir.ok) return refuse(workdir.message);
  const early = cancelledBefore(options.signal);
  if (early !== null) return end(early);
  const { environment, runId } = options;
  const place = join(options.copies, runId);
  let own: string | null = null;
  try {
    const directory = await (options.folder ?? makeRunFolder());
    if (options.folder === undefined) own = directory;
    const reportFile = join(directory, 'report.json');
    const passOn = [...(options.passOn ?? []), ...PASSED_ON];
    const given = jobEnvironment({ environment, passOn, job, runId, reportFile });
    if (!given.ok) return refuse(given.message);
    hide.push(...given.secrets);
    const made = await makeWorkCopy({ workdir: workdir.path, folder: place, environment, runId });
    if (!made.ok) return refuse(made.message);
    const { copy } = made;
    // Asking the remote takes its time.
    const stopped = cancelledBefore(options.signal);
    if (stopped !== null) return end(stopped);
    if (copy.note !== null) note(copy.note);
    note(`a copy of commit ${copy.base} is made for the agent`);
    const codex = await runCodex({
      job,
      cwd: copy.cwd,
      env: given.env,
      config: options.codexConfig ?? [],
      hide,
      redact,
      seconds,
      timing: { timeoutMs: job.timeout_minutes * 60_000, ...SHELL_TIMING, ...options.timing },
      runId,
      signal: options.signal,
      onRecord: options.onRecord,
      onStart: options.onStart,
    });
    const finish = end({ outcome: 'exited', ...codex.ended });
    if (codex.stopped !== null) note(codex.stopped.message);
    else if (codex.leftovers > 0)
      note(`ended ${codex.leftovers} process(es) that the agent had left running`);
    const change = await collectChange({ copy, folder: place, environment, runId, redact });
    note(changeWords(change.files.length, change.kept?.message ?? null));
    const { base } = copy;
    const agent = { base, usage: codex.usage, message: codex.message, ...change };
    const written = await readJobReport(reportFile, redact);
    if (written.note !== null) note(written.note);
    const report = written.value ?? {
      message: codex.message,
      files: change.files.slice(0, REPORT_FILES),
      tokens: codex.usage,
    };
    return { ...finish, ...codex.stopped, report, agent };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const absent = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT' && /codex/.test(why);
    const message = redact(
      absent
        ? 'the runner found no `codex` on its PATH. Install the Codex CLI there, restart the runner, then /retry.'
        : `the runner could not run this job: ${why}`,
    );
    note(message);
    return end({ outcome: 'runner_error', message: message.slice(0, 2000) });
  } finally {
    await removeWorkCopy(place);
    if (own !== null) await removeRunFolder(own);
  }
}

function cancelledBefore(signal: AbortSignal | undefined): { outcome: 'cancelled'; message: string } | null {
  if (signal?.aborted !== true) return null;
  return { outcome: 'cancelled', message: `${reasonOf(signal)} before the agent was started` };
}

function changeWords(files: number, kept: string | null): string {
  if (kept !== null) return `its change stays here: ${kept}`;
  return files === 0 ? 'the agent left no file changed' : `the agent left ${files} file(s) changed`;
}
