import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { checkApp, manifest, missingPermissions } from '../../src/cli/doctor/check-app.ts';
import { checkIngress } from '../../src/cli/doctor/check-ingress.ts';
import { checkModel, checkStore, checkUsers } from '../../src/cli/doctor/check-machine.ts';
import { checkRepository, clashes } from '../../src/cli/doctor/check-repository.ts';
import type { DoctorFinding } from '../../src/cli/doctor/finding.ts';
import { parseAppConfig } from '../../src/config.ts';
import { createOctokits } from '../../src/github/octokit.ts';
import { putRunner } from '../../src/store/runners.ts';
import { openStore } from '../../src/store/store.ts';
import { createToken, revokeToken } from '../../src/store/tokens.ts';
import { postgresDatabase } from '../support/backends.ts';
import { startCli } from '../support/cli-process.ts';
import { type GitHubServer, startGitHub } from '../support/github/start-github.ts';
import { tempDir } from '../support/store.ts';

const WANTED = manifest();
const SIGNAL = AbortSignal.timeout(60_000);

/** Registered from app.yml, as people do. */
let github: GitHubServer;
beforeAll(async () => {
  github = await startGitHub({
    app: {
      permissions: WANTED.default_permissions as Record<string, 'read' | 'write'>,
      events: WANTED.default_events,
    },
  });
});
afterAll(() => github.close());

async function otherGitHub(options: Parameters<typeof startGitHub>[0]): Promise<GitHubServer> {
  const server = await startGitHub(options);
  onTestFinished(() => server.close());
  return server;
}

function octokits(server = github, changes: { appId?: number; baseUrl?: string } = {}) {
  return createOctokits({
    appId: changes.appId ?? server.app.id,
    privateKey: server.app.privateKey,
    baseUrl: changes.baseUrl ?? server.url,
    version: '0',
    log: { debug() {}, info() {}, warn() {}, error() {} },
  });
}

/** `level check: message`, one a finding, each with a remedy unless all is well. */
function told(findings: DoctorFinding[]): string[] {
  for (const { level, remedy } of findings) expect(remedy === undefined).toBe(level === 'ok');
  return findings.map(({ level, check, message, remedy }) =>
    [`${level} ${check}: ${message}`, remedy].filter(Boolean).join(' → '),
  );
}

async function deadUrl(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

describe('the App', () => {
  it('is well when registered from app.yml and installed', async () => {
    expect(told(await checkApp(octokits()))).toEqual([
      `ok credentials: GitHub knows the App as guruguru-test (id ${github.app.id})`,
      'ok permissions: the App has every permission and event of app.yml',
      'ok installation: installed on octo',
    ]);
  });

  it('with wrong credentials is refused', async () => {
    expect(told(await checkApp(octokits(github, { appId: 1 })))).toEqual([
      expect.stringMatching(
        /^failure credentials: GitHub refuses the App: .* → Check APP_ID, PRIVATE_KEY_PATH/,
      ),
    ]);
  });

  it('cannot be asked for where there is no GitHub', async () => {
    expect(told(await checkApp(octokits(github, { baseUrl: await deadUrl() })))).toEqual([
      expect.stringMatching(/^failure credentials: .* → .*GITHUB_API_URL/),
    ]);
  });

  it('lacks permissions and events', async () => {
    const server = await otherGitHub({
      app: { permissions: { issues: 'write', metadata: 'read', contents: 'read' }, events: ['push'] },
    });
    const [, permissions, installation] = told(await checkApp(octokits(server)));
    expect(permissions).toMatch(
      /^failure permissions: the App lacks contents: write, pull_requests: write, /,
    );
    expect(permissions).toContain('the event issue_comment');
    expect(permissions).not.toContain('issues: write');
    expect(permissions).not.toContain('the event push');
    expect(permissions).toContain('settings page under Permissions & events');
    expect(installation).toMatch(/^failure installation: .* octo has not accepted contents: write/);
  });

  it('is suspended, or installed nowhere', async () => {
    const server = await otherGitHub({});
    await server.admin.suspend();
    expect(told(await checkApp(octokits(server))).at(-1)).toMatch(
      /^warning installation: the installation on octo is suspended → An owner can unsuspend it/,
    );
    await server.admin.uninstall();
    expect(told(await checkApp(octokits(server))).at(-1)).toMatch(
      /^failure installation: the App is installed nowhere → Install it/,
    );
  });

  it('compares permissions by level', () => {
    const wanted = { a: 'read', b: 'write', c: 'write', d: 'read' };
    expect(missingPermissions(wanted, { a: 'write', b: 'write', c: 'read' })).toEqual([
      'c: write',
      'd: read',
    ]);
  });
});

describe('how it hears of GitHub', () => {
  const check = (ingress: 'webhook' | 'poll', server: GitHubServer) =>
    checkIngress(octokits(server), { ingress, reconcileSeconds: 10 }, SIGNAL);

  it('by webhooks, whether they arrive', async () => {
    const server = await otherGitHub({});
    expect(told(await check('webhook', server))[0]).toMatch(
      /^unknown ingress: .* no webhook in the last day/,
    );
    server.webhooks.setUrl(await deadUrl());
    await server.as('octo').openIssue({ title: 'One' });
    await server.webhooks.idle();
    expect(told(await check('webhook', server))).toEqual([
      expect.stringMatching(/^warning ingress: 0 of 1 webhooks .* → .*GURUGURU_INGRESS=poll/),
      'ok requests: installation 77 has used 0 of 1000000 requests of this hour',
    ]);
    expect(server.contractViolations).toEqual([]);
  });

  it('by asking, how often', async () => {
    expect(told(await check('poll', github))[0]).toBe(
      'ok ingress: GitHub is asked every 10 s; no webhook is needed',
    );
  });
});

describe('a repository', () => {
  const FILE = '.github/guruguru.yml';
  const WORKFLOW = '.github/workflows/bot.yml';
  const check = (name = 'octo/hello', server = github) => checkRepository(octokits(server), name, SIGNAL);

  it('is well with valid settings, or none', async () => {
    expect(told(await check())).toEqual([
      `ok repository octo/hello: ${FILE} is valid`,
      'ok repository octo/hello: no workflow answers /ask',
    ]);
    await github.as('octo').push('main', { [FILE]: null });
    expect(told(await check())[0]).toContain(`no ${FILE}; the defaults are in force`);
  });

  it('has a mistake in its settings, told with its line', async () => {
    await github.as('octo').push('main', { [FILE]: 'language: en\nnope: 1\n' });
    expect(told(await check())[0]).toMatch(
      /^failure repository octo\/hello: \.github\/guruguru\.yml:2:1 .*`nope`.* → Correct .* on main\./,
    );
  });

  it('has a workflow on the same word, until another is chosen', async () => {
    await github.as('octo').push('main', {
      [FILE]: 'language: en\n',
      [WORKFLOW]:
        "on:\n  issue_comment:\njobs:\n  a:\n    if: startsWith(github.event.comment.body, '/ask')\n",
    });
    expect(told(await check())[1]).toMatch(
      /^warning .*: \.github\/workflows\/bot\.yml seems to answer \/ask too → Set another word/,
    );
    await github.as('octo').push('main', { [FILE]: 'trigger: /guru\n' });
    expect(told(await check())[1]).toBe('ok repository octo/hello: no workflow answers /guru');
  });

  it('is not served by the App, or archived', async () => {
    const server = await otherGitHub({
      repositories: [{ fullName: 'octo/hello' }, { fullName: 'octo/out', installed: false }],
    });
    expect(told(await check('octo/out', server))).toEqual([
      expect.stringMatching(/^failure repository octo\/out: the App cannot read it: .* → Install the App/),
    ]);
    expect(told(await check('octo/none', server))[0]).toMatch(/^failure repository octo\/none/);
    await server.admin.archive();
    expect(told(await check('octo/hello', server))).toEqual([
      expect.stringMatching(/^warning repository octo\/hello: it is archived → Unarchive it/),
    ]);
  });

  it('cannot be read when the installation lacks contents', async () => {
    github.faults.add({ match: (_, path) => path.includes('/contents/'), status: 403, times: 5 });
    onTestFinished(() => github.faults.clear());
    expect(told(await check())).toEqual([
      expect.stringMatching(/^failure repository octo\/hello: .* cannot be read: .* → .*permission contents/),
    ]);
  });

  it.each([
    [true, "on: issue_comment\nif: startsWith(body, '/ask ')", '/ask'],
    [true, 'on: pull_request_review_comment\n- run: test "$x" = /ask', '/ask'],
    [false, "on: issue_comment\nif: startsWith(body, '/asking')", '/ask'],
    [false, "on: issue_comment\nif: startsWith(body, '/task')", '/ask'],
    [false, 'on: issue_comment\nrun: curl https://x/ask', '/ask'],
    [false, "on: push\nif: startsWith(body, '/ask ')", '/ask'],
    [true, "on: issue_comment\nif: startsWith(body, '/my-guru')", '/my-guru'],
  ])('clash: %s for %j', (expected, workflow, trigger) => {
    expect(clashes(workflow, trigger)).toBe(expected);
  });
});

describe('the model', () => {
  let server: Server;
  let url: string;
  let answer: { status: number; body: string };
  const asked: string[] = [];
  beforeAll(async () => {
    server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers.authorization}`);
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  });
  afterAll(() => new Promise<void>((resolve) => void server.close(() => resolve())));

  const check = async (status: number, body: unknown, baseUrl = url) => {
    answer = { status, body: typeof body === 'string' ? body : JSON.stringify(body) };
    const config = parseAppConfig({ OPENAI_API_KEY: 'k', OPENAI_BASE_URL: baseUrl, GURUGURU_MODEL: 'm-1' });
    return told([await checkModel(config)])[0];
  };

  it('answers', async () => {
    expect(await check(200, { id: 'm-1', object: 'model' })).toBe('ok model: m-1 answers');
    expect(asked.at(-1)).toBe('GET /v1/models/m-1 Bearer k');
  });

  it.each([
    [
      401,
      { error: { message: 'bad key' } },
      /^failure model: the endpoint refuses the key → Check OPENAI_API_KEY/,
    ],
    [403, { error: { message: 'no' } }, /^failure model: the endpoint refuses the key/],
    [
      404,
      { error: { message: 'no' } },
      /^unknown model: the endpoint does not tell about m-1 \(HTTP 404\) → /,
    ],
    [500, 'oops', /^unknown model: .*\(HTTP 500\)/],
    [
      200,
      '"<html>"',
      /^failure model: the endpoint answers, but not as a model API does → Check OPENAI_BASE_URL/,
    ],
  ])('answers %i', async (status, body, expected) => {
    expect(await check(status, body)).toMatch(expected);
  });

  it('cannot be reached', async () => {
    expect(await check(200, '', await deadUrl())).toMatch(
      /^failure model: the endpoint cannot be reached: .* → Check OPENAI_BASE_URL and the network/,
    );
  });

  it('has no key', async () => {
    expect(told([await checkModel(parseAppConfig({}))])).toEqual([
      expect.stringMatching(/^warning model: no OPENAI_API_KEY: fenced asks work, .* → Set OPENAI_API_KEY/),
    ]);
  });
});

describe('the runners', () => {
  const NOW = 1_800_000_000_000;
  const row = (changes: object) => ({
    token_id: '',
    name: 'devbox',
    process: 'p-1',
    labels: '["devbox"]',
    capabilities: '[]',
    version: '0',
    run_id: null,
    draining: 0 as const,
    seen_at: NOW,
    ...changes,
  });

  it('are unknown before the app was ever started, and nothing is made', async () => {
    const dataDir = join(tempDir(), 'none');
    expect(told(await checkStore({ dataDir }, NOW))[0]).toMatch(
      /^unknown runner: no database in .* → Start the app/,
    );
    expect(told(await checkStore({ dataDir }, NOW))[0]).toContain('ENOENT');
  });

  it('have no token, a token, were heard, and are live: beside a running app', async () => {
    const dataDir = tempDir();
    const app = await openStore({ dataDir });
    onTestFinished(() => app.close());
    const found = async () => told(await checkStore({ dataDir }, NOW));
    const none = /^warning runner: no runner token was made → Make one: guruguru token create/;
    expect(await found()).toEqual([expect.stringMatching(none)]);

    const { id } = await app.write((tx) => createToken(tx, 'devbox', ['octo/hello'], NOW));
    expect(await found()).toEqual([
      expect.stringMatching(
        /^warning runner: no runner is live; none was ever heard → Start it: guruguru runner/,
      ),
    ]);
    await app.write((tx) => putRunner(tx, row({ token_id: id, seen_at: NOW - 100_000 })));
    expect((await found())[0]).toMatch(/no runner is live; last heard: devbox at 2027-01-15T/);
    await app.write((tx) => putRunner(tx, row({ token_id: id, seen_at: NOW - 10_000 })));
    await app.write((tx) =>
      putRunner(tx, row({ token_id: id, process: 'p-0', draining: 1, seen_at: NOW - 20_000 })),
    );
    expect(await found()).toEqual(['ok runner: devbox is live (devbox)']);
    await app.write((tx) => revokeToken(tx, id, NOW));
    expect(await found()).toEqual([expect.stringMatching(none)]);
  });
});

describe('Postgres', () => {
  it('is good, with the apps on it, or said to be not', async () => {
    const databaseUrl = await postgresDatabase();
    const place = { dataDir: 'none', databaseUrl };
    expect(told(await checkStore(place, Date.now()))[0]).toBe('ok database: it is good; apps connected: 0');
    const app = await openStore(place);
    onTestFinished(() => app.close());
    expect(told(await checkStore(place, Date.now()))).toEqual([
      'ok database: it is good; apps connected: 1',
      expect.stringMatching(/^warning runner: no runner token was made/),
    ]);
    const wrong = databaseUrl.replace('guruguru_', 'none_');
    expect(told(await checkStore({ ...place, databaseUrl: wrong }, Date.now()))).toEqual([
      expect.stringMatching(/^failure database: DATABASE_URL: .* has no database none_\w+\. Make it/),
    ]);
  });
});

describe('the OS users', () => {
  /** A /proc with these processes, all of the user who runs this. */
  function processes(commands: Record<string, string[]>): string {
    const proc = tempDir();
    for (const [pid, words] of Object.entries(commands)) {
      mkdirSync(join(proc, pid));
      writeFileSync(join(proc, pid, 'cmdline'), `${words.join('\0')}\0`);
    }
    return proc;
  }
  const own = process.getuid?.() ?? 0;
  const APP = ['/usr/bin/node', '/opt/guruguru/src/cli.ts', 'app'];
  const RUNNER = ['node', '/usr/bin/guruguru', 'runner', '--name', 'x'];

  it.each<[string, Record<string, string[]>, number, RegExp]>([
    [
      'app and runner are one user',
      { 7: APP, 8: RUNNER },
      own,
      /^warning users: .*read the App's key → Run the runner/,
    ],
    ['the runner is the user who will start the app', { 8: RUNNER }, own, /^warning users/],
    ['the runner is another user', { 8: RUNNER }, own + 1, /^ok users: app and runner run as different/],
    ['no runner is here', { 7: APP, 9: ['vim', 'guruguru'] }, own, /^ok users: no runner runs/],
    ['another program has such words', { 9: ['bash', '-c', 'guruguru runner'] }, own, /^ok users: no runner/],
  ])('%s', (_, commands, uid, expected) => {
    expect(told([checkUsers(processes(commands), uid)])[0]).toMatch(expected);
  });

  it('cannot be told where there is no /proc', () => {
    expect(told([checkUsers(join(tempDir(), 'none'), own)])[0]).toMatch(
      /^unknown users: .* → Check with `ps`/,
    );
  });
});

describe('guruguru doctor', () => {
  async function doctor(env: Record<string, string>, ...args: string[]) {
    const cli = startCli(['doctor', ...args], { cwd: tempDir(), env });
    const code = await cli.exited;
    return { code, lines: cli.lines };
  }

  it('without credentials fails, and says how to get them', async () => {
    const { code, lines } = await doctor({});
    expect(code).toBe(1);
    expect(lines.slice(0, 2)).toEqual([
      '✗ credentials: none are set',
      expect.stringMatching(/^ {4}→ Run `npm start`/),
    ]);
    expect(lines.some((line) => line.startsWith('! model: no OPENAI_API_KEY'))).toBe(true);
  });

  it('names every wrong setting', async () => {
    const { code, lines } = await doctor({ PORT: 'x', APP_ID: 'y' }, '--json');
    expect(code).toBe(1);
    const { ok, findings } = JSON.parse(lines.at(-1) ?? '') as { ok: boolean; findings: DoctorFinding[] };
    expect(ok).toBe(false);
    expect(findings.map(({ message }) => message.split(':')[0])).toEqual([
      'APP_ID',
      'PORT',
      'PRIVATE_KEY_PATH',
      'WEBHOOK_SECRET',
    ]);
  });

  it('passes with warnings, and says the same as JSON', async () => {
    const env = {
      APP_ID: String(github.app.id),
      PRIVATE_KEY: github.app.privateKey,
      WEBHOOK_SECRET: 's',
      GITHUB_API_URL: github.url,
    };
    const { code, lines } = await doctor(env, '--repo', 'octo/hello', '--json');
    const { ok, findings } = JSON.parse(lines.at(-1) ?? '') as { ok: boolean; findings: DoctorFinding[] };
    expect({ code, ok }).toEqual({ code: 0, ok: true });
    expect(new Set(findings.map(({ check }) => check))).toEqual(
      new Set([
        'credentials',
        'permissions',
        'ingress',
        'installation',
        'repository octo/hello',
        'model',
        'requests',
        'runner',
        'users',
      ]),
    );
    for (const { check, message } of findings) {
      expect(lines.some((line) => line.includes(`${check}: ${message}`))).toBe(true);
    }
  });
});
