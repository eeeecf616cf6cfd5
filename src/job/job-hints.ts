import type { Hints } from './describe-problem.ts';
import { isJobKind, JOB_SCHEMAS } from './job.ts';
import type { JsonPath } from './locate.ts';

const label = 'use 1-63 letters, digits, dots, dashes or underscores';
const labels = 'use a list of at most 20 names, such as ["linux"]';
const environmentName = 'use a name of letters, digits and underscores, such as API_TOKEN';

/** What to write instead, by field of a job file. */
export const JOB_HINTS: Hints = {
  id: 'use the date and a number, such as "2025-11-22-001"',
  kind: 'use "run_shell" or "codex"',
  workdir: 'use an absolute path such as "/workspace/app"',
  script: 'use a list of 1 to 500 command lines, such as ["make test"]',
  'script[]': 'use a command line of 1 to 20000 characters',
  prompt: 'use a text of 1 to 100000 characters: the brief for the agent',
  sandbox: 'use "read-only", "workspace-write" or "danger-full-access"',
  model: 'use the name of a model, such as "gpt-5-codex", or remove the field',
  dod: 'use a CEL expression of 1 to 4000 characters, such as "exit_code == 0"',
  report_path: 'use a path such as "reports/jobs/<id>.out"',
  title: 'use one line of 1 to 120 characters',
  why: 'use a list of reasons, one for each script line',
  'why[]': 'use a text of at most 1000 characters',
  serves: 'use a list of at most 50 passages, such as ["STATE.md@<commit>"]',
  'serves[]': 'use a text of at most 1000 characters, such as "STATE.md@<commit>"',
  runs_on: labels,
  'runs_on[]': label,
  requires: labels,
  'requires[]': label,
  touches: labels,
  'touches[]': label,
  effect: 'use "read" or "change"',
  timeout_minutes: 'use 1 to 720',
  env: 'use an object of names and text values, such as { "LOG_LEVEL": "debug" }',
  'env key': environmentName,
  'env.*': 'use a text of at most 32768 characters',
  secrets: 'use a list of at most 50 names from the runner\'s environment, such as ["API_TOKEN"]',
  'secrets[]': environmentName,
  network: 'use "on" or "off", or remove the field',
  concurrency: label,
  idempotent: 'use true or false',
  undo: 'use a text, or a list of command lines',
  goal: 'use the name of a file in jobs/goals, such as readme-ok, or remove it',
  asked: 'use an object with thread, comment, login and commit, or remove it',
  'asked.thread': 'use the number of the issue or pull request',
  'asked.comment': 'use a text of at most 200 characters',
  'asked.login': 'use the login of the person who asked',
  'asked.commit': 'use the full SHA of the commit the plan was made on',
};

/** The fields known at a place of a job file of a kind, for "did you mean". */
export function jobFields(kind: unknown, path: JsonPath): readonly string[] {
  if (path.length === 0) return Object.keys(JOB_SCHEMAS[isJobKind(kind) ? kind : 'run_shell'].shape);
  return path[0] === 'asked' ? ['thread', 'comment', 'login', 'commit'] : [];
}
