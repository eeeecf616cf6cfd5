import type { Places } from './places.ts';

/**
 * A profile for macOS's sandbox-exec: of two rules that apply the later one counts. sandbox-exec replaces itself
 * by the shell, so process group, signals and exit codes are the shell's own.
 */
export function sandboxProfile(places: Places): string {
  const { workdir, folder, emptied, read, hidden, network } = places;
  const below = (paths: readonly string[]) => paths.map((path) => `(subpath ${quoted(path)})`).join(' ');
  const lines = [
    '(version 1)',
    '(allow default)',
    '(deny file-write*)',
    `(deny file-read* ${below([...emptied, '/private/tmp'])})`,
    // A path's parts must be seen to walk down to what is allowed.
    '(allow file-read-metadata)',
    ...(read.length > 0 ? [`(allow file-read* ${below(read)})`] : []),
    `(allow file-read* file-write* ${below([workdir, folder])})`,
    '(allow file-write* (literal "/dev/null") (literal "/dev/zero") (literal "/dev/tty") (regex #"^/dev/fd/"))',
    ...(hidden.length > 0 ? [`(deny file-read* file-write* ${below(hidden.map(({ path }) => path))})`] : []),
    '(deny process-info* (target others))',
    '(deny signal (target others))',
    '(allow signal (target same-sandbox))',
    ...(network === 'off' ? ['(deny network*)'] : []),
  ];
  return `${lines.join('\n')}\n`;
}

/** A string of the profile's language, a Scheme. */
function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
