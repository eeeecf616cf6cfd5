import type { Scope } from '../github/scope.ts';
import type { Pull, PullFile, TreeEntry } from '../github/types.ts';
import type { Finding } from '../job/finding.ts';
import { goalFindings } from '../job/goal-findings.ts';
import { GOAL_FILE_MAX_BYTES, parseGoal } from '../job/parse-goal.ts';
import { goalStatePath } from '../job/report-paths.ts';
import { getGoal } from '../store/goals.ts';
import { failure } from './file-finding.ts';
import { plainCase, SYMLINK } from './jobs-tree.ts';
import type { FoundGoal } from './next-pull.ts';

export const GOAL_FILE = /^jobs\/goals\/([^/]+)\.json$/;

/** A goal file as it is on a PR's head, with everything wrong with it. */
export async function goalAt(scope: Scope, path: string, entry: TreeEntry, pull: Pull): Promise<FoundGoal> {
  const wrong = (findings: Finding[], text = ''): FoundGoal => ({
    path,
    blobSha: entry.sha,
    text,
    goal: null,
    digest: '',
    findings,
  });
  if (entry.type !== 'blob' || entry.mode === SYMLINK)
    return wrong([
      failure(path, 'plain-file', 'A goal file is a plain file: this is a link, a folder or a submodule.'),
    ]);
  if (entry.size > GOAL_FILE_MAX_BYTES)
    return wrong([
      failure(path, 'size', `The file has ${entry.size} bytes: use at most ${GOAL_FILE_MAX_BYTES}.`),
    ]);
  const bytes = await scope.client.readBlob(entry.sha, scope.signal);
  const parsed = parseGoal(bytes, { path });
  if (!parsed.ok) return wrong(parsed.findings, Buffer.from(bytes).toString('utf8'));
  const { goal, digest, text } = parsed;
  const findings = goalFindings(parsed, path, scope.settings);
  const taken = await takenElsewhere(scope, goal.id, path, pull);
  return { path, blobSha: entry.sha, text, goal, digest, findings: taken ? [...findings, taken] : findings };
}

/** A goal's name is one goal's for ever: what it did stands in its reports. */
async function takenElsewhere(scope: Scope, id: string, path: string, pull: Pull): Promise<Finding | null> {
  const taken = (by: string) =>
    failure(path, 'id-taken', `The id ${id} belongs to ${by}: give this goal another.`);
  const row = await getGoal(scope.store.db, scope.repo.id, id);
  if (row && row.pr_number !== pull.number && row.state !== 'rejected') return taken(`PR #${row.pr_number}`);
  if (pull.merged) return null;
  const state = goalStatePath(id);
  return (await scope.client.readFile(state, pull.baseRef, scope.signal)) ? taken(state) : null;
}

/** A goal is approved by itself, so that nobody has to look for it among other files. */
export function goalApart(path: string): Finding {
  return failure(path, 'goal-apart', 'A goal comes in a PR of its own: one goal file, and no job file.');
}

/** Taking a goal file away takes the goal back; changing it would change what was approved. */
export function misplacedGoal(file: PullFile): Finding | null {
  const paths = file.status === 'renamed' && file.previousPath ? [file.path, file.previousPath] : [file.path];
  if (paths.some((path) => GOAL_FILE.test(path))) {
    return file.status === 'added' || file.status === 'removed'
      ? null
      : failure(
          file.path,
          'immutable',
          'An approved goal does not change: add a new goal file with a new id instead.',
        );
  }
  if (/^jobs\/goals\/.*\.json$/.test(plainCase(file.path)) && file.status !== 'removed') {
    return failure(
      file.path,
      'not-in-goals',
      'A goal file lies in jobs/goals/ itself, in lower case: what is in a folder of it or in another does nothing.',
    );
  }
  return null;
}
