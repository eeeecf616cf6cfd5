import { execFile, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { accessSync, constants, readFileSync, writeFileSync } from 'node:fs';
import { cp, mkdir, rename, rm, symlink } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openStore } from '../src/store/store.ts';
import { findToken, listTokens, tokenRepositories } from '../src/store/tokens.ts';
import { MINIMAL } from './job/minimal-job.ts';
import { tempDir } from './support/store.ts';

const ROOT = join(import.meta.dirname, '..');
const CLI = join(ROOT, 'src/cli.ts');
const BIN = join(ROOT, 'bin/guruguru.js');
const packageJson = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  version: string;
  bin: Record<string, string>;
  engines: { node: string };
  type: string;
  scripts: Record<string, string>;
};

interface Ran {
  code: number;
  out: string;
  err: string;
}

function run(
  args: string[],
  options: { cwd?: string; node?: string; script?: string; env?: Record<string, string> } = {},
) {
  const { PATH = '', HOME = '/' } = process.env;
  return new Promise<Ran>((resolve) => {
    execFile(
      options.node ?? process.execPath,
      [...(options.script ? [options.script] : [CLI]), ...args],
      { cwd: options.cwd ?? tempDir(), env: { PATH, HOME, ...options.env } },
      (error, out, err) => resolve({ code: error ? Number(error.code) : 0, out, err }),
    );
  });
}

describe('help', () => {
  it.each([
    ['', ['app', 'runner', 'job', 'token', 'audit', 'doctor', 'demo']],
    ['app', ['registration page']],
    [
      'runner',
      [
        'GURUGURU_URL',
        'GURUGURU_RUNNER_TOKEN',
        'GURUGURU_RUNNER_NAME',
        'GURUGURU_RUNNER_LABELS',
        'GURUGURU_WORKDIR_ROOTS',
        '--git <checkout>',
        '--once',
      ],
    ],
    ['job', ['check', 'run']],
    ['job check', ['<files...>', 'line and column']],
    ['job run', ['<file>', 'exit code 0 only when']],
    ['token', ['create', 'list', 'revoke']],
    ['token create', ['<name>', '--repo <owner/name>', 'last line']],
    ['doctor', ['--json', '--repo']],
    ['demo', ['--story', '--json', '--keep']],
  ])('guruguru %s --help says what it takes', async (command, words) => {
    const { code, out, err } = await run([...command.split(' ').filter(Boolean), '--help']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain(`Usage: guruguru ${command}`.trim());
    const text = out.replace(/\s+/g, ' ');
    for (const word of words) expect(text).toContain(word);
  });

  it('is what guruguru alone prints, as an error', async () => {
    const { code, err } = await run([]);
    expect(code).toBe(1);
    expect(err).toContain('Usage: guruguru');
  });

  it('--version is the package’s', async () => {
    expect((await run(['--version'])).out.trim()).toBe(packageJson.version);
  });
});

describe('a wrong call', () => {
  it.each([
    ['nonsense', "error: unknown command 'nonsense'"],
    ['job nonsense', "error: unknown command 'nonsense'"],
    ['app --nope', "error: unknown option '--nope'"],
    ['app extra', 'too many arguments'],
    ['job check', "error: missing required argument 'files'"],
    ['job run', "error: missing required argument 'file'"],
    ['token create --repo a/b', "error: missing required argument 'name'"],
    ['token create devbox', "error: required option '--repo <owner/name>' not specified"],
    ['token create devbox --repo hello', "'hello' is invalid. Write it as owner/name."],
    ['doctor --repo a/b/c', "'a/b/c' is invalid. Write it as owner/name."],
  ])('guruguru %s ends with 1 and one clear line', async (call, message) => {
    const { code, out, err } = await run(call.split(' '));
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain(message);
    expect(err).toContain('--help');
    expect(err).not.toContain('    at ');
  });

  it('wrong settings are all named, without a stack', async () => {
    const { code, err } = await run(['app'], { env: { APP_ID: 'x', PORT: 'y' } });
    expect(code).toBe(1);
    expect(err.trim().split('\n')).toEqual([
      'The settings have 4 problems:',
      expect.stringContaining('- APP_ID: '),
      expect.stringContaining('- PORT: '),
      expect.stringContaining('- PRIVATE_KEY_PATH: is missing'),
      expect.stringContaining('- WEBHOOK_SECRET: is missing'),
    ]);
  });
});

describe('job check', () => {
  it('accepts the minimal job', async () => {
    const cwd = tempDir();
    writeFileSync(join(cwd, 'good.json'), JSON.stringify(MINIMAL));
    expect(await run(['job', 'check', 'good.json'], { cwd })).toEqual({
      code: 0,
      out: 'good.json: valid\n',
      err: '',
    });
  });

  it('prints findings as file:line:column, one a line, and goes on with the next file', async () => {
    const cwd = tempDir();
    const bad = JSON.stringify({ ...MINIMAL, workdir: 'here', extra: 1 }, null, 2);
    writeFileSync(join(cwd, 'bad.json'), bad);
    writeFileSync(join(cwd, 'good.json'), JSON.stringify(MINIMAL));
    writeFileSync(join(cwd, 'broken.json'), '{\n  "id": \n}');
    await mkdir(join(cwd, 'folder'));
    const { code, out } = await run(
      ['job', 'check', 'bad.json', 'none.json', 'folder', 'broken.json', 'good.json'],
      { cwd },
    );
    expect(code).toBe(1);
    expect(out.trim().split('\n')).toEqual([
      expect.stringMatching(/^bad\.json:4:14 {2}failure {2}`workdir` is "here", which is not absolute/),
      expect.stringMatching(/^bad\.json:11:3 {2}failure {2}`extra` is not a known field: remove it/),
      expect.stringMatching(/^none\.json:1:1 {2}failure {2}cannot be read \(ENOENT\): give the path/),
      expect.stringMatching(/^folder:1:1 {2}failure {2}cannot be read \(EISDIR\): give the path/),
      expect.stringMatching(/^broken\.json:\d+:\d+ {2}failure {2}/),
      'good.json: valid',
    ]);
  });

  it('judges by the settings of the file’s repository, and names a mistake in them', async () => {
    const cwd = tempDir();
    await mkdir(join(cwd, 'jobs/queue'), { recursive: true });
    await mkdir(join(cwd, '.github'));
    const file = 'jobs/queue/2025-11-22-001.json';
    writeFileSync(join(cwd, file), JSON.stringify(MINIMAL));
    writeFileSync(join(cwd, '.github/guruguru.yml'), 'trigger: /ask\nnope: 1\n');
    const { code, out } = await run(['job', 'check', file], { cwd });
    expect(code).toBe(1);
    expect(out).toMatch(/^\.github\/guruguru\.yml:2:1 {2}failure {2}`nope` is not a known field/);
  });
});

describe('token create', () => {
  it('prints the token alone on stdout and stores only its hash', async () => {
    const cwd = tempDir();
    const { code, out, err } = await run(
      ['token', 'create', 'devbox', '--repo', 'Octo/Hello', '--repo', 'octo/other'],
      { cwd, env: { GURUGURU_DATA_DIR: 'data' } },
    );
    expect(code).toBe(0);
    expect(out).toMatch(/^ggr_[A-Za-z0-9_-]{43}\n$/);
    expect(err).toContain('devbox');
    expect(err).toContain('Octo/Hello, octo/other');
    expect(err).toContain('GURUGURU_RUNNER_TOKEN');

    const token = out.trim();
    for (const file of ['guruguru.sqlite', 'guruguru.sqlite-wal']) {
      const bytes = (() => {
        try {
          return readFileSync(join(cwd, 'data', file));
        } catch {
          return Buffer.alloc(0);
        }
      })();
      expect(bytes.includes(token)).toBe(false);
    }
    const store = await openStore({ dataDir: join(cwd, 'data') });
    const row = await findToken(store.db, token);
    expect(row?.name).toBe('devbox');
    expect(row && tokenRepositories(row)).toEqual(['octo/hello', 'octo/other']);
    expect(await listTokens(store.db)).toHaveLength(1);
    await store.close();
  });

  it('works beside a running app', async () => {
    const cwd = tempDir();
    const store = await openStore({ dataDir: join(cwd, '.guruguru') });
    const { code, out } = await run(['token', 'create', 'devbox', '--repo', 'octo/hello'], { cwd });
    expect(code).toBe(0);
    expect(await findToken(store.db, out.trim())).toBeDefined();
    await store.close();
  });

  it('reads GURUGURU_DATA_DIR from .env', async () => {
    const cwd = tempDir();
    writeFileSync(join(cwd, '.env'), 'GURUGURU_DATA_DIR=elsewhere\n');
    await run(['token', 'create', 'devbox', '--repo', 'octo/hello'], { cwd });
    const store = await openStore({ dataDir: join(cwd, 'elsewhere') });
    expect(await listTokens(store.db)).toHaveLength(1);
    await store.close();
  });
});

describe('the package', () => {
  const [, major = '', minor = ''] = /^>=(\d+)\.(\d+)$/.exec(packageJson.engines.node) ?? [];

  it('has a command that is plain JavaScript, executable, and starts the same program', async () => {
    expect(packageJson.bin).toEqual({ guruguru: 'bin/guruguru.js' });
    expect(packageJson.type).toBe('module');
    expect(readFileSync(BIN, 'utf8').startsWith('#!/usr/bin/env node\n')).toBe(true);
    accessSync(BIN, constants.X_OK);
    expect((await run(['--version'], { script: BIN })).out.trim()).toBe(packageJson.version);
  });

  it('works as it is published: compiled, below node_modules', async () => {
    const clone = tempDir();
    for (const name of [
      'bin',
      'prompts',
      'app.yml',
      'package.json',
      'tsconfig.json',
      'tsconfig.build.json',
      'src',
    ]) {
      await cp(join(ROOT, name), join(clone, name), { recursive: true });
    }
    await symlink(join(ROOT, 'node_modules'), join(clone, 'node_modules'));
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    // Types are judged by `npm run check`.
    const built = await run(['-p', 'tsconfig.build.json', '--noCheck'], { cwd: clone, script: tsc });
    expect(built).toMatchObject({ code: 0, out: '' });
    // Sources below node_modules cannot be run by Node, so what works now is the compiled program.
    await rm(join(clone, 'src'), { recursive: true });
    const folder = join(tempDir(), 'node_modules', 'guruguru');
    await mkdir(dirname(folder));
    await rename(clone, folder);
    const script = join(folder, 'bin/guruguru.js');
    expect((await run(['--version'], { script })).out.trim()).toBe(packageJson.version);

    const { privateKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    const env = { APP_ID: '1', PRIVATE_KEY: privateKey, WEBHOOK_SECRET: 's', PORT: '0', HOST: '127.0.0.1' };
    const cwd = tempDir();
    const { PATH = '', HOME = '/' } = process.env;
    const github = { GITHUB_API_URL: 'http://127.0.0.1:1' };
    const app = spawn(process.execPath, [script, 'app'], { cwd, env: { PATH, HOME, ...env, ...github } });
    let out = '';
    app.stdout.on('data', (chunk: Buffer) => {
      out += chunk;
    });
    app.stderr.on('data', (chunk: Buffer) => {
      out += chunk;
    });
    await expect.poll(() => out, { timeout: 10_000 }).toContain('guruguru is listening');
    app.kill('SIGTERM');
    expect(await once(app, 'exit')).toEqual([0, null]);
  });

  it('asks for the Node that its command asks for', () => {
    expect(readFileSync(BIN, 'utf8')).toContain(`guruguru needs Node ${major}.${minor} or newer`);
  });

  it.each(['20.11.1', `${major}.${Number(minor) - 1}.0`])(
    'says one clear line on Node %s',
    async (version) => {
      const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`;
      const { code, out, err } = await run(
        ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`, BIN],
        {
          script: '--no-warnings',
        },
      );
      expect({ code, out }).toEqual({ code: 1, out: '' });
      expect(err.trim().split('\n')).toEqual([
        `guruguru needs Node ${major}.${minor} or newer; this is ${version}. Install a newer Node and run it again.`,
      ]);
    },
  );

  it('says it on every old Node of this machine, too', async () => {
    for (const node of await oldNodes()) {
      const { code, err } = await run(['--version'], { node, script: BIN });
      expect(code).toBe(1);
      expect(err.trim().split('\n')).toHaveLength(1);
      expect(err).toContain(`guruguru needs Node ${major}.${minor} or newer; this is `);
    }
  });
});

async function oldNodes(): Promise<string[]> {
  const folders = new Set((process.env.PATH ?? '').split(delimiter));
  const versions = [...folders].map(async (folder) => {
    const node = join(folder, 'node');
    const { code, out } = await run(['process.versions.node'], { node, script: '-p' });
    const [major = 0, minor = 0] = out.trim().split('.').map(Number);
    return code === 0 && (major < 22 || (major === 22 && minor < 18)) ? [node] : [];
  });
  return (await Promise.all(versions)).flat();
}
