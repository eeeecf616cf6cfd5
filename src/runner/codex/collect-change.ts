import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { holdsSecretText } from '../../job/change/apply-diff.ts';
import { parseDiff } from '../../job/change/parse-diff.ts';
import { AGENT_FILES_MAX, type AgentResult, DIFF_MAX_BYTES } from '../../job/run-result.ts';
import { openGit } from '../git.ts';
import type { Environment } from '../job-environment.ts';
import { gitEnvironment, isStillThere, PLAIN_GIT, type WorkCopy } from './work-copy.ts';

export type Collected = Pick<AgentResult, 'files' | 'diff' | 'kept'>;

/** As JSON, with room for the rest of a result. */
const WRITTEN_MAX_BYTES = 3 * DIFF_MAX_BYTES;

const DIFF_OPTIONS = [
  '--no-color',
  '--no-ext-diff',
  '--no-textconv',
  '--no-renames',
  '--full-index',
  '--src-prefix=a/',
  '--dst-prefix=b/',
  '--submodule=short',
  '--unified=3',
];

/**
 * What the agent left changed, as `git diff` against the base; ignored files are left out. Read with an index and
 * a configuration of its own: those in the copy were the agent's, and git runs what stands there. Never throws.
 */
export async function collectChange(plan: {
  copy: WorkCopy;
  /** Beside the copy. */
  folder: string;
  environment: Environment;
  runId: string;
  redact: (text: string) => string;
}): Promise<Collected> {
  const { copy, folder, redact } = plan;
  const kept = (code: NonNullable<Collected['kept']>['code'], message: string, files: string[] = []) => ({
    files,
    diff: '',
    kept: { code, message: redact(message).slice(0, 1000) },
  });
  try {
    if (!(await isStillThere(copy)))
      return kept('unreadable', 'its copy of the checkout is not there any more');
    const repository = join(folder, 'collect.git');
    const env = {
      ...gitEnvironment(plan.environment, plan.runId),
      ...PLAIN_GIT,
      HOME: folder,
      XDG_CONFIG_HOME: folder,
    };
    await mkdir(repository, { recursive: true });
    await openGit(repository, env).run(['init', '--quiet', '--bare', '--template=']);
    await mkdir(join(repository, 'objects', 'info'), { recursive: true });
    await writeFile(join(repository, 'objects', 'info', 'alternates'), `${copy.objects.join('\n')}\n`);
    const git = openGit(copy.path, {
      ...env,
      GIT_DIR: repository,
      GIT_WORK_TREE: copy.path,
      GIT_INDEX_FILE: join(folder, 'collect.index'),
    });
    const options = ['-c', 'core.quotePath=false', '-c', 'core.fsmonitor=false', '-c', 'core.autocrlf=false'];
    const call = (...args: string[]) => git.run([...options, ...args]);
    await call('read-tree', copy.base);
    await call('add', '--all', '--', '.');
    const names = await call('diff', '--cached', '--name-only', '--no-renames', '-z', copy.base);
    const files = names.split('\0').filter((name) => name !== '');
    const shown = files.slice(0, AGENT_FILES_MAX).map((name) => redact(name).slice(0, 4096));
    if (files.length === 0) return { files: [], diff: '', kept: null };
    const out = join(folder, 'change.diff');
    await call('diff', '--cached', ...DIFF_OPTIONS, `--output=${out}`, copy.base);
    const { size } = await stat(out);
    if (size > DIFF_MAX_BYTES)
      return kept('too_large', `the change has ${size} bytes; at most ${DIFF_MAX_BYTES} are taken`, shown);
    const diff = await readFile(out, 'utf8');
    if (Buffer.byteLength(JSON.stringify(diff)) > WRITTEN_MAX_BYTES)
      return kept('too_large', 'the change has too many control characters', shown);
    const parsed = parseDiff(diff);
    if (holdsSecretText(diff, parsed.ok ? parsed.files : [], redact))
      return kept('secret', 'the change holds a secret', shown);
    return { files: shown, diff, kept: null };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    return kept('unreadable', `the change could not be read: ${why}`);
  }
}
