import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Environment } from '../job-environment.ts';
import { enclose, type Sandbox } from './sandbox.ts';

const run = promisify(execFile);
const LIMIT_MS = 20_000;
/** `$0` may not be written (which is looked at from outside), nor `$1` be read. */
const PROBE = 'touch written && { touch "$0" 2>/dev/null || :; } && ! grep -q hidden "$1" 2>/dev/null';

/** null: the sandbox works here. Otherwise what is wrong and what to do. */
export async function probeSandbox(sandbox: Sandbox, runner: Environment): Promise<string | null> {
  if (sandbox.kind === 'none') return null;
  const name = `--sandbox ${sandbox.kind} (GURUGURU_SANDBOX)`;
  const system = sandbox.kind === 'bwrap' ? 'linux' : 'darwin';
  if (process.platform !== system) {
    const other = sandbox.kind === 'bwrap' ? 'sandbox-exec' : 'bwrap';
    return `${name}: is for ${system === 'linux' ? 'Linux' : 'macOS'}; here use --sandbox ${other}`;
  }
  const base = await realpath(await mkdtemp(join(tmpdir(), 'guruguru-probe-')));
  try {
    const workdir = await mkdtemp(join(base, 'work-'));
    const folder = await mkdtemp(join(base, 'run-'));
    const secret = join(base, 'secret');
    const outside = join(base, 'outside');
    await writeFile(secret, 'hidden');
    for (const network of ['on', 'off'] as const) {
      const enclosed = enclose(
        { ...sandbox, hide: [...sandbox.hide, secret] },
        {
          bash: ['--noprofile', '--norc', '-c', PROBE, outside, secret],
          workdir,
          folder,
          env: { PATH: runner.PATH ?? '/usr/bin:/bin' },
          runTag: [],
          network,
          runner,
        },
      );
      if (!enclosed.ok) return `${name}: ${enclosed.message}`;
      const { command, args, env } = enclosed.shell;
      await run(command, args, { cwd: workdir, env, timeout: LIMIT_MS });
      if (existsSync(outside)) throw new Error('it lets a job write anywhere');
    }
    return null;
  } catch (error) {
    return `${name}: does not work here, and without it no job is run. ${remedy(sandbox.kind, error)}`;
  } finally {
    await rm(base, { recursive: true, force: true });
  }
}

function remedy(kind: Sandbox['kind'], error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') {
    return kind === 'bwrap'
      ? 'bwrap is not installed: apt-get install bubblewrap (dnf, apk and pacman call it bubblewrap too)'
      : 'sandbox-exec is not on PATH; it is /usr/bin/sandbox-exec on macOS';
  }
  const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
  const words =
    said === '' ? `It let through what it should not, or ended with ${code}.` : `It said: ${said}.`;
  if (kind !== 'bwrap') return words;
  const namespaces = /namespace|uid map|setting up|Operation not permitted|Permission denied/i.test(said);
  if (!namespaces) return words;
  return (
    `${words} This user may not make namespaces. On Ubuntu 24.04 and newer allow it to bwrap by an AppArmor profile: ` +
    'https://ubuntu.com/blog/ubuntu-23-10-restricted-unprivileged-user-namespaces. On Debian: sysctl ' +
    'kernel.unprivileged_userns_clone=1. In a container: run it with a seccomp and AppArmor profile that allow ' +
    'unshare and mount (docker: --security-opt seccomp=unconfined --security-opt apparmor=unconfined ' +
    '--security-opt systempaths=unconfined), or leave the sandbox to the container: --sandbox none'
  );
}
