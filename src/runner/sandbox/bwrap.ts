import type { Places } from './places.ts';

/**
 * Arguments of bubblewrap (0.8 and newer) up to the command. Everything is read-only and the workdir is not;
 * homes, sockets and temporary files are empty; processes outside do not exist; without network there is a
 * loopback of its own and nothing else. bwrap always sets no_new_privs.
 *
 * It is not told to die with the runner: a started job outlives it. Descriptors pass through, and the inner
 * shell stays in the process group that the runner signals.
 *
 * @param inside variables that the job carries and bwrap itself does not, or it would count among what a job left running
 */
export function bwrapArguments(places: Places, inside: Record<string, string>): string[] {
  const { workdir, folder, tmp, emptied, read, hidden, network } = places;
  return [
    ...['--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc'],
    ...emptied.flatMap((path) => ['--tmpfs', path]),
    ...['--bind', tmp, '/tmp'],
    ...read.flatMap((path) => ['--ro-bind', path, path]),
    ...['--bind', workdir, workdir],
    ...hidden.flatMap(({ path, folder: isFolder }) =>
      isFolder ? ['--tmpfs', path] : ['--ro-bind', '/dev/null', path],
    ),
    ...['--bind', folder, folder],
    ...['--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try'],
    ...(network === 'off' ? ['--unshare-net'] : []),
    ...['--cap-drop', 'ALL', '--chdir', workdir],
    ...Object.entries(inside).flatMap(([name, value]) => ['--setenv', name, value]),
    '--',
  ];
}
