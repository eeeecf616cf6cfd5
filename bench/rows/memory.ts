import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startBenchGitHub } from '../support/bench-github.ts';
import { type Cleanup, withCleanup } from '../support/cleanup.ts';
import type { Row } from '../support/figure.ts';
import { startAppProcess, startRunnerProcess } from '../support/start-guruguru.ts';
import { startProbot } from '../support/start-probot.ts';
import { startProcess } from '../support/start-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const EMPTY_NODE = fileURLToPath(new URL('../baseline/empty-node.js', import.meta.url));
const IDLE_MS = 10_000;
/** By then a process has written what it compiled. */
const COMPILED_MS = 4_000;

/** Resident memory (VmRSS) of processes that were started and then left alone. Linux only. */
export const memory: Row = {
  name: 'memory',
  run: ({ say }) =>
    withCleanup(async (cleanup) => {
      const root = await temporaryFolder(cleanup);
      const { github, model } = await startBenchGitHub(cleanup, { workdir: root, script: ['true'] });
      const start = async (c: Cleanup) => {
        const app = await startAppProcess(c, github, { modelUrl: model.url });
        return { app, runner: await startRunnerProcess(c, app, { repository: 'octo/hello', root }) };
      };
      // A service's usual start is not its first: what the first one compiled is kept on disk.
      say('a first start');
      await withCleanup(async (c) => {
        await start(c);
        await delay(COMPILED_MS);
      });
      const { app, runner } = await start(cleanup);
      const probot = await startProbot(cleanup, 'empty-probot', github);
      const node = startProcess(cleanup, process.execPath, [EMPTY_NODE], { cwd: root });
      say(`waiting ${IDLE_MS / 1000} s`);
      await delay(IDLE_MS);
      return [
        {
          what: 'resident memory of the app, idle',
          unit: 'MB',
          ours: await residentMegabytes(app.pid),
          baseline: await residentMegabytes(probot.pid),
          bound: { kind: 'at_most_times', times: 1.8 },
          note: 'baseline: an empty Probot',
        },
        {
          what: 'resident memory of the runner, idle',
          unit: 'MB',
          ours: await residentMegabytes(runner.pid),
          baseline: await residentMegabytes(node.pid),
          bound: { kind: 'at_most_times', times: 2 },
          note: 'baseline: an empty Node',
        },
      ];
    }),
};

async function residentMegabytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kilobytes === undefined) throw new Error(`process ${pid} has no VmRSS`);
  return Number(kilobytes) / 1024;
}
