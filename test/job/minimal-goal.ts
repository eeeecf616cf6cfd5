/** The smallest goal file a person would write. */
export const MINIMAL_GOAL = {
  id: 'readme-ok',
  goal: 'The README says how to install.',
  envelope: {
    runners: ['devbox'],
    workdirs: ['/workspace/hello'],
    commands: ['git status', 'cat', 'npm test'],
    effect: 'read',
  },
  first_job: {
    kind: 'run_shell',
    workdir: '/workspace/hello',
    script: ['cat README.md'],
    dod: 'exit_code == 0',
    runs_on: ['devbox'],
    effect: 'read',
  },
};

export const goalText = (changes: Record<string, unknown> = {}) =>
  `${JSON.stringify({ ...MINIMAL_GOAL, ...changes }, null, 2)}\n`;
