import { describe, expect, it } from 'vitest';
import { startGitWorld } from './git-world.ts';
import { createClient, never, useWire } from './wire.ts';

useWire();

const branch = 'guruguru/ask-c1';
const files = [{ path: 'jobs/queue/2026-01-01-001.json', content: '{}\n' }];

function start() {
  const world = startGitWorld({ 'README.md': 'hi' });
  const client = createClient();
  const ensure = (base = world.base) =>
    client.ensureBranchCommit({ branch, base, files, message: 'job' }, never);
  return { world, client, ensure };
}

describe('ensureBranchCommit', () => {
  it('makes a branch with one commit on the base', async () => {
    const { world, ensure } = start();
    const made = await ensure();
    expect(made).toMatchObject({ kind: 'committed', adopted: false, commitSha: world.refs.get(branch) });
    expect(world.files(branch)).toEqual({ 'README.md': 'hi', 'jobs/queue/2026-01-01-001.json': '{}\n' });
    expect(world.history(branch)).toBe(2);
  });

  it('done twice, takes what is there', async () => {
    const { world, ensure } = start();
    const first = await ensure();
    expect(await ensure()).toEqual({ ...first, adopted: true });
    expect(world.history(branch)).toBe(2);
  });

  it('takes its own commit on an older base', async () => {
    const { world, ensure } = start();
    const first = await ensure();
    const newer = world.push('main', { 'other.txt': 'x' });
    expect(await ensure(newer)).toEqual({ ...first, adopted: true });
  });

  it.each<[string, (world: ReturnType<typeof startGitWorld>) => void]>([
    [
      'other content',
      (world) => world.push(branch, { 'jobs/queue/2026-01-01-001.json': '{"evil":1}' }, world.base),
    ],
    [
      'our file and one more',
      (world) => {
        world.push(branch, { 'jobs/queue/2026-01-01-001.json': '{}\n', 'evil.sh': 'rm' }, world.base);
      },
    ],
    [
      'our change on a commit that is not on the base',
      (world) => {
        world.push(branch, { 'evil.sh': 'rm' }, world.base);
        world.push(branch, { 'jobs/queue/2026-01-01-001.json': '{}\n' });
      },
    ],
    ['just the base', (world) => world.refs.set(branch, world.base)],
  ])('refuses a foreign branch: %s', async (_name, prepare) => {
    const { world, ensure } = start();
    prepare(world);
    const head = world.refs.get(branch);
    expect(await ensure()).toEqual({ kind: 'foreign_branch', headSha: head });
    expect(world.refs.get(branch)).toBe(head);
  });
});

describe('updateBranch', () => {
  const change = [{ path: 'jobs/queue/2026-01-01-001.json', content: '{"v":2}\n' }];

  it('adds a commit, and done twice is there once', async () => {
    const { world, client, ensure } = start();
    const made = await ensure();
    if (made.kind !== 'committed') throw new Error(made.kind);
    const options = { from: made.commitSha, files: change, message: 'replan' };
    const first = await client.updateBranch(branch, options, never);
    expect(first).toMatchObject({ kind: 'committed', adopted: false });
    expect(await client.updateBranch(branch, options, never)).toEqual({ ...first, adopted: true });
    expect(world.history(branch)).toBe(3);
  });

  it('never overwrites what somebody pushed', async () => {
    const { world, client, ensure } = start();
    const made = await ensure();
    if (made.kind !== 'committed') throw new Error(made.kind);
    const pushed = world.push(branch, { 'note.txt': 'mine' });
    const options = { from: made.commitSha, files: change, message: 'replan' };
    expect(await client.updateBranch(branch, options, never)).toEqual({ kind: 'moved', headSha: pushed });
  });

  it('notices a push in the last moment, and a deleted branch', async () => {
    const { world, client, ensure } = start();
    const made = await ensure();
    if (made.kind !== 'committed') throw new Error(made.kind);
    const options = { from: made.commitSha, files: change, message: 'replan' };
    world.beforeRefUpdate(() => {
      world.push(branch, { 'note.txt': 'mine' });
      return undefined;
    });
    expect(await client.updateBranch(branch, options, never)).toMatchObject({ kind: 'moved' });
    world.refs.delete(branch);
    expect(await client.updateBranch(branch, options, never)).toEqual({ kind: 'gone' });
  });
});
