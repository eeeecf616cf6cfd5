import type { Hints } from './describe-problem.ts';
import { goalSchema } from './goal.ts';
import type { JsonPath } from './locate.ts';

const path = 'use a file or a folder of the repository, such as README.md or docs/**';

/** What to write instead, by field of a goal file. */
export const GOAL_HINTS: Hints = {
  id: 'use lower-case letters, digits and dashes, such as "readme-ok"',
  title: 'use one line of 1 to 120 characters',
  goal: 'use 1 to 4000 characters that say what should be true',
  dod: 'use a CEL expression of 1 to 4000 characters, such as "exit_code == 0", or remove it',
  envelope: 'use an object with runners, workdirs, commands and effect',
  'envelope.runners': 'use a list of 1 to 20 runner labels, such as ["devbox"]',
  'envelope.runners[]': 'use 1-63 letters, digits, dots, dashes or underscores',
  'envelope.workdirs': 'use a list of 1 to 20 directories, such as ["/workspace/app"]',
  'envelope.workdirs[]': 'use an absolute path such as "/workspace/app"',
  'envelope.kinds': 'use a list such as ["run_shell"]',
  'envelope.kinds[]': 'use "run_shell" or "codex"',
  'envelope.commands': 'use a list of at most 200 commands, such as ["git status", "npm test"]',
  'envelope.commands[]': 'use one command of plain words, such as "git status"',
  'envelope.effect': 'use "read" or "change"',
  'envelope.paths': 'use a list of at most 100 paths, such as ["docs/**"]',
  'envelope.paths[]': path,
  'envelope.network': 'use "on" or "off", or remove the field',
  'envelope.timeout_minutes': 'use 1 to 720',
  'envelope.max_jobs': 'use 1 to 1000',
  'envelope.max_usd': 'use 0 to 1000000',
  'envelope.max_hours': 'use 0.1 to 8760',
  first_job: 'use an object with kind, workdir, script and dod',
  asked: 'use an object with thread, comment, login and commit, or remove it',
  'asked.thread': 'use the number of the issue or pull request',
  'asked.comment': 'use a text of at most 200 characters',
  'asked.login': 'use the login of the person who asked',
  'asked.commit': 'use the full SHA of the commit the plan was made on',
};

/** The fields known at a place of a goal file, for "did you mean". */
export function goalFields(at: JsonPath): readonly string[] {
  if (at.length === 0) return Object.keys(goalSchema.shape);
  const prefix = `${String(at[0])}.`;
  return Object.keys(GOAL_HINTS)
    .filter((key) => key.startsWith(prefix) && !key.endsWith('[]'))
    .map((key) => key.slice(prefix.length));
}
