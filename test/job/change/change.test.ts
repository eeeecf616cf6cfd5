import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyDiff, holdsSecretText } from '../../../src/job/change/apply-diff.ts';
import { DEFAULT_AGENT_POLICY, judgeChange } from '../../../src/job/change/judge-change.ts';
import { type FileDiff, parseDiff } from '../../../src/job/change/parse-diff.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'change-'));
  git('init', '--quiet');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const git = (...args: string[]) =>
  execFileSync('git', ['-C', folder, '-c', 'core.autocrlf=false', ...args], {
    env: { PATH: process.env.PATH, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
    maxBuffer: 64 * 1024 * 1024,
  }).toString();
const write = (files: Record<string, string>) => {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
};

/** What git itself says of the way from one set of files to another. */
function diffOf(before: Record<string, string>, change: () => void): string {
  git('read-tree', '--empty');
  git('clean', '-ffdxq');
  write(before);
  git('add', '--all');
  const base = git('write-tree').trim();
  change();
  git('add', '--all');
  return git('-c', 'core.quotePath=false', 'diff', '--cached', '--no-renames', '--full-index', base);
}
const files = (diff: string): FileDiff[] => {
  const parsed = parseDiff(diff);
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.files;
};
const judged = (diff: string, policy = {}) =>
  judgeChange(files(diff), Buffer.byteLength(diff), { ...DEFAULT_AGENT_POLICY, ...policy });

describe('parseDiff and applyDiff', () => {
  it('read what git writes: new, changed, deleted, empty, without a last line end, with odd names', () => {
    const before = { 'a b.txt': 'one\ntwo', 'gone.txt': 'x\n', 'same.txt': 's\n', run: '#!/bin/sh\n' };
    const after: Record<string, string> = {
      'a b.txt': 'one\ntwo\n+++ b/three\r\ndiff --git a/x b/x\n',
      'ümläut "q"\\.txt': 'neu',
      'empty.txt': '',
      'dir/ b/x.txt': '\n\n',
    };
    const diff = diffOf(before, () => {
      write(after);
      rmSync(join(folder, 'gone.txt'));
      chmodSync(join(folder, 'run'), 0o755);
    });
    const changed = files(diff);
    expect(changed.map(({ path, oldMode, newMode }) => [path, oldMode, newMode])).toEqual([
      ['a b.txt', '100644', '100644'],
      ['dir/ b/x.txt', null, '100644'],
      ['empty.txt', null, '100644'],
      ['gone.txt', '100644', null],
      ['run', '100644', '100755'],
      ['ümläut "q"\\.txt', null, '100644'],
    ]);
    for (const file of changed) {
      if (!(file.path in after)) continue;
      const old = (before as Record<string, string>)[file.path];
      expect(applyDiff(file, old === undefined ? null : Buffer.from(old))).toEqual({
        ok: true,
        text: after[file.path],
      });
    }
  });

  it('give back any text that git has compared', () => {
    const line = fc.constantFrom(
      '',
      ' ',
      'a',
      'b',
      '-- x',
      '++ y',
      '@@ -1 +1 @@',
      '\\ No newline',
      'ü',
      '\r',
      '\t',
    );
    const text = fc
      .tuple(fc.array(line, { maxLength: 30 }), fc.boolean())
      .map(([lines, end]) => lines.join('\n') + (end ? '\n' : ''));
    fc.assert(
      fc.property(text, text, (old, fresh) => {
        const diff = diffOf({ 'f.txt': old }, () => write({ 'f.txt': fresh }));
        if (old === fresh) return expect(diff).toBe('');
        expect(applyDiff(files(diff)[0] as FileDiff, Buffer.from(old))).toEqual({ ok: true, text: fresh });
      }),
      { numRuns: 15 },
    );
  });

  it('are exact: another base, a line changed on its way, a result with another name', () => {
    const old = 'a\nb\nc\n';
    const diff = diffOf({ 'f.txt': old }, () => write({ 'f.txt': 'a\nB\nc\n' }));
    const [file] = files(diff) as [FileDiff];
    expect(applyDiff(file, Buffer.from('a\nb\nc\nd\n')).ok).toBe(false);
    expect(applyDiff(file, null).ok).toBe(false);
    expect(applyDiff(files(diff.replace('+B', '+X'))[0] as FileDiff, Buffer.from(old)).ok).toBe(false);
    expect(applyDiff(file, Buffer.from(old))).toEqual({ ok: true, text: 'a\nB\nc\n' });
  });

  it.each([
    ['prose', 'hello\n'],
    ['a hunk that is too short', 'diff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n a\n'],
    ['another file inside', 'diff --git a/f b/f\n--- a/f\n+++ b/.github/x\n@@ -1 +1 @@\n-a\n+b\n'],
    ['two names', 'diff --git a/f b/g\n'],
    ['a rename', 'diff --git a/f b/f\nrename from f\nrename to .github/f\n'],
  ])('refuse %s', (_, diff) => {
    expect(parseDiff(diff)).toMatchObject({ ok: false });
  });
});

describe('judgeChange', () => {
  const made = (path: string) =>
    `diff --git a/${path} b/${path}\nnew file mode 100644\nindex ${'0'.repeat(40)}..${'a'.repeat(40)}\n--- /dev/null\n+++ b/${path}\n@@ -0,0 +1 @@\n+x\n`;

  it.each([
    ['src/a.ts', undefined],
    ['docs/.github/x', undefined],
    ['.github/workflows/x.yml', 'protected_path'],
    ['.GitHub/guruguru.yml', 'protected_path'],
    ['jobs/queue/2025-11-22-009.json', 'protected_path'],
    ['reports/loop.md', 'protected_path'],
    ['.gitmodules', 'protected_path'],
    ['../outside', 'unsafe_path'],
    ['src/../../x', 'unsafe_path'],
    ['./x', 'unsafe_path'],
    ['a//b', 'unsafe_path'],
    ['/etc/passwd', 'unsafe_path'],
    ['sub/.git/config', 'unsafe_path'],
    ['sub/.GIT /hooks', 'unsafe_path'],
    ['GIT~1/config', 'unsafe_path'],
    ['.g\u200bit/config', 'unsafe_path'],
    ['a\\b', 'unsafe_path'],
  ])('%s → %s', (path, code) => {
    expect(judged(made(path))?.code).toBe(code);
  });

  it('allows the paths of the settings and no others', () => {
    expect(judged(made('src/deep/a.ts'), { paths: ['src/**', 'README.md'] })).toBeNull();
    expect(judged(made('package.json'), { paths: ['src/**'] })).toEqual({
      code: 'path_not_allowed',
      detail: 'package.json',
    });
  });

  it('counts files and bytes', () => {
    const two = `${made('a')}${made('b')}`;
    expect(judged(two, { maxFiles: 1 })?.code).toBe('too_many_files');
    expect(judged(made('a').replace('+x', `+${'x'.repeat(2000)}`), { maxDiffKb: 1 })?.code).toBe('too_large');
    expect(judged(`${made('a')}${made('a')}`)?.code).toBe('unreadable');
  });

  it.each([
    ['binary', () => writeFileSync(join(folder, 'b.bin'), Buffer.from([0, 1, 2, 255, 0]))],
    ['symlink', () => symlinkSync('/etc/passwd', join(folder, 'link'))],
    [
      'submodule',
      () => {
        const nested = ['-C', join(folder, 'sub'), '-c', 'user.name=a', '-c', 'user.email=a@b'];
        execFileSync('git', ['init', '--quiet', join(folder, 'sub')]);
        execFileSync('git', [...nested, 'commit', '--quiet', '--allow-empty', '-m', 'x']);
      },
    ],
  ])('refuses a %s', (code, change) => {
    expect(judged(diffOf({ 'a.txt': 'a\n' }, change))?.code).toBe(code);
  });
});

it('finds a secret of several lines, which the marks of a diff would hide', () => {
  const key = readFileSync(new URL('../../../src/job/change/parse-diff.ts', import.meta.url), 'utf8').slice(
    0,
    200,
  );
  const diff = diffOf({ 'a.txt': 'a\n' }, () => write({ 'key.txt': key }));
  const redact = (text: string) => text.replace(key, '***');
  expect(redact(diff)).toBe(diff);
  expect(holdsSecretText(diff, files(diff), redact)).toBe(true);
});
