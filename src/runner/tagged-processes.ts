import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

/** The variable every process of a run carries; its value is the run's id. */
export const RUN_TAG = 'GURUGURU_RUN';

const run = promisify(execFile);

/**
 * Processes that carry the run's tag in the environment they were started with: children that left the
 * process group (`setsid`, daemons) are found by it. A process that was given a clean environment
 * (`env -i`, `sudo`) or belongs to another user is not.
 */
export async function taggedProcesses(runId: string): Promise<number[]> {
  const found = process.platform === 'linux' ? taggedInProc(runId) : await taggedInPs(runId);
  return found.filter((pid) => pid !== process.pid);
}

function taggedInProc(runId: string): number[] {
  const tag = `${RUN_TAG}=${runId}`;
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => environmentOf(pid).split('\0').includes(tag)).map(Number);
}

function environmentOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch {
    // Gone meanwhile, or another user's: none of ours.
    return '';
  }
}

async function taggedInPs(runId: string): Promise<number[]> {
  const { stdout } = await run('ps', ['-A', '-E', '-ww', '-o', 'pid=,command='], {
    maxBuffer: 64 * 1024 * 1024,
  });
  return parsePs(stdout, runId);
}

/** `ps -E` of macOS writes the environment behind the command, separated by blanks. */
export function parsePs(text: string, runId: string): number[] {
  const tag = ` ${RUN_TAG}=${runId}`;
  return text
    .split('\n')
    .filter((line) => line.endsWith(tag) || line.includes(`${tag} `))
    .map((line) => Number.parseInt(line, 10))
    .filter((pid) => Number.isInteger(pid));
}

/** Signal 0 only asks whether there is such a process. */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}

/** Sends a signal to a process group and to everything that carries the tag. Returns how many of the latter. */
export async function signalRun(runId: string, group: number | null, name: NodeJS.Signals): Promise<number> {
  const tagged = await taggedProcesses(runId);
  if (group !== null) signal(-group, name);
  for (const pid of tagged) signal(pid, name);
  return tagged.length;
}

/**
 * Ends whatever is left of a run: SIGTERM, up to `graceMs`, SIGKILL. Returns how many processes there were.
 * `group`: the run's process group, only right after its leader ended (later the number may be another's).
 * Waiting is for tagged processes only: a group counts as alive while nobody reaps its dead.
 */
export async function endLeftovers(runId: string, group: number | null, graceMs: number): Promise<number> {
  const count = await signalRun(runId, group, 'SIGTERM');
  if (count === 0 && (group === null || !signal(-group, 0))) return 0;
  const deadline = performance.now() + graceMs;
  let left = count;
  while (left > 0 && performance.now() < deadline) {
    await sleep(25);
    left = (await taggedProcesses(runId)).length;
  }
  // Something may be starting children while it is being ended: more than one round.
  for (let round = 0; round < 5; round += 1) {
    if ((await signalRun(runId, group, 'SIGKILL')) === 0) break;
    await sleep(25);
  }
  return count;
}
