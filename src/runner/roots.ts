import { realpath, stat } from 'node:fs/promises';
import { isAbsolute, relative } from 'node:path';

/** A directory below which jobs may work. `repository` null: of every repository the token covers. */
export interface Root {
  repository: string | null;
  path: string;
}
/** `anything`: only for `guruguru job run`, where the person at the terminal is the one who runs it. */
export type Roots = readonly Root[] | 'anything';

export const ROOTS_SETTING = 'GURUGURU_WORKDIR_ROOTS';
const FORM = `${ROOTS_SETTING} is a comma-separated list of /path (every repository) or owner/name=/path`;

export type ParsedRoots = { ok: true; roots: Root[] } | { ok: false; errors: string[] };

/** Reads `GURUGURU_WORKDIR_ROOTS`; all mistakes at once. */
export function parseRoots(text: string): ParsedRoots {
  const roots: Root[] = [];
  const errors: string[] = [];
  for (const entry of text.split(',').map((part) => part.trim())) {
    if (entry === '') continue;
    const equals = entry.indexOf('=');
    const repository = equals > 0 && !entry.startsWith('/') ? entry.slice(0, equals) : null;
    const path = repository === null ? entry : entry.slice(equals + 1);
    if (repository !== null && !/^[A-Za-z0-9-]+\/[A-Za-z0-9._-]+$/.test(repository)) {
      errors.push(`"${entry}": "${repository}" is not owner/name. ${FORM}.`);
    } else if (!isAbsolute(path)) {
      errors.push(`"${entry}": "${path}" is not an absolute path. ${FORM}.`);
    } else if (path.split('/').includes('..')) {
      errors.push(`"${entry}": the path must not contain "..". ${FORM}.`);
    } else {
      roots.push({ repository, path });
    }
  }
  if (roots.length === 0 && errors.length === 0) errors.push(`no root is set, so no job could run. ${FORM}.`);
  return errors.length === 0 ? { ok: true, roots } : { ok: false, errors };
}

export type AllowedWorkdir = { ok: true; path: string } | { ok: false; message: string };

/**
 * Whether a job of this repository may work in this directory: it exists, is a directory, and is a root or
 * below one after every symbolic link is resolved, on both sides. GitHub names compare without case.
 */
export async function allowedWorkdir(
  roots: Roots,
  repository: string | null,
  workdir: string,
): Promise<AllowedWorkdir> {
  const refuse = (why: string): AllowedWorkdir => ({ ok: false, message: `workdir: ${why}` });
  if (!isAbsolute(workdir)) return refuse(`"${workdir}" is not an absolute path. Write one in the job file.`);
  const path = await realpath(workdir).catch(() => null);
  if (path === null) {
    return refuse(
      `${workdir} does not exist on this machine. Create it (git clone) or correct the job file.`,
    );
  }
  const facts = await stat(path).catch(() => null);
  if (facts === null || !facts.isDirectory()) {
    return refuse(`${workdir} is not a directory this runner can read. Correct the job file.`);
  }
  if (roots === 'anything') return { ok: true, path };
  const mine = roots.filter((root) => root.repository === null || sameName(root.repository, repository));
  for (const root of mine) {
    const base = await realpath(root.path).catch(() => null);
    if (base !== null && isBelow(base, path)) return { ok: true, path };
  }
  const allowed = mine.length > 0 ? mine.map((root) => root.path).join(', ') : 'nothing';
  const resolved = path === workdir ? '' : ` (which is ${path})`;
  return refuse(
    `${workdir}${resolved} is outside the directories this runner allows for ${repository ?? 'this job'}: ${allowed}. ` +
      `Correct the job file, or add the directory to ${ROOTS_SETTING} on the runner.`,
  );
}

function sameName(a: string, b: string | null): boolean {
  return b !== null && a.toLowerCase() === b.toLowerCase();
}

function isBelow(base: string, path: string): boolean {
  const way = relative(base, path);
  return way === '' || (way !== '..' && !way.startsWith('../') && !isAbsolute(way));
}
