import { execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseRecord } from '../../src/job/report-format.ts';
import { runGitMode } from '../../src/runner/git-mode.ts';
import { compareIds } from '../../src/runner/git-queue.ts';
import { fakeCodex } from '../support/fake-codex.ts';

let base: string;
let remote: string;
let author: string;
let said: string[];
beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'git-mode-')));
  remote = join(base, 'remote.git');
  execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', remote]);
  author = clone('author');
  git(author, 'commit', '--quiet', '--allow-empty', '-m', 'start');
  git(author, 'push', '--quiet', '--set-upstream', 'origin', 'HEAD:main');
  commit({ '.github/guruguru.yml': 'dispatch: git\n' });
  said = [];
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const quiet = {
  env: { PATH: process.env.PATH, GIT_CONFIG_GLOBAL: '/dev/null' },
  stdio: ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'],
};
const git = (checkout: string, ...args: string[]) =>
  execFileSync(
    'git',
    ['-C', checkout, '-c', 'user.name=Author', '-c', 'user.email=author@example.com', ...args],
    quiet,
  )
    .toString()
    .trim();
function clone(name: string): string {
  const path = join(base, name);
  execFileSync('git', ['clone', '--quiet', remote, path], quiet);
  return path;
}
function commit(files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(author, path)), { recursive: true });
    writeFileSync(join(author, path), text);
  }
  git(author, 'add', '--all');
  git(author, 'commit', '--quiet', '-m', 'change');
  git(author, 'pull', '--quiet', '--rebase', 'origin', 'main');
  git(author, 'push', '--quiet', 'origin', 'HEAD:main');
}
function queue(n: number, script: string[], change: object = {}): void {
  const id = `2025-11-22-${String(n).padStart(3, '0')}`;
  const job = {
    id,
    kind: 'run_shell',
    workdir: base,
    script,
    dod: 'exit_code == 0',
    report_path: `reports/jobs/${id}.out`,
    ...change,
  };
  commit({ [`jobs/queue/${id}.json`]: JSON.stringify(job) });
}
const show = (path: string) => {
  git(author, 'fetch', '--quiet', 'origin');
  return git(author, 'show', `origin/main:${path}`);
};
const tree = () => {
  git(author, 'fetch', '--quiet', 'origin');
  return git(author, 'ls-tree', '-r', '--name-only', 'origin/main', 'jobs', 'reports').split('\n');
};
const record = (n: number) => parseRecord(show(`reports/jobs/2025-11-22-00${n}.json`));
const claims = () => git(author, 'ls-remote', 'origin', 'refs/guruguru/*');

function run(checkout: string, change: object = {}, path = process.env.PATH): Promise<0 | 1> {
  return runGitMode(
    {
      checkout,
      name: 'box',
      labels: ['box'],
      capabilities: ['bash'],
      roots: [{ repository: null, path: base }],
      once: true,
      intervalSeconds: 0.05,
      ...change,
    },
    {
      environment: { PATH: path, GIT_CONFIG_GLOBAL: '/dev/null' },
      say: (text) => said.push(text),
      drain: new AbortController().signal,
      cancel: new AbortController().signal,
    },
  );
}

describe('runGitMode', () => {
  it('takes the oldest job that suits, and pushes log, record and move in one commit', async () => {
    queue(2, ['echo second']);
    queue(1, ['echo first']);
    queue(0, ['echo other'], { runs_on: ['gpu'] });
    const before = git(author, 'rev-parse', 'origin/main');
    expect(await run(clone('runner'))).toBe(0);
    expect(tree()).toEqual([
      'jobs/done/2025-11/2025-11-22-001.json',
      'jobs/queue/2025-11-22-000.json',
      'jobs/queue/2025-11-22-002.json',
      'reports/jobs/2025-11-22-001.json',
      'reports/jobs/2025-11-22-001.out',
    ]);
    expect(git(author, 'rev-list', '--count', `${before}..origin/main`)).toBe('1');
    expect(git(author, 'log', '-1', '--format=%an %s', 'origin/main')).toBe(
      'guruguru runner guruguru: 2025-11-22-001 succeeded on box [skip ci]',
    );
    expect(show('reports/jobs/2025-11-22-001.out')).toMatch(/^\$ echo first\n {2}\| first\n {2}= exit 0/);
    expect(record(1)).toMatchObject({
      state: 'succeeded',
      runs: [{ attempt: 1, runner: 'box', reason: 'dod_met' }],
    });
    expect(claims()).toBe('');
  });

  it('runs a brief with its agent, and keeps events and diff beside the log', async () => {
    const checkout = clone('checkout');
    const job = {
      id: '2025-11-22-001',
      kind: 'codex',
      workdir: checkout,
      prompt: 'mkdir -p src; echo new > src/new.txt; say done',
      dod: 'report.files == ["src/new.txt"]',
      report_path: 'reports/jobs/2025-11-22-001.out',
    };
    commit({ 'jobs/queue/2025-11-22-001.json': JSON.stringify(job) });
    expect(await run(checkout, { capabilities: ['codex'] }, fakeCodex(base))).toBe(0);
    expect(show('reports/jobs/2025-11-22-001.out')).toContain('| done');
    expect(show('reports/jobs/2025-11-22-001.events.ndjson')).toContain('"agent_message"');
    expect(show('reports/jobs/2025-11-22-001.diff')).toContain('+++ b/src/new.txt');
    expect(record(1)?.runs[0]?.agent).toMatchObject({
      change: { state: 'kept', code: 'no_app' },
      message: 'done',
    });
    expect(git(checkout, 'status', '--porcelain')).toBe('');
    expect(readdirSync(join(checkout, '.git', 'guruguru', 'copies'))).toEqual([]);
  });

  it('exits 1 when the DoD is not met, 0 when there is nothing to do', async () => {
    const runner = clone('runner');
    expect(await run(runner)).toBe(0);
    queue(1, ['echo hello'], { dod: 'stdout.contains("goodbye")' });
    expect(await run(runner)).toBe(1);
    expect(record(1)).toMatchObject({ state: 'failed', runs: [{ reason: 'dod_unmet' }] });
  });

  it('pushes again when the branch moved meanwhile, and keeps what moved it', async () => {
    const runner = clone('runner');
    const script = `git -C ${author} -c user.name=a -c user.email=a@b commit --quiet --allow-empty -m meanwhile; git -C ${author} push --quiet origin HEAD:main`;
    queue(1, [script]);
    expect(await run(runner)).toBe(0);
    git(author, 'fetch', '--quiet', 'origin');
    expect(git(author, 'log', '-2', '--format=%s', 'origin/main')).toBe(
      'guruguru: 2025-11-22-001 succeeded on box [skip ci]\nmeanwhile',
    );
  });

  it.each([
    [
      'dispatch is not git',
      async () => commit({ '.github/guruguru.yml': 'dispatch: app\n' }),
      'dispatch: git',
    ],
    [
      'the settings are wrong',
      async () => commit({ '.github/guruguru.yml': 'dispatch: [\n' }),
      'guruguru.yml:',
    ],
    [
      'tracked files are changed',
      async (runner: string) => writeFileSync(join(runner, '.github/guruguru.yml'), 'x'),
      'Commit or stash',
    ],
    [
      'the checkout is ahead',
      async (runner: string) => void git(runner, 'commit', '--allow-empty', '-m', 'mine'),
      'Push them',
    ],
    [
      'no branch is checked out',
      async (runner: string) => void git(runner, 'checkout', '--quiet', '--detach'),
      'git checkout main',
    ],
  ])('runs nothing when %s, and says what to do', async (_name, spoil, word) => {
    queue(1, [`touch ${base}/ran`]);
    const runner = clone('runner');
    await spoil(runner);
    expect(await run(runner, { once: false })).toBe(1);
    expect(said.join('\n')).toContain(word);
    expect(existsSync(join(base, 'ran'))).toBe(false);
  });

  it('says once what is wrong with an invalid job file, leaves it, and goes on', async () => {
    queue(1, ['true'], { extra: 1 });
    queue(2, ['true']);
    queue(3, ['true']);
    const runner = clone('runner');
    expect(await run(runner)).toBe(0);
    expect(said.filter((line) => line.includes('2025-11-22-001'))).toHaveLength(1);
    expect(said.join('\n')).toContain('extra');
    expect(tree()).toContain('jobs/queue/2025-11-22-001.json');
    expect(record(2)?.state).toBe('succeeded');
  });

  it('lets two runners start a job once', async () => {
    queue(1, [`echo x >> ${base}/ran`, 'sleep 0.2']);
    const codes = await Promise.all([run(clone('one')), run(clone('two'))]);
    expect(codes).toEqual([0, 0]);
    expect(readFileSync(join(base, 'ran'), 'utf8')).toBe('x\n');
    expect(claims()).toBe('');
  });

  it('leaves a job that another runner has claimed, and says how to let go of the claim', async () => {
    queue(1, [`touch ${base}/ran`]);
    git(author, 'push', '--quiet', 'origin', 'HEAD:refs/guruguru/claims/2025-11-22-001');
    expect(await run(clone('runner'))).toBe(0);
    expect(existsSync(join(base, 'ran'))).toBe(false);
    expect(said.join('\n')).toContain('--delete refs/guruguru/claims/2025-11-22-001');
  });

  it('refuses a second process in one checkout', async () => {
    const runner = clone('runner');
    queue(1, [`until test -e ${base}/go; do sleep 0.05; done`]);
    const first = run(runner);
    const started = () => existsSync(join(runner, '.git/guruguru/journal.json'));
    while (!started()) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await run(runner)).toBe(1);
    expect(said.join('\n')).toContain('its own checkout');
    writeFileSync(join(base, 'go'), '');
    expect(await first).toBe(0);
  });

  it('kill -9 while a job runs: recorded as lost, leftovers ended, never run again', async () => {
    const runner = clone('runner');
    queue(1, [`echo x >> ${base}/ran; echo begun; sleep 600`]);
    const begun = new Promise<void>((resolve) => {
      const watcher = watch(base, (_event, name) => {
        if (name !== 'ran') return;
        watcher.close();
        resolve();
      });
    });
    const settings = JSON.stringify({ mode: 'git', checkout: runner, root: base });
    const child = spawn(process.execPath, ['test/support/runner-main.ts', settings], { stdio: 'ignore' });
    const ended = new Promise((resolve) => child.on('exit', resolve));
    await begun;
    child.kill('SIGKILL');
    await ended;
    expect(await run(runner)).toBe(1);
    expect(record(1)).toMatchObject({ state: 'lost', runs: [{ reason: 'lost', exit_code: null }] });
    expect(show('reports/jobs/2025-11-22-001.out')).toContain('the runner was killed');
    expect(tree()).toContain('jobs/done/2025-11/2025-11-22-001.json');
    expect(await run(runner)).toBe(0);
    expect(readFileSync(join(base, 'ran'), 'utf8')).toBe('x\n');
    expect(claims()).toBe('');
  });

  it('keeps a report it could not push and pushes it at the next start, without running again', async () => {
    const runner = clone('runner');
    queue(1, [`echo x >> ${base}/ran; mv ${remote} ${remote}.away`]);
    expect(await run(runner)).toBe(1);
    execFileSync('mv', [`${remote}.away`, remote]);
    expect(await run(runner)).toBe(0);
    expect(record(1)?.state).toBe('succeeded');
    expect(readFileSync(join(base, 'ran'), 'utf8')).toBe('x\n');
  });

  it('reports to the branch the job came from, whatever branch the job leaves checked out', async () => {
    const runner = clone('runner');
    queue(1, [
      `echo x >> ${base}/ran`,
      `git -C ${runner} checkout --quiet -b work`,
      `git -C ${runner} push --quiet --set-upstream origin work`,
    ]);
    expect(await run(runner)).toBe(0);
    expect(record(1)?.state).toBe('succeeded');
    git(runner, 'checkout', '--quiet', 'main');
    expect(await run(runner)).toBe(0);
    expect(readFileSync(join(base, 'ran'), 'utf8')).toBe('x\n');
    expect(claims()).toBe('');
  });

  it('delivers the report also when the job leaves no branch checked out', async () => {
    const runner = clone('runner');
    queue(1, [`git -C ${runner} checkout --quiet --detach`]);
    expect(await run(runner)).toBe(0);
    expect(record(1)?.state).toBe('succeeded');
  });

  it("runs no job of a pull request's branch that a person has checked out", async () => {
    const runner = clone('runner');
    git(author, 'checkout', '--quiet', '-b', 'proposal');
    const id = '2025-11-22-001';
    const job = {
      id,
      kind: 'run_shell',
      workdir: base,
      script: [`touch ${base}/ran`],
      dod: 'exit_code == 0',
      report_path: `reports/jobs/${id}.out`,
    };
    mkdirSync(join(author, 'jobs/queue'), { recursive: true });
    writeFileSync(join(author, `jobs/queue/${id}.json`), JSON.stringify(job));
    git(author, 'add', '--all');
    git(author, 'commit', '--quiet', '-m', 'Propose');
    git(author, 'push', '--quiet', 'origin', 'proposal');
    git(runner, 'fetch', '--quiet');
    git(runner, 'checkout', '--quiet', 'proposal');
    expect(await run(runner)).toBe(1);
    expect(existsSync(join(base, 'ran'))).toBe(false);
    expect(said.join('\n')).toContain('git checkout main');
  });

  it("runs none of the checkout's own hooks", async () => {
    const runner = clone('runner');
    for (const hook of ['pre-push', 'post-merge', 'reference-transaction'])
      writeFileSync(join(runner, '.git/hooks', hook), `#!/bin/sh\ntouch ${base}/hooked\nexit 1\n`, {
        mode: 0o755,
      });
    queue(1, ['true']);
    expect(await run(runner)).toBe(0);
    expect(existsSync(join(base, 'hooked'))).toBe(false);
  });

  it('keeps no log on disk once it is pushed', async () => {
    const runner = clone('runner');
    queue(1, ['echo hello']);
    expect(await run(runner)).toBe(0);
    expect(readdirSync(join(runner, '.git/guruguru/logs'))).toEqual([]);
  });

  it('commits the record without the log when the remote refuses the log', async () => {
    const hook =
      '#!/bin/sh\nread old new ref\ncase $ref in refs/heads/*) git ls-tree -r --name-only $new | grep -q "\\.out$" && exit 1;; esac\nexit 0\n';
    writeFileSync(join(remote, 'hooks/pre-receive'), hook, { mode: 0o755 });
    queue(1, ['echo hello']);
    expect(await run(clone('runner'))).toBe(0);
    expect(record(1)?.runs[0]).toMatchObject({ log: null, reason: 'dod_met' });
  });
});

it('orders ids by date and number', () => {
  const ids = ['2025-11-22-1000', '2025-11-22-999', '2025-11-21-2000', '2025-11-22-001'];
  expect(ids.sort(compareIds)).toEqual([
    '2025-11-21-2000',
    '2025-11-22-001',
    '2025-11-22-999',
    '2025-11-22-1000',
  ]);
});
