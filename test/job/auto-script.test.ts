import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SAFE_OPTIONS } from '../../src/job/auto-commands.ts';
import { autoProblem } from '../../src/job/auto-script.ts';
import type { ShellJob } from '../../src/job/job.ts';
import { parseJob } from '../../src/job/parse-job.ts';
import { parseSettings } from '../../src/job/settings.ts';
import { readShell } from '../../src/job/shell/read-shell.ts';
import { nameOf } from '../../src/job/shell/shell-command.ts';
import { MINIMAL, MINIMAL_PATH } from './minimal-job.ts';

const minimal = parseJob(JSON.stringify(MINIMAL), { path: MINIMAL_PATH });
if (!minimal.ok || minimal.job.kind !== 'run_shell') throw new Error('the minimal job is no shell job');
const JOB = minimal.job;
const DEFAULTS = `defaults:\n  workdir: ${JOB.workdir}\n`;
const settingsOf = (yaml: string) => {
  const parsed = parseSettings(yaml);
  if (!parsed.ok) throw new Error(parsed.findings[0]?.message);
  return parsed.settings;
};
const SOLO = settingsOf(`policy: solo\n${DEFAULTS}`);
const problem = (line: string, change: Partial<ShellJob> = {}, settings = SOLO) =>
  autoProblem({ ...JOB, script: [line], ...change }, settings);

describe('gate.auto', () => {
  it.each([
    'git status',
    'git status --short && git log --oneline -n 5 main..HEAD',
    'git \'status\' "--short"',
    'git log --since "2 days ago" | git status',
    'kubectl get pods -n prod -o wide 2>&1',
    'kubectl get pods --namespace=prod 2>/dev/null || true',
    'echo "pods: $(kubectl get pods -n prod -o name)"',
    'ls -la src/job; pwd',
    'git show --stat HEAD~2',
    'date +%F',
  ])('of the solo policy takes %j', (line) => {
    expect(problem(line)).toBeNull();
  });

  it.each([
    'make test',
    'kubectl delete ns x',
    '/tmp/git status',
    './git status',
    '$GIT status',
    '"git status"',
    'git -c core.pager=x status',
    'git --exec-path=/tmp status',
    'git -C /other status',
    'git log --output=x',
    'git diff --ext-diff',
    'git diff /dev/null /home/runner/.ssh/id_rsa',
    'git diff a ../../.ssh/id_rsa',
    'git diff ~/.ssh/id_rsa x',
    'git diff a ~runner/x',
    'git log $(git rev-parse HEAD)',
    'git log "$X"',
    'git log {a,-p}',
    'git log -?',
    'kubectl --kubeconfig /tmp/x get pods',
    'kubectl get pods --kubeconfig=/tmp/x',
    'kubectl get pods --token x',
    'kubectl get --raw /api',
    'kubectl get pods -o yaml',
    'kubectl get pods -o jsonpath-file=/etc/passwd',
    'kubectl get secrets',
    'kubectl get pods,Secret',
    "kubectl get 's'ecret",
    'kubectl get "sec$(echo ret)"',
    'kubectl get -w pods',
    'find . -exec rm {} +',
    'echo x > file',
    'echo x >> file',
    'git status > $F',
    'git status >&file',
    'git status 3<>file',
    'git status < /etc/passwd',
    'git status <<< x',
    'PATH=/tmp git status',
    'LD_PRELOAD=x.so git status',
    'GIT_PAGER=x git status',
    'KUBECONFIG=/tmp/x kubectl get pods',
    'X=1',
    'export PATH=/tmp',
    'alias git=rm',
    'git() { rm x; }',
    'git() { rm x; }; git status',
    'f() { git status; }',
    'if git status; then git log; fi',
    '(git status)',
    '{ git status; }',
    '! git status',
    'time git status',
    'git status &',
    'coproc git status',
    'echo $HOME',
    'echo "$TOKEN"',
    'echo $(cat x)',
    'echo $(< x)',
    'echo `rm x`',
    'echo $((a[$(rm x)]))',
    'echo <(rm x)',
    `echo \${x:=$(rm y)}`,
    'echo *',
    'git status | sh',
    'git status | xargs rm',
    'git status\nrm x',
    'git sta\\\ntus',
    "git $'status'",
    'git status; rm x',
    'date -s 2020-01-01',
    'date 010100002020',
    'hostname evil',
    'ls /etc',
    'ls ~',
    'ls ..',
    'cd /tmp',
    'eval git status',
    'command git status',
    'git status "',
    '# git status',
    '',
  ])('takes no %j', (line) => {
    expect(problem(line)).not.toBeNull();
  });

  it('takes no job that says it changes something, sets its environment or works elsewhere', () => {
    expect(problem('git status', { effect: 'read' })).toBeNull();
    expect(problem('git status', { effect: 'change' })).toContain('changes');
    expect(problem('git status', { env: { GIT_DIR: '/x' } })).toContain('environment');
    expect(problem('git status', { secrets: ['TOKEN'] })).toContain('environment');
    expect(problem('git status', { workdir: `${JOB.workdir}/evil` })).toContain('workdir');
    expect(problem('git status', {}, settingsOf('policy: solo\n'))).toContain('workdir');
    expect(problem('git status', { script: ['git status', 'rm x'] })).toContain('rm');
  });

  it('is empty for a team, for no file and for one that names neither', () => {
    for (const yaml of ['', 'policy: team\n', 'language: en\n', 'policy: solo\ngate:\n  auto: []\n'])
      expect(problem('git status', {}, settingsOf(`${DEFAULTS}${yaml}`))).toContain('is empty');
  });

  it('takes commands of the own list by their first words, and no option beside them', () => {
    const settings = settingsOf(`${DEFAULTS}gate:\n  auto: [mytool report --all, git status]\n`);
    expect(problem('mytool report --all src', {}, settings)).toBeNull();
    expect(problem('mytool report --all --fix', {}, settings)).toContain('--fix');
    expect(problem('mytool report', {}, settings)).toContain('not on `gate.auto`');
    expect(problem('git log', {}, settings)).toContain('not on `gate.auto`');
  });

  it.each([
    'bash',
    'sudo ls',
    'env',
    'find',
    'git',
    'kubectl',
    'git -c',
    './tool',
    'xargs',
    'a | b',
    'a $x',
    'cd',
  ])('cannot hold %j', (command) => {
    expect(parseSettings(`gate:\n  auto:\n    - ${JSON.stringify(command)}\n`).ok).toBe(false);
  });

  it('never takes a script that holds a command which is not on it', () => {
    const programs = new Set([...Object.keys(SAFE_OPTIONS).map((key) => key.split(' ')[0]), 'echo']);
    const piece = fc.constantFrom(
      ...[
        'git',
        'status',
        'log',
        'kubectl',
        'get',
        'pods',
        'echo',
        'ls',
        'true',
        'rm',
        'sh',
        'x',
        '-n',
        '--all',
      ],
      ...[
        '|',
        '&&',
        '||',
        ';',
        '&',
        '$(',
        ')',
        '"',
        "'",
        '`',
        '>',
        '<',
        '2>&1',
        '>/dev/null',
        '{',
        '}',
        '(',
        '\n',
      ],
      ...['=', '$x', '\\', '<<E', '!', 'if', 'fi', 'then', '[[', '~', '*', '-', '..', '/'],
    );
    const glue = fc.constantFrom(' ', ' ', ' ', '');
    let taken = 0;
    fc.assert(
      fc.property(fc.array(fc.tuple(piece, glue), { minLength: 1, maxLength: 9 }), (parts) => {
        const line = parts.flat().join('');
        if (problem(line) !== null) return;
        taken += 1;
        const names = readShell(line).commands.map((command) => nameOf(command));
        expect(names.filter((name) => name === null || !programs.has(name))).toEqual([]);
        expect(line).not.toMatch(/`|<</);
      }),
      { numRuns: 3000 },
    );
    expect(taken).toBeGreaterThan(0);
  });
});
