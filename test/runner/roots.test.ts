import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allowedWorkdir, parseRoots } from '../../src/runner/roots.ts';

describe('parseRoots', () => {
  it('reads paths for every repository and for one', () => {
    expect(parseRoots('/srv/work, octo/loop=/srv/loop,')).toEqual({
      ok: true,
      roots: [
        { repository: null, path: '/srv/work' },
        { repository: 'octo/loop', path: '/srv/loop' },
      ],
    });
  });
  it('tells all mistakes at once', () => {
    const parsed = parseRoots('work,octo=/srv,octo/loop=srv,/a/../b');
    expect(parsed.ok ? [] : parsed.errors.map((error) => error.split(': ')[0])).toEqual([
      '"work"',
      '"octo=/srv"',
      '"octo/loop=srv"',
      '"/a/../b"',
    ]);
  });
  it('asks for one when there is none', () => {
    expect(parseRoots(' ')).toMatchObject({
      ok: false,
      errors: [expect.stringContaining('GURUGURU_WORKDIR_ROOTS')],
    });
  });
});

describe('allowedWorkdir', () => {
  let base: string;
  beforeAll(() => {
    base = realpathSync(mkdtempSync(join(tmpdir(), 'roots-')));
    for (const name of ['all/a', 'all-too', 'one/b']) mkdirSync(join(base, name), { recursive: true });
    writeFileSync(join(base, 'all/file'), '');
    symlinkSync(join(base, 'all-too'), join(base, 'all/way-out'));
    symlinkSync(join(base, 'all'), join(base, 'link-to-all'));
  });
  afterAll(() => rmSync(base, { recursive: true, force: true }));

  const ask = (workdir: string, repository = 'octo/loop') =>
    allowedWorkdir(
      [
        { repository: null, path: join(base, 'all') },
        { repository: 'Octo/One', path: join(base, 'one') },
      ],
      repository,
      join(base, workdir),
    );

  it.each([
    ['a root itself', 'all', 'octo/loop'],
    ['below a root', 'all/a', 'octo/loop'],
    ['a link that leads below a root', 'link-to-all/a', 'octo/loop'],
    ['below the root of its repository, in any case', 'one/b', 'octo/one'],
  ])('allows %s', async (_name, workdir, repository) => {
    expect(await ask(workdir, repository)).toMatchObject({ ok: true });
  });
  it.each([
    ['the root of another repository', 'one/b', 'outside the directories'],
    ['a neighbour whose name begins alike', 'all-too', 'outside the directories'],
    ['a link that leads out', 'all/way-out', 'outside the directories'],
    ['a parent', '.', 'outside the directories'],
    ['dots that lead out', 'all/../all-too', 'outside the directories'],
    ['a file', 'all/file', 'not a directory'],
    ['nothing', 'all/none', 'does not exist'],
  ])('refuses %s', async (_name, workdir, word) => {
    const answer = await ask(workdir);
    expect(answer.ok ? '' : answer.message).toContain(word);
  });
  it('refuses a relative path', async () => {
    expect(await allowedWorkdir('anything', null, 'work')).toMatchObject({ ok: false });
  });
});
