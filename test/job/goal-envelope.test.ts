import { describe, expect, it } from 'vitest';
import { isInPaths } from '../../src/job/envelope-script.ts';
import type { Goal } from '../../src/job/goal.ts';
import { envelopeFindings } from '../../src/job/goal-envelope.ts';
import type { Job } from '../../src/job/job.ts';
import { parseGoal } from '../../src/job/parse-goal.ts';
import { parseJob } from '../../src/job/parse-job.ts';
import { goalText, MINIMAL_GOAL } from './minimal-goal.ts';

const ID = '2026-11-22-001';
/** A dollar before a brace is an expansion of bash here, not of ours. */
const D = '$';

function goal(envelope: Record<string, unknown> = {}): Goal {
  const text = goalText({ envelope: { ...MINIMAL_GOAL.envelope, ...envelope } });
  const parsed = parseGoal(text, { path: 'jobs/goals/readme-ok.json' });
  if (!parsed.ok) throw new Error(parsed.findings[0]?.message);
  return parsed.goal;
}

function job(changes: Record<string, unknown> = {}): Job {
  const file = {
    ...MINIMAL_GOAL.first_job,
    id: ID,
    report_path: `reports/jobs/${ID}.out`,
    goal: 'readme-ok',
  };
  const parsed = parseJob(JSON.stringify({ ...file, ...changes }), { path: `jobs/queue/${ID}.json` });
  if (!parsed.ok) throw new Error(parsed.findings[0]?.message);
  return parsed.job;
}

const rules = (changes: Record<string, unknown>, envelope?: Record<string, unknown>) =>
  envelopeFindings(goal(envelope), job(changes)).map(({ rule }) => rule);
const line = (text: string, envelope?: Record<string, unknown>) =>
  envelopeFindings(goal(envelope), job({ script: [text] })).map(({ message }) => message);

describe('what is inside an envelope', () => {
  it.each([
    'cat README.md',
    'npm test -- --bail',
    'git status --short | cat',
    'for f in a b; do cat "$f"; done',
    'if cat x; then echo yes; else exit 1; fi',
    'n=$(cat x); echo "$n"',
    'cat x 2>&1 >/dev/null',
    'printf \'{"n": %d}\' 1 > "$GURUGURU_REPORT"',
    'cat <<EOF\nhello\nEOF',
    '[ -f x ] && test -d y || true',
    'n=$(cat x); [ "$n" -gt 0 ] && [ ! -e y ]',
    `x=a; echo "${D}{x:-b}" "${D}{x%.md}" "${D}{#x}"`,
  ])('%s', (text) => {
    expect(line(text)).toEqual([]);
  });

  it('a file that its paths name, where it may change something', () => {
    const envelope = { effect: 'change', paths: ['docs/**', 'README.md'] };
    expect(line('cat a > docs/b.md', envelope)).toEqual([]);
    expect(line('cat a >> README.md', envelope)).toEqual([]);
  });
});

describe('what leaves an envelope by its script', () => {
  it.each([
    'rm -rf build',
    'git push',
    'git',
    'git -c core.pager=evil status',
    'cat x; curl https://example.com | sh',
    'cat "$(rm x)"',
    'cat <(rm x)',
    'cat `rm x`',
    'cat <<EOF\n$(rm x)\nEOF',
    'bash -c "cat x"',
    '/tmp/cat x',
    './cat x',
    '$c x',
    'c"a"t$x y',
    'eval cat x',
    'cd /etc',
    'PATH=/tmp/bin',
    'PATH=/tmp/bin cat x',
    'x=1 cat x',
    'export x=1',
    'for PATH in /tmp/bin; do cat x; done',
    `: "$${'{'}BASH_ENV:=/tmp/x}"`,
    'printf -v PATH /tmp/bin',
    "x='a[$(rm y)]'; echo $((x))",
    '((x = 1))',
    "[[ 'a[$(rm y)]' -eq 0 ]]",
    "[ -v 'a[$(rm y)]' ]",
    "test -v 'a[$(rm y)]'",
    'o=-v; [ "$o" \'a[$(rm y)]\' ]',
    "x='-v a[$(rm y)]'; [ $x ]",
    '[ ! "$o" "$x" ]',
    '[ a = a -a "$o" "$x" ]',
    `a=(-v 'x[$(rm y)]'); [ "${D}{a[@]}" ]`,
    "a['x[$(rm y)]']=1",
    `x='$(rm y)'; echo "${D}{x@P}"`,
    `echo "${D}{x:y}"`,
    `echo "${D}{!x}"`,
    'cat() { echo x; }',
    'coproc cat x',
    'cat x > /etc/passwd',
    'cat x > ../y',
    'cat x > "$HOME/.bashrc"',
    'cat x >> README.md',
    'cat x &> y',
    'echo x > >(cat)',
    'cat x | tee y',
    'cat "unclosed',
  ])('%s', (text) => {
    expect(line(text)).not.toEqual([]);
  });

  it('says which line, and what it runs', () => {
    expect(line('cat x && git push origin')).toEqual([
      '`script[0]` runs `git push`, which `envelope.commands` does not name',
    ]);
  });

  it('reads no path out of its paths', () => {
    for (const path of ['docs', 'docs/../x', '/docs/x', 'docsx/y', '~/docs/x'])
      expect([path, isInPaths(path, ['docs/**'])]).toEqual([path, false]);
    expect(isInPaths('./docs/./a/b.md', ['docs/**'])).toBe(true);
    expect(isInPaths('a/b.md', ['*.md'])).toBe(false);
  });
});

describe('what leaves an envelope by its other fields', () => {
  it.each([
    ['goal', { goal: 'another' }],
    ['goal', { goal: undefined }],
    ['runner', { runs_on: undefined }],
    ['runner', { runs_on: ['devbox', 'mac'] }],
    ['workdir', { workdir: '/workspace/hello2' }],
    ['workdir', { workdir: '/' }],
    ['effect', { effect: 'change' }],
    ['effect', { effect: undefined }],
    ['environment', { env: { LOG: 'x' } }],
    ['environment', { secrets: ['TOKEN'] }],
    ['network', { network: 'on' }],
    ['timeout', { timeout_minutes: 31 }],
    ['report', { report_path: 'reports/goals/readme-ok.out' }],
  ])('%s: %j', (rule, changes) => {
    expect(rules(changes)).toEqual([rule]);
  });

  it('nothing of a job that changes, where that is allowed, below the workdir', () => {
    const changes = { effect: 'change', workdir: '/workspace/hello/sub', network: 'on' };
    expect(rules(changes, { effect: 'change', network: 'on' })).toEqual([]);
  });
});
