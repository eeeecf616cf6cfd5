import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { closeDod } from '../job/dod.ts';
import { renderFinding } from '../job/finding.ts';
import { scriptOf } from '../job/job.ts';
import { parseJob } from '../job/parse-job.ts';
import { buildRecord, jobFacts, parseRecord, renderRecord } from '../job/report-format.ts';
import { recordPath, runLogPath } from '../job/report-paths.ts';
import type { LogRecord } from '../job/run-result.ts';
import type { Environment } from './job-environment.ts';
import type { ShellTiming } from './run-bash.ts';
import { describeEntry, runLocally } from './run-local.ts';

export interface JobRunOptions {
  /** The job file. */
  file: string;
  /** What `report_path` is below; default: the repository the file is in, else the working directory. */
  reportDirectory?: string;
  environment: Environment;
  /** Live output; each text is one or more whole lines with their newline. */
  stdout: (text: string) => void;
  stderr: (text: string) => void;
  /** Aborting cancels the job. */
  signal?: AbortSignal;
  timing?: Partial<ShellTiming>;
}

/**
 * `guruguru job run FILE`: executes one job file on this machine, without an app. Any `workdir` is allowed,
 * because the person at the terminal is the one who runs it. Writes the log to `report_path` and the result
 * record beside it; running a file again adds a run to the record.
 *
 * Resolves to the exit code: 0 only when the DoD is met, 1 when it is not, 2 when the file is not a valid job.
 */
export async function runJobFile(options: JobRunOptions): Promise<0 | 1 | 2> {
  const { file, stderr } = options;
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : error;
    stderr(`${file}: cannot be read (${code}). Give the path of a job file.\n`);
    return 2;
  }
  const parsed = parseJob(bytes, { path: file });
  if (!parsed.ok) {
    for (const finding of parsed.findings) stderr(`${renderFinding(finding)}\n`);
    return 2;
  }
  const { job, digest } = parsed;
  const base = resolve(options.reportDirectory ?? repositoryOf(file) ?? '.');
  const recordFile = join(base, recordPath(job.report_path));
  const previous = parseRecord(await readFile(recordFile, 'utf8').catch(() => ''));
  const attempt = (previous?.runs.at(-1)?.attempt ?? 0) + 1;

  const spool = await mkdtemp(join(tmpdir(), 'guruguru-log-'));
  const { entry, log, beside } = await runLocally(job, {
    runId: randomUUID(),
    attempt,
    runner: hostname(),
    directory: spool,
    copies: join(spool, 'copies'),
    roots: 'anything',
    repository: null,
    environment: options.environment,
    onRecord: liveOutput(options, scriptOf(job)),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(options.timing === undefined ? {} : { timing: options.timing }),
  });
  await closeDod();
  await rm(join(spool, 'copies'), { recursive: true, force: true });
  const kept = (await readdir(spool)).find((name) => name.endsWith('.full.ndjson'));
  if (kept === undefined) await rm(spool, { recursive: true, force: true });

  const logFile = join(base, runLogPath(job.report_path, attempt));
  await mkdir(dirname(logFile), { recursive: true });
  await writeFile(logFile, log);
  for (const { path, text } of beside) await writeFile(join(base, path), text);
  const about = { id: job.id, job_digest: digest, ...jobFacts(job) };
  await writeFile(recordFile, renderRecord(buildRecord(previous, entry, about)));
  stderr(`${job.id} ${describeEntry(entry)}\n`);
  stderr(`log ${relative('.', logFile)}, record ${relative('.', recordFile)}\n`);
  return entry.state === 'succeeded' ? 0 : 1;
}

/** The nearest directory above the file with a `.git` in it. */
function repositoryOf(file: string): string | null {
  for (let folder = dirname(resolve(file)); ; folder = dirname(folder)) {
    if (existsSync(join(folder, '.git'))) return folder;
    if (folder === dirname(folder)) return null;
  }
}

/** stdout as it is, so that it can be piped; stderr and the runner's own words marked. */
function liveOutput(
  out: Pick<JobRunOptions, 'stdout' | 'stderr'>,
  script: readonly string[],
): (record: LogRecord) => void {
  let errOpen = false;
  return (record) => {
    if (record.s === 'out') {
      out.stdout(record.p === true ? record.d : `${record.d}\n`);
    } else if (record.s === 'err') {
      const text = record.d.replaceAll('\n', '\n! ');
      out.stderr(`${errOpen ? '' : '! '}${text}${record.p === true ? '' : '\n'}`);
      errOpen = record.p === true;
    } else if (record.s === 'note') {
      out.stderr(`# ${record.d}\n`);
    } else if (record.s === 'step') {
      out.stderr(`$ ${(script[record.line] ?? '').trimEnd()}\n`);
    }
  };
}
