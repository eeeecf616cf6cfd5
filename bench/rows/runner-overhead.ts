import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ShellJob } from '../../src/job/job.ts';
import { parseJob } from '../../src/job/parse-job.ts';
import { executeShell } from '../../src/runner/execute-shell.ts';
import { parseRoots } from '../../src/runner/roots.ts';
import { makeRunFolder, removeRunFolder } from '../../src/runner/run-folder.ts';
import { withCleanup } from '../support/cleanup.ts';
import type { Row, RowOptions } from '../support/figure.ts';
import { median } from '../support/statistics.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Ten seconds: each line computes, prints and waits, as a test suite does. */
const TEN_SECONDS = Array.from(
  { length: 10 },
  (_, n) => `for ((i = 0; i < 50000; i++)); do :; done; seq 200; echo part ${n + 1}; sleep 0.8`,
);
const SHORT_LINES = Array.from({ length: 200 }, () => '/bin/true');

/** One script through the runner's executor and through plain bash, in turn. */
export const runnerOverhead: Row = {
  name: 'overhead',
  run: ({ quick, say }) =>
    withCleanup(async (cleanup) => {
      const folder = await temporaryFolder(cleanup);
      const long = await compare(folder, TEN_SECONDS, quick ? 1 : 3, say);
      const short = await compare(folder, SHORT_LINES, quick ? 5 : 25, say);
      return [
        {
          what: 'ten seconds of work',
          unit: 's',
          ...long.seconds,
          bound: { kind: 'at_most_times', times: 1.02 },
          note: `median of ${long.repetitions} each, in turn; baseline: plain bash`,
        },
        {
          what: '200 lines of /bin/true',
          unit: 's',
          ...short.seconds,
          bound: { kind: 'at_most_times', times: 1.2 },
          note: `median of ${short.repetitions} each, in turn`,
        },
      ];
    }),
};

async function compare(folder: string, script: string[], repetitions: number, say: RowOptions['say']) {
  const job = jobOf(script, folder);
  const file = join(folder, 'plain.sh');
  await writeFile(file, `set -eo pipefail\n${script.join('\n')}\n`);
  const ours: number[] = [];
  const baseline: number[] = [];
  for (let n = 0; n < repetitions; n += 1) {
    baseline.push(await timed(() => plainBash(file, folder)));
    // Made ahead, as the runner does while `starting` is on its way.
    const made = await makeRunFolder();
    ours.push(await timed(() => execute(job, folder, made)));
    await removeRunFolder(made);
  }
  const seconds = { ours: median(ours), baseline: median(baseline) };
  say(
    `${script.length} lines: ours ${seconds.ours.toFixed(3)} s, plain bash ${seconds.baseline.toFixed(3)} s`,
  );
  return { seconds, repetitions };
}

async function timed(run: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await run();
  return (performance.now() - started) / 1000;
}

async function execute(job: ShellJob, folder: string, made: string): Promise<void> {
  const roots = parseRoots(folder);
  if (!roots.ok) throw new Error(roots.errors.join('; '));
  const result = await executeShell(job, {
    runId: 'bench',
    folder: Promise.resolve(made),
    roots: roots.roots,
    repository: null,
    environment: process.env,
    onRecord: () => {},
  });
  if (result.exit_code !== 0) throw new Error(`the job ended with ${result.outcome}: ${result.message}`);
}

function plainBash(file: string, folder: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // A session of its own, as the job has: the kernel shares the processor out by session.
    const child = spawn('bash', ['--noprofile', '--norc', file], {
      cwd: folder,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.resume();
    child.stderr.resume();
    child.once('error', reject);
    child.once('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`plain bash ended with ${code}`)),
    );
  });
}

function jobOf(script: string[], workdir: string): ShellJob {
  const parsed = parseJob(
    JSON.stringify({
      id: '2025-01-01-001',
      kind: 'run_shell',
      workdir,
      script,
      dod: 'exit_code == 0',
      report_path: 'reports/jobs/2025-01-01-001.out',
    }),
    { path: 'jobs/queue/2025-01-01-001.json' },
  );
  if (!parsed.ok) throw new Error(parsed.findings.map(({ message }) => message).join('; '));
  if (parsed.job.kind !== 'run_shell') throw new Error('no shell job');
  return parsed.job;
}
