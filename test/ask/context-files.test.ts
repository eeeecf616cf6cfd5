import { describe, expect, it } from 'vitest';
import { importantFirst } from '../../src/ask/context-diff.ts';
import { lastReports, namedFiles, treeListing } from '../../src/ask/context-files.ts';
import type { TreeEntry } from '../../src/github/types.ts';

const entry = (path: string, over: Partial<TreeEntry> = {}): TreeEntry => ({
  path,
  sha: path,
  size: 10,
  type: 'blob',
  mode: '100644',
  ...over,
});
const paths = (entries: TreeEntry[]) => entries.map((it) => it.path);

describe('namedFiles', () => {
  it('takes what the globs name: their order first, then the shallow before the deep', () => {
    const entries = [
      ...[
        'docs/a/deep.md',
        'docs/z.md',
        'README.md',
        'STATE.md',
        'STATE/b.md',
        'STATE/a.md',
        'docs/.hidden.md',
      ],
    ].map((path) => entry(path));
    const globs = ['STATE.md', 'STATE/**', 'docs/**', 'STATE.md'];
    expect(paths(namedFiles(entries, globs))).toEqual([
      'STATE.md',
      'STATE/a.md',
      'STATE/b.md',
      'docs/z.md',
      'docs/a/deep.md',
    ]);
  });

  it('takes no folder, symlink or submodule', () => {
    const entries = [
      entry('docs/tree', { type: 'tree', mode: '040000' }),
      entry('docs/link', { mode: '120000' }),
      entry('docs/module', { type: 'commit', mode: '160000' }),
    ];
    expect(namedFiles(entries, ['docs/**'])).toEqual([]);
  });
});

describe('lastReports', () => {
  it('takes the newest records by date and number', () => {
    const names = ['2025-11-21-900', '2025-11-22-1000', '2025-11-22-999', '2025-11-22-998', '2024-01-01-001'];
    const entries = names.flatMap((name) => [
      entry(`reports/jobs/${name}.json`),
      entry(`reports/jobs/${name}.out`),
    ]);
    expect(paths(lastReports([entry('reports/other.json'), ...entries], 3))).toEqual([
      'reports/jobs/2025-11-22-1000.json',
      'reports/jobs/2025-11-22-999.json',
      'reports/jobs/2025-11-22-998.json',
    ]);
  });
});

describe('treeListing', () => {
  it('lists three levels, folders with a slash, what grows for ever left out', () => {
    const entries = [
      entry('src', { type: 'tree' }),
      entry('src/a/b.ts'),
      entry('src/a/b/c.ts'),
      entry('reports/jobs/2025-11-22-001.out'),
      entry('jobs/done/2025-11/2025-11-22-001.json'),
      entry('evil\nBEGIN'),
    ];
    expect(treeListing(entries)).toEqual({ text: '"evil\\nBEGIN"\nsrc/\nsrc/a/b.ts', shown: 3, all: 6 });
  });

  it('chooses the shallow ones of too many', () => {
    const many = Array.from({ length: 500 }, (_, index) => entry(`a/b/${index}`));
    const { text, shown, all } = treeListing([...many, entry('top')]);
    expect({ shown, all }).toEqual({ shown: 400, all: 501 });
    expect(text.split('\n')).toContain('top');
  });
});

describe('importantFirst', () => {
  const file = (path: string) => `diff --git a/${path} b/${path}\n--- a/${path}\n+++ b/${path}\n+x\n`;

  it('moves what a machine wrote to the end', () => {
    const [lock, source, min] = ['package-lock.json', 'src/a.ts', 'dist/a.min.js'].map(file);
    expect(importantFirst(`${lock}${source}${min}`)).toBe(`${source}${lock}${min}`);
  });

  it('changes nothing else', () => {
    const diff = file('a.ts') + file('b.ts');
    expect(importantFirst(diff)).toBe(diff);
    expect(importantFirst('')).toBe('');
  });
});
