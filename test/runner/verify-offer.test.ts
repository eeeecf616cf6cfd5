import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Offer } from '../../src/dispatch/protocol.ts';
import { tickJobText } from '../../src/job/schedule/tick-job.ts';
import { type ExitReason, runResident } from '../../src/runner/resident.ts';
import { startCli } from '../support/cli-process.ts';
import { type FakeApp, type FakeRun, startFakeApp } from '../support/fake-app.ts';
import type { Person, Pull } from '../support/github/person.ts';
import { type GitHubServer, startGitHub } from '../support/github/start-github.ts';

/** Stands for the fine-grained token of somebody who may write. */
const TOKEN = 'token-writer2';
/** The app in other hands: whatever its key may do on GitHub, and any offer it likes. */
let attacker: Person;
let github: GitHubServer;
let app: FakeApp;
let work: string;
let running: Promise<ExitReason>;
const stop = new AbortController();
const said: string[] = [];

beforeAll(async () => {
  github = await startGitHub();
  attacker = await github.asApp();
  app = await startFakeApp();
  work = realpathSync(mkdtempSync(join(tmpdir(), 'verify-')));
  running = runResident(
    {
      url: app.url,
      token: app.token,
      name: 'r1',
      labels: ['r1'],
      capabilities: [],
      version: '0.0.0',
      roots: [{ repository: null, path: work }],
      stateDirectory: join(work, '.state'),
      verify: { api: github.url, token: TOKEN, repositories: ['octo/hello'], patienceMs: 600 },
      timing: { shell: { graceMs: 300 }, farewellMs: 300 },
    },
    { environment: process.env, say: (line) => said.push(line), drain: stop.signal, cancel: stop.signal },
  );
});
afterAll(async () => {
  stop.abort('end of test');
  await running;
  await app.close();
  await github.close();
  rmSync(work, { recursive: true, force: true });
});

let number = 0;
interface Case {
  id: string;
  path: string;
  job: { script: string[] };
  text: string;
}

function newCase(): Case {
  number += 1;
  const id = `2025-11-22-${String(number).padStart(3, '0')}`;
  const job = {
    id,
    kind: 'run_shell',
    workdir: work,
    script: [`touch ${work}/ran-${id}`],
    dod: 'exit_code == 0',
    report_path: `reports/jobs/${id}.out`,
  };
  return { id, path: `jobs/queue/${id}.json`, job, text: textOf(job) };
}

/** As the fake app writes a job. */
const textOf = (job: object) => `${JSON.stringify(job, null, 2)}\n`;
const open = (c: Case, by: Person = attacker): Promise<Pull> =>
  by.openPull({ head: `job-${c.id}`, files: { [c.path]: c.text } });
const approve = (pull: Pull, login = 'writer') => github.as(login).review(pull.number, { event: 'APPROVE' });

/** What the runner made of an offer. */
async function offered(c: Case, change: Partial<Offer> = {}): Promise<{ run: FakeRun; ran: boolean }> {
  const repository_id = github.repository().id;
  const run = app.offer(c.job, { repository: 'octo/hello', repository_id, ...change });
  await app.until(() => run.result !== null, `the result of ${c.id}`);
  return { run, ran: existsSync(join(work, `ran-${c.id}`)) };
}

describe('what a person wanted runs', () => {
  it.each<[string, (c: Case) => Promise<number>]>([
    [
      'merged by a person',
      async (c) => {
        const pull = await open(c);
        await github.as('writer').merge(pull.number);
        return pull.number;
      },
    ],
    [
      'squashed by a person',
      async (c) => {
        const pull = await open(c);
        await github.as('writer').merge(pull.number, { method: 'squash' });
        return pull.number;
      },
    ],
    [
      "with a person's review of the head, merged by the app",
      async (c) => {
        const pull = await open(c);
        await approve(pull);
        await attacker.merge(pull.number);
        return pull.number;
      },
    ],
    [
      'approved after the app had merged it',
      async (c) => {
        const pull = await open(c);
        await attacker.merge(pull.number);
        await approve(pull);
        return pull.number;
      },
    ],
    [
      'retried, its file moved to jobs/done by the report',
      async (c) => {
        const pull = await open(c);
        await github.as('writer').merge(pull.number);
        await attacker.push('main', { [c.path]: null, [`jobs/done/2025-11/${c.id}.json`]: c.text });
        return pull.number;
      },
    ],
  ])('%s', async (_name, bring) => {
    const c = newCase();
    const { run, ran } = await offered(c, { pull: await bring(c) });
    expect(run.result).toMatchObject({ outcome: 'exited', exit_code: 0 });
    expect(ran).toBe(true);
  });
});

/** What the compromised app does; resolves to what it offers and what the refusal says. */
type Attack = (c: Case) => Promise<[Partial<Offer>, string]>;
const nobody = 'no person with write access merged';

const ATTACKS: Record<string, Attack> = {
  'a job that is not in the repository': async () => [{}, 'is not on main'],
  'a job that is in an open PR only': async (c) => {
    const pull = await open(c);
    await approve(pull);
    return [{ pull: pull.number }, 'is not on main'];
  },
  'another file than the one that was merged': async (c) => {
    const pull = await open({ ...c, text: textOf({ ...c.job, script: ['true'] }) });
    await github.as('writer').merge(pull.number);
    return [{ pull: pull.number }, 'not the file that was offered'];
  },
  'a file it pushed itself': async (c) => {
    await attacker.push('main', { [c.path]: c.text });
    return [{}, 'no PR brought'];
  },
  'a file it pushed itself, naming a PR that a person merged': async (c) => {
    const pull = await github.as('writer2').openPull({ head: `docs-${c.id}`, files: { 'docs/a.md': c.id } });
    await github.as('writer').merge(pull.number);
    await attacker.push('main', { [c.path]: c.text });
    return [{ pull: pull.number }, 'did not add'];
  },
  'a file that a merged PR contains because its branch began after the push': async (c) => {
    await attacker.push('main', { [c.path]: c.text });
    const pull = await github.as('writer2').openPull({ head: `docs-${c.id}`, files: { 'docs/b.md': c.id } });
    await github.as('writer').merge(pull.number);
    return [{ pull: pull.number }, 'did not add'];
  },
  'a PR it merged itself': async (c) => {
    const pull = await open(c);
    await attacker.merge(pull.number);
    return [{ pull: pull.number }, nobody];
  },
  'a PR approved by a comment only, which it could have edited': async (c) => {
    const pull = await open(c);
    await github.as('writer').comment(pull.number, '/approve');
    await attacker.merge(pull.number);
    return [{ pull: pull.number }, nobody];
  },
  'a PR it approved itself': async (c) => {
    const pull = await open(c, github.as('writer2'));
    await attacker.review(pull.number, { event: 'APPROVE' });
    await attacker.merge(pull.number);
    return [{ pull: pull.number }, nobody];
  },
  'a review of another commit': async (c) => {
    const pull = await open({ ...c, text: textOf({ ...c.job, script: ['true'] }) });
    await approve(pull);
    await attacker.push(pull.head.ref, { [c.path]: c.text });
    await attacker.merge(pull.number);
    return [{ pull: pull.number }, nobody];
  },
  'a review that was dismissed': async (c) => {
    const pull = await open(c);
    const review = await approve(pull);
    await github.as('octo').dismissReview(pull.number, Number(review.id));
    await attacker.merge(pull.number);
    return [{ pull: pull.number }, nobody];
  },
  'an approval that its person took back': async (c) => {
    const pull = await open(c);
    await approve(pull);
    await github.as('writer').review(pull.number, { event: 'REQUEST_CHANGES', body: 'no' });
    await attacker.merge(pull.number);
    return [{ pull: pull.number }, nobody];
  },
  'a review by somebody who may only read': async (c) => {
    const pull = await open(c);
    await approve(pull, 'reader');
    await approve(pull, 'stranger');
    await attacker.merge(pull.number);
    return [{ pull: pull.number }, nobody];
  },
  'a PR merged by somebody who may write no more': async (c) => {
    const pull = await open(c);
    await github.as('writer').merge(pull.number);
    await github.admin.setPermission('writer', 'read');
    return [{ pull: pull.number }, nobody];
  },
  'a push under an auto-merge that a person armed': async (c) => {
    const pull = await github.as('writer2').openPull({ head: `armed-${c.id}`, files: { 'docs/c.md': c.id } });
    github.admin.armAutoMerge(pull.number, 'writer');
    await attacker.push(pull.head.ref, { [c.path]: c.text });
    await github.admin.fireAutoMerge(pull.number);
    return [{ pull: pull.number }, nobody];
  },
  'an approved PR that a person closed, its file pushed instead': async (c) => {
    const pull = await open(c);
    await approve(pull);
    await github.as('octo').close(pull.number);
    await attacker.push('main', { [c.path]: c.text });
    return [{ pull: pull.number }, 'was not merged'];
  },
  'a PR into another branch': async (c) => {
    await github.as('octo').push(`side-${c.id}`, { 'side.txt': c.id });
    const pull = await open(c);
    await github.as('octo').retarget(pull.number, `side-${c.id}`);
    await github.as('writer').merge(pull.number);
    await attacker.push('main', { [c.path]: c.text });
    return [{ pull: pull.number }, 'was not merged into main'];
  },
  'a job whose merge was reverted': async (c) => {
    const pull = await open(c);
    await github.as('writer').merge(pull.number);
    await github.as('octo').push('main', { [c.path]: null });
    return [{ pull: pull.number }, 'taken back'];
  },
  'a file that was changed after its approval, on the default branch': async (c) => {
    const pull = await open({ ...c, text: textOf({ ...c.job, script: ['true'] }) });
    await github.as('writer').merge(pull.number);
    await attacker.push('main', { [c.path]: c.text });
    return [{ pull: pull.number }, 'did not add'];
  },
  'a repository that the runner does not verify': async (c) => {
    const pull = await open(c);
    await github.as('writer').merge(pull.number);
    return [{ pull: pull.number, repository: 'evil/hello' }, 'GURUGURU_VERIFY_REPOSITORIES'];
  },
  'another repository under the same name': async (c) => {
    const pull = await open(c);
    await github.as('writer').merge(pull.number);
    return [{ pull: pull.number, repository_id: 1_234_567 }, 'another repository'];
  },
};

describe('an app in other hands cannot make it run', () => {
  it.each(Object.entries(ATTACKS))('%s', async (_name, attack) => {
    const c = newCase();
    const [change, words] = await attack(c);
    const { run, ran } = await offered(c, change);
    expect(run.result).toMatchObject({ outcome: 'refused', exit_code: null });
    expect(run.result?.message).toContain('refused by --verify');
    expect(run.result?.message).toContain(words);
    expect(ran).toBe(false);
    await github.admin.setPermission('writer', 'write');
  });
});

describe('while GitHub does not answer', () => {
  it('nothing runs, which is said; a short outage is waited for', async () => {
    const down = newCase();
    const pull = await open(down);
    await github.as('writer').merge(pull.number);
    github.faults.add({ match: (_, path) => path.includes('/contents/jobs'), status: 503, times: 100 });
    const first = await offered(down, { pull: pull.number });
    expect(first.run.result).toMatchObject({ outcome: 'refused' });
    expect(first.run.result?.message).toContain('GitHub could not be asked');
    expect(first.ran).toBe(false);
    github.faults.clear();
    github.faults.add({ match: (_, path) => path.includes('/contents/jobs'), hangUp: true });
    // /retry is another run: the one that was refused is not begun again.
    expect((await offered(down, { pull: pull.number, attempt: 2 })).ran).toBe(true);
  });

  it.each([
    [401, 'does not accept GURUGURU_VERIFY_TOKEN'],
    [403, 'its owner must be able to write there'],
  ])('refused its token (%i), it says what the token needs', async (status, words) => {
    const c = newCase();
    const pull = await open(c);
    await github.as('writer').merge(pull.number);
    github.faults.add({ match: (_, path) => path.endsWith('/permission'), status });
    const { run, ran } = await offered(c, { pull: pull.number });
    expect(run.result?.message).toContain(words);
    expect(ran).toBe(false);
  });
});

describe('guruguru runner --verify', () => {
  it('starts only with a token and repositories', async () => {
    const child = startCli(['runner', '--verify'], {
      env: { GURUGURU_URL: app.url, GURUGURU_RUNNER_TOKEN: app.token, GURUGURU_WORKDIR_ROOTS: work },
      cwd: work,
    });
    expect(await child.exited).not.toBe(0);
    expect(child.lines.join('\n')).toContain('GURUGURU_VERIFY_TOKEN: is missing');
    expect(child.lines.join('\n')).toContain('GURUGURU_VERIFY_REPOSITORIES: is missing');
  });

  it('keeps its token from jobs and logs', async () => {
    const other = await startFakeApp();
    const child = startCli(['runner', '--verify'], {
      env: {
        GURUGURU_URL: other.url,
        GURUGURU_RUNNER_TOKEN: other.token,
        GURUGURU_WORKDIR_ROOTS: work,
        GURUGURU_RUNNER_STATE_DIR: join(work, '.cli'),
        GURUGURU_VERIFY_TOKEN: TOKEN,
        GURUGURU_VERIFY_REPOSITORIES: 'Octo/hello',
        GITHUB_API_URL: `${github.url}/`,
      },
      cwd: work,
    });
    const prints = newCase();
    prints.job.script = ['env', `echo ${TOKEN}`];
    const asks = newCase();
    Object.assign(asks.job, { secrets: ['GURUGURU_VERIFY_TOKEN'] });
    const runs: FakeRun[] = [];
    for (const c of [prints, asks]) {
      const pull = await open({ ...c, text: textOf(c.job) });
      await github.as('writer').merge(pull.number);
      runs.push(other.offer(c.job, { repository: 'octo/hello', pull: pull.number }));
    }
    await other.until(() => runs.every(({ result }) => result !== null));
    const [printed, asked] = runs;
    expect(printed?.result).toMatchObject({ outcome: 'exited', exit_code: 0 });
    expect(printed?.log.toString()).toContain('PATH=');
    expect(printed?.log.toString()).not.toContain('GURUGURU_VERIFY');
    expect(printed?.log.toString()).not.toContain(TOKEN);
    expect(asked?.result).toMatchObject({ outcome: 'refused' });
    expect(asked?.result?.message).toContain('is set by the runner');
    child.kill('SIGTERM');
    await child.exited;
    expect(child.lines.join('\n')).toContain('writer merged PR #');
    expect(child.lines.join('\n')).not.toContain(TOKEN);
    await other.close();
  });
});

describe('a tick', () => {
  const MINUTE = 60_000;
  /** The last whole hour, and a schedule that ticks every hour. */
  const hour = Math.floor(Date.now() / (60 * MINUTE)) * 60 * MINUTE;
  const scheduleOf = (c: Case, changes: object = {}) => ({
    name: `s${c.id.slice(-3)}`,
    cron: '0 * * * *',
    time_zone: 'Asia/Tokyo',
    ...changes,
    job: { kind: 'run_shell', workdir: work, script: c.job.script, dod: 'exit_code == 0' },
  });

  /** The job of a tick as the app would offer it, with its schedule on a PR. */
  async function brought(c: Case, at: number, changes: object = {}) {
    const schedule = scheduleOf(c, changes);
    const path = `jobs/schedules/${schedule.name}.json`;
    const pull = await attacker.openPull({ head: `tick-${c.id}`, files: { [path]: textOf(schedule) } });
    const job = JSON.parse(tickJobText(schedule, at)) as Case['job'] & { id: string };
    return { schedule, path, pull: pull.number, case: { ...c, job } };
  }

  it('runs when a person approved its schedule, also as a PR changed it', async () => {
    const c = newCase();
    const first = await brought(c, hour, { title: 'before' });
    await github.as('writer').merge(first.pull);
    const changed = { ...first.schedule, title: 'after' };
    const second = await attacker.openPull({
      head: `again-${c.id}`,
      files: { [first.path]: textOf(changed) },
    });
    await approve(second);
    await attacker.merge(second.number);
    const job = JSON.parse(tickJobText(changed, hour)) as Case['job'];
    const { run, ran } = await offered({ ...c, job }, { pull: second.number });
    expect(run.result).toMatchObject({ outcome: 'exited', exit_code: 0 });
    expect(ran).toBe(true);
  });

  it.each<[string, number, object, (b: Awaited<ReturnType<typeof brought>>) => Promise<Case['job']>, string]>(
    [
      [
        'of a PR that the app merged itself',
        hour,
        {},
        async (b) => {
          await attacker.merge(b.pull);
          return b.case.job;
        },
        nobody,
      ],
      [
        'with other commands',
        hour,
        {},
        async (b) => {
          await github.as('writer').merge(b.pull);
          return { ...b.case.job, script: [...b.case.job.script, 'true'] };
        },
        'not the file that was offered',
      ],
      [
        'that cron does not name',
        hour - MINUTE,
        {},
        async (b) => {
          await github.as('writer').merge(b.pull);
          return b.case.job;
        },
        'has no tick at',
      ],
      [
        'that is still to come',
        hour + 120 * MINUTE,
        {},
        async (b) => {
          await github.as('writer').merge(b.pull);
          return b.case.job;
        },
        'still to come',
      ],
      [
        'of last week',
        hour - 7 * 24 * 60 * MINUTE,
        {},
        async (b) => {
          await github.as('writer').merge(b.pull);
          return b.case.job;
        },
        'over since long',
      ],
      [
        'of a paused schedule',
        hour,
        { paused: true },
        async (b) => {
          await github.as('writer').merge(b.pull);
          return b.case.job;
        },
        'paused',
      ],
      [
        'after the app changed its schedule',
        hour,
        {},
        async (b) => {
          await github.as('writer').merge(b.pull);
          const schedule = { ...b.schedule, title: 'mine' };
          await attacker.push('main', { [b.path]: textOf(schedule) });
          return JSON.parse(tickJobText(schedule, hour)) as Case['job'];
        },
        'did not add',
      ],
    ],
  )('%s does not', async (_, at, changes, prepare, words) => {
    const b = await brought(newCase(), at, changes);
    const { run, ran } = await offered({ ...b.case, job: await prepare(b) }, { pull: b.pull });
    expect(run.result).toMatchObject({ outcome: 'refused' });
    expect(run.result?.message).toContain(words);
    expect(ran).toBe(false);
  });
});
