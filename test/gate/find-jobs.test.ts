import { describe, expect, it } from 'vitest';
import { misplaced } from '../../src/gate/find-jobs.ts';
import type { PullFile } from '../../src/github/types.ts';

const queued = 'jobs/queue/2026-11-22-001.json';

function changed(status: PullFile['status'], path: string, previousPath: string | null = null): PullFile {
  return { path, status, blobSha: 'c'.repeat(40), previousPath };
}

describe('misplaced', () => {
  it.each<[string, PullFile, string | undefined]>([
    ['a new job file', changed('added', queued), undefined],
    ['a changed job file', changed('modified', queued), 'immutable'],
    ['a deleted job file', changed('removed', queued), 'immutable'],
    ['a file moved to the queue', changed('renamed', queued, 'drafts/a.json'), 'immutable'],
    ['a job file moved out of the queue', changed('renamed', 'docs/a.json', queued), 'immutable'],
    ['a copy of a job file', changed('copied', 'docs/a.json', queued), undefined],
    ['a record of what is done', changed('added', 'jobs/done/2026-11/a.json'), 'done-is-written-by-the-app'],
    [
      'a record moved away',
      changed('renamed', 'docs/a.json', 'jobs/done/2026-11/a.json'),
      'done-is-written-by-the-app',
    ],
    ['a job file in a folder of the queue', changed('added', 'jobs/queue/mine/a.json'), 'not-in-the-queue'],
    ['its removal', changed('removed', 'jobs/queue/mine/a.json'), undefined],
    ['what keeps the folder', changed('added', 'jobs/queue/.gitkeep'), undefined],
    ['an example', changed('modified', 'jobs/examples/a.json'), undefined],
  ])('%s', (_, file, rule) => {
    expect(misplaced(file)?.rule).toBe(rule);
  });
});
