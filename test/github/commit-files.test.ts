import nock from 'nock';
import { describe, expect, it } from 'vitest';
import type { CommitFiles } from '../../src/github/types.ts';
import { startGitWorld } from './git-world.ts';
import { API, createClient, never, REPO, sha, useWire } from './wire.ts';

useWire();

function start(files: Record<string, string> = { 'jobs/queue/1.json': '{}', 'reports/loop.md': 'one\n' }) {
  const world = startGitWorld(files);
  const client = createClient();
  const commit = (options: Partial<CommitFiles> = {}) =>
    client.commitFiles(
      {
        branch: 'main',
        message: 'report [skip ci]',
        files: [
          { path: 'jobs/queue/1.json', content: null },
          { path: 'jobs/done/1.json', content: '{}' },
        ],
        ...options,
      },
      never,
    );
  return { world, commit };
}

describe('commitFiles', () => {
  it('makes one commit of all changes', async () => {
    const { world, commit } = start();
    expect(await commit()).toEqual({ kind: 'committed', sha: world.refs.get('main'), adopted: false });
    expect(world.files('main')).toEqual({ 'jobs/done/1.json': '{}', 'reports/loop.md': 'one\n' });
    expect(world.messages).toEqual(['report [skip ci]']);
  });

  it('done twice, there is one commit', async () => {
    const { world, commit } = start();
    await commit();
    expect(await commit()).toEqual({ kind: 'nothing', headSha: world.refs.get('main') });
    expect(world.history('main')).toBe(2);
  });

  it('builds anew on a branch that moved, with content that depends on it', async () => {
    const { world, commit } = start();
    world.beforeRefUpdate(() => {
      world.push('main', { 'reports/loop.md': 'one\nsomebody\n' });
      return undefined;
    });
    const outcome = await commit({
      files: async (at) => {
        const file = await at.readFile('reports/loop.md');
        return [{ path: 'reports/loop.md', content: `${file?.text}ours\n` }];
      },
    });
    expect(outcome).toMatchObject({ kind: 'committed', adopted: false });
    expect(world.files('main')['reports/loop.md']).toBe('one\nsomebody\nours\n');
    expect(world.history('main')).toBe(3);
  });

  it('gives up after its tries', async () => {
    const { world, commit } = start();
    let n = 0;
    const files: CommitFiles['files'] = async () => {
      world.beforeRefUpdate(() => {
        n += 1;
        world.push('main', { 'other.txt': String(n) });
        return undefined;
      });
      return [{ path: 'a.txt', content: 'a' }];
    };
    await expect(commit({ files, maxTries: 3 })).rejects.toMatchObject({ kind: 'conflict' });
    expect(n).toBe(3);
  });

  it('a 502 on an update that landed counts as done', async () => {
    const { world, commit } = start();
    world.afterRefUpdate(() => [502, {}]);
    expect(await commit()).toEqual({ kind: 'committed', sha: world.refs.get('main'), adopted: false });
    expect(world.history('main')).toBe(2);
  });

  it('a 502 on an update that did not land is an outage', async () => {
    const { world, commit } = start();
    world.beforeRefUpdate(() => [502, {}]);
    await expect(commit()).rejects.toMatchObject({ kind: 'unavailable' });
    expect(world.history('main')).toBe(1);
  });

  it.each([
    ['protection', 422, 'Cannot update this protected branch.'],
    ['a ruleset', 422, 'Repository rule violations found\n\nChanges must be made through a pull request.'],
    ['protection, 403', 403, 'Protected branch update failed'],
    ['protection, 409', 409, 'Branch is protected'],
  ])('says that the branch refuses it: %s', async (_name, status, message) => {
    const { world, commit } = start();
    world.beforeRefUpdate(() => [status, { message }]);
    expect(await commit()).toEqual({ kind: 'refused', message });
  });

  it('a missing permission is an error, not a refusal', async () => {
    const { world, commit } = start();
    world.beforeRefUpdate(() => [403, { message: 'Resource not accessible by integration' }]);
    await expect(commit()).rejects.toMatchObject({ kind: 'forbidden' });
  });

  it('says that push protection stopped it', async () => {
    const { world, commit } = start();
    world.beforeRefUpdate(() => [
      409,
      {
        message: 'Repository rule violations found\n\nSecret detected in content',
        metadata: { secret_scanning: {} },
      },
    ]);
    expect(await commit()).toMatchObject({ kind: 'secret_blocked' });
  });

  it('does not mind a deletion of what is not there', async () => {
    const { world, commit } = start({ 'a.txt': 'a' });
    expect(await commit()).toMatchObject({ kind: 'committed' });
    expect(world.files('main')).toEqual({ 'a.txt': 'a', 'jobs/done/1.json': '{}' });
    expect(await commit({ files: [{ path: 'no/such', content: null }] })).toMatchObject({ kind: 'nothing' });
  });

  it('sends long text and bytes as blobs', async () => {
    const { world, commit } = start({});
    const long = 'あ'.repeat(50_000);
    await commit({
      files: [
        { path: 'long.txt', content: long },
        { path: 'b.bin', content: new TextEncoder().encode('bytes') },
        { path: 'short.txt', content: 'short' },
      ],
    });
    expect(world.counts.get('blob')).toBe(2);
    expect(world.files('main')).toEqual({ 'long.txt': long, 'b.bin': 'bytes', 'short.txt': 'short' });
  });

  it('stops where the work is done already, or is no longer wanted', async () => {
    const { world, commit } = start();
    expect(await commit({ alreadyThere: async () => sha('e') })).toEqual({
      kind: 'committed',
      sha: sha('e'),
      adopted: true,
    });
    expect(await commit({ files: async () => null })).toEqual({ kind: 'nothing', headSha: world.base });
    expect(world.counts.get('tree')).toBeUndefined();
  });

  it('says that there is no such branch', async () => {
    const { commit } = start();
    expect(await commit({ branch: 'reports' })).toEqual({
      kind: 'refused',
      message: 'branch reports does not exist',
    });
  });
});

describe('readFile', () => {
  it('reads a file above 1 MB as a blob, and no folder', async () => {
    const client = createClient();
    const path = `${REPO}/contents/big.txt`;
    nock(API)
      .get(path)
      .query(true)
      .reply(200, { type: 'file', encoding: 'none', content: '', sha: sha('f') });
    nock(API)
      .get(`${REPO}/git/blobs/${sha('f')}`)
      .reply(200, { content: Buffer.from('big').toString('base64'), encoding: 'base64' });
    expect(await client.readFile('big.txt', 'main', never)).toMatchObject({ text: 'big', blobSha: sha('f') });
    nock(API).get(`${REPO}/contents/src`).query(true).reply(200, []);
    expect(await client.readFile('src', 'main', never)).toBeNull();
  });
});

describe('permission', () => {
  it.each([
    [200, { permission: 'admin', role_name: 'admin' }, 'admin'],
    [200, { permission: 'write', role_name: 'maintain' }, 'write'],
    [200, { permission: 'read', role_name: 'write-ish custom role' }, 'read'],
    [200, { permission: 'none', role_name: '' }, 'none'],
    [200, { permission: 'pull' }, 'none'],
    [404, { message: 'not a user' }, 'none'],
  ])('%i %j → %s', async (status, body, permission) => {
    const client = createClient();
    nock(API).get(`${REPO}/collaborators/mona/permission`).reply(status, body);
    expect(await client.permission('mona', never)).toBe(permission);
  });
});
