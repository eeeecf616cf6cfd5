import { existsSync, mkdirSync, realpathSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join, relative } from 'node:path';
import type { Environment } from '../job-environment.ts';
import { bwrapArguments } from './bwrap.ts';
import type { Places } from './places.ts';
import { sandboxProfile } from './sandbox-exec.ts';

export const SANDBOXES = ['bwrap', 'sandbox-exec', 'none'] as const;

/** How a runner keeps a job from the rest of its machine. */
export interface Sandbox {
  kind: (typeof SANDBOXES)[number];
  /** Files and folders that would be hidden, and that a job may read. Absolute. */
  read: readonly string[];
  /** For jobs that do not say. */
  network: 'on' | 'off';
  /** Files and folders of the runner itself, which no job sees. Absolute. */
  hide: readonly string[];
}

export const NO_SANDBOX: Sandbox = { kind: 'none', read: [], network: 'on', hide: [] };

export interface Shell {
  command: string;
  args: string[];
  env: Record<string, string>;
}

export type Enclosed = { ok: true; shell: Shell } | { ok: false; message: string };

/** Where homes and sockets are, on either system. What does not exist is passed over. */
const EMPTIED = ['/home', '/root', '/run', '/var/tmp', '/Users', '/private/var/root'];
/** `/etc/resolv.conf` may lead below /run. */
const RESOLVERS = ['/run/systemd/resolve', '/run/resolvconf', '/run/NetworkManager'];

/** The command for these arguments of bash, in the sandbox. `runTag`: variables that only the job itself carries. */
export function enclose(
  sandbox: Sandbox,
  run: {
    bash: string[];
    workdir: string;
    folder: string;
    env: Record<string, string>;
    runTag: readonly string[];
    network: 'on' | 'off' | undefined;
    runner: Environment;
  },
): Enclosed {
  if (sandbox.kind === 'none') {
    if (run.network !== 'off') return { ok: true, shell: { command: 'bash', args: run.bash, env: run.env } };
    return {
      ok: false,
      message:
        'network: "off" needs a sandbox, and this runner has none. Start it with --sandbox bwrap (Linux) or ' +
        '--sandbox sandbox-exec (macOS), then /retry; or remove the field from the job.',
    };
  }
  const places = placesOf(sandbox, run);
  const shown = places.emptied.find((path) => isBelow(places.workdir, path));
  if (shown !== undefined) {
    return {
      ok: false,
      message: `workdir: ${places.workdir} holds ${shown}, which the sandbox hides. Name a folder below it in the job file.`,
    };
  }
  const env: Record<string, string> = { ...run.env, TMPDIR: sandbox.kind === 'bwrap' ? '/tmp' : places.tmp };
  // An agent's socket is hidden unless it was named.
  const agent = env.SSH_AUTH_SOCK;
  if (agent !== undefined && !places.read.some((path) => isBelow(path, real(agent) ?? agent)))
    delete env.SSH_AUTH_SOCK;
  if (sandbox.kind === 'sandbox-exec') {
    return {
      ok: true,
      shell: { command: 'sandbox-exec', args: ['-p', sandboxProfile(places), 'bash', ...run.bash], env },
    };
  }
  const inside = Object.fromEntries(run.runTag.map((name) => [name, env[name] ?? '']));
  for (const name of run.runTag) delete env[name];
  return {
    ok: true,
    shell: { command: 'bwrap', args: [...bwrapArguments(places, inside), 'bash', ...run.bash], env },
  };
}

function placesOf(
  sandbox: Sandbox,
  run: { workdir: string; folder: string; network: 'on' | 'off' | undefined; runner: Environment },
): Places {
  const folder = real(run.folder) ?? run.folder;
  const tmp = join(folder, 'tmp');
  mkdirSync(tmp, { recursive: true, mode: 0o700 });
  const network = run.network ?? sandbox.network;
  const emptied = existing([...EMPTIED, run.runner.HOME ?? '', tmpdir()]).filter(
    (path) => path !== '/' && path !== '/tmp' && statSync(path).isDirectory(),
  );
  return {
    workdir: real(run.workdir) ?? run.workdir,
    folder,
    tmp,
    emptied: emptied.filter((path) => !emptied.some((other) => other !== path && isBelow(other, path))),
    read: existing([...sandbox.read, ...(network === 'on' ? RESOLVERS : [])]),
    hidden: existing(sandbox.hide).map((path) => ({ path, folder: statSync(path).isDirectory() })),
    network,
  };
}

/** The real paths of those that exist, each once, the outer before the inner. */
function existing(paths: readonly string[]): string[] {
  const found = paths
    .filter((path) => isAbsolute(path) && existsSync(path))
    .map((path) => real(path) ?? path);
  return [...new Set(found)].sort((a, b) => a.length - b.length);
}

function real(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}

function isBelow(base: string, path: string): boolean {
  const way = relative(base, path);
  return way === '' || (way !== '..' && !way.startsWith('../') && !isAbsolute(way));
}
