import { posix } from 'node:path';
import type { FileDiff } from './parse-diff.ts';

/** Why an agent's change does not become a PR. Closed: records, replies and check runs are written from it. */
export const CHANGE_CODES = [
  /** Ours and GitHub's own places. */
  'protected_path',
  'path_not_allowed',
  'unsafe_path',
  'binary',
  'symlink',
  'submodule',
  'too_many_files',
  'too_large',
  'secret',
  'unreadable',
  /** The run did not succeed. */
  'not_succeeded',
  /** There is no app to open a PR: `job run`, `runner --git`. */
  'no_app',
  /** The commit it stands on is not on the default branch. */
  'base_unknown',
  /** The base is not what the diff says. */
  'base_differs',
  /** GitHub said no. */
  'refused',
] as const;
export type ChangeCode = (typeof CHANGE_CODES)[number];

/** What the repository's settings allow an agent to change. */
export interface AgentPolicy {
  /** Globs; null = everywhere but in the protected places. */
  paths: readonly string[] | null;
  maxFiles: number;
  maxDiffKb: number;
}
export const DEFAULT_AGENT_POLICY: AgentPolicy = { paths: null, maxFiles: 100, maxDiffKb: 256 };

/** What stands against a change: the file that is the reason, or a number. */
export interface ChangeProblem {
  code: ChangeCode;
  /** The path, or other words of detail. */
  detail: string | null;
}

/** Approvals, workflows, the policy, job files and records are not an agent's to change. */
const PROTECTED = new Set(['.github', 'jobs', 'reports']);
const FILE_MODES = new Set(['100644', '100755']);

/** null, or the first reason why this change may not become a PR. */
export function judgeChange(
  files: readonly FileDiff[],
  bytes: number,
  policy: AgentPolicy,
): ChangeProblem | null {
  if (bytes > policy.maxDiffKb * 1024) {
    return {
      code: 'too_large',
      detail: `${Math.ceil(bytes / 1024)} KB, agent.max_diff_kb ${policy.maxDiffKb}`,
    };
  }
  if (files.length > policy.maxFiles) {
    return { code: 'too_many_files', detail: `${files.length}, agent.max_files ${policy.maxFiles}` };
  }
  for (const file of files) {
    const code = fileProblem(file, policy);
    if (code !== null) return { code, detail: file.path };
  }
  const paths = files.map(({ path }) => path);
  const twice = paths.find((path, index) => paths.indexOf(path) !== index);
  return twice === undefined ? null : { code: 'unreadable', detail: twice };
}

function fileProblem(file: FileDiff, policy: AgentPolicy): ChangeCode | null {
  const { path, oldMode, newMode } = file;
  if (!isPlainPath(path)) return 'unsafe_path';
  if (isProtected(path)) return 'protected_path';
  if (oldMode === '160000' || newMode === '160000') return 'submodule';
  if (oldMode === '120000' || newMode === '120000') return 'symlink';
  if ([oldMode, newMode].some((mode) => mode !== null && !FILE_MODES.has(mode))) return 'unreadable';
  if (file.binary) return 'binary';
  if (policy.paths && !policy.paths.some((glob) => posix.matchesGlob(path, glob))) return 'path_not_allowed';
  return null;
}

/** Whether every part of a path is a plain name: no way out, nothing a file system takes for `.git`. */
function isPlainPath(path: string): boolean {
  if (path === '' || path.length > 4096 || /[\\\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|\ufffd/u.test(path)) return false;
  return path.split('/').every((part) => {
    const name = part.toLowerCase().replace(/[. ]+$/, '');
    // A part of dots and blanks alone is one of these, too.
    return name !== '' && !/^(?:\.git|git~\d+)$/.test(name) && !name.includes(':');
  });
}

/** Case does not count: it does not on many disks. */
function isProtected(path: string): boolean {
  const [first = ''] = path.toLowerCase().normalize('NFKC').split('/');
  return PROTECTED.has(first) || first === '.gitmodules';
}
