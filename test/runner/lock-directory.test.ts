import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { DirectoryLockedError, lockDirectory } from '../../src/runner/lock-directory.ts';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'lock-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

it('lets one in, and another when that one has gone', () => {
  const path = folder();
  const unlock = lockDirectory(path, 'use another');
  expect(() => lockDirectory(path, 'use another')).toThrow(DirectoryLockedError);
  unlock();
  lockDirectory(path, 'use another')();
});

it('does not blame another runner for what is wrong with the disk', () => {
  const path = folder();
  writeFileSync(join(path, 'lock'), 'this is no database, and long enough to be looked at');
  expect(() => lockDirectory(path, 'use another')).toThrow(/not a database/);
});
