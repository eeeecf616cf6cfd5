import type { Environment } from '../config.ts';
import { runJobFile } from '../runner/job-run.ts';
import { trapSignals } from '../runner/resident.ts';

/** Runs one job file here; the first Ctrl-C cancels it. Resolves to the exit code. */
export async function jobRunCommand(
  environment: Environment,
  file: string,
  options: { report?: string },
): Promise<number> {
  // A person at a terminal means "stop" by Ctrl-C, so the first signal cancels here.
  const { drain, release } = trapSignals(() => {});
  const code = await runJobFile({
    file,
    ...(options.report ? { reportDirectory: options.report } : {}),
    environment,
    stdout: (text) => void process.stdout.write(text),
    stderr: (text) => void process.stderr.write(text),
    signal: drain,
  });
  release();
  return code;
}
