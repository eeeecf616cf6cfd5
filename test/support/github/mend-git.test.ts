import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, createClient } from './client.ts';
import { at, list, text } from './json.ts';
import { type GitHubServer, startGitHub } from './start-github.ts';

const REPO = '/repos/octo/hello';

describe('git data and contents', () => {
  let github: GitHubServer;
  let app: Client;
  beforeAll(async () => {
    github = await startGitHub();
    app = createClient(github.url, await github.installationToken());
  });
  afterAll(() => github.close());

  const put = (client: Client, path: string, body: Record<string, unknown>) =>
    client.raw('PUT', `${REPO}/contents/${path}`, {
      message: path,
      content: Buffer.from('text\n').toString('base64'),
      ...body,
    });

  async function commit(client: Client, extra: Record<string, unknown> = {}) {
    const parent = github.read.head() ?? '';
    const base = await client.one('GET', `${REPO}/git/commits/${parent}`);
    const made = await client.one('POST', `${REPO}/git/trees`, {
      base_tree: at(base, 'tree', 'sha'),
      tree: [{ path: 'reports/x.out', mode: '100644', type: 'blob', content: 'x\n' }],
    });
    return client.one('POST', `${REPO}/git/commits`, {
      message: 'm',
      tree: made.sha,
      parents: [parent],
      ...extra,
    });
  }

  it('signs what the app commits without naming an author, and nothing else', async () => {
    const unnamed = await commit(app);
    expect(at(unnamed, 'verification', 'verified')).toBe(true);
    const again = await app.one('GET', `${REPO}/commits/${text(unnamed, 'sha')}`);
    expect(at(again, 'commit', 'verification', 'verified')).toBe(true);
    const named = await commit(app, { author: { name: 'n', email: 'n@example.com' } });
    expect(at(named, 'verification', 'verified')).toBe(false);
    const person = await commit(github.as('writer').client, { message: 'by a person' });
    expect(at(person, 'verification', 'verified')).toBe(false);
    const contents = await put(app, 'signed.txt', {});
    expect(at(contents.json, 'commit', 'verification', 'verified')).toBe(true);
  });

  it('pushes for contents, new refs, moved refs and deleted refs', async () => {
    const from = github.webhooks.log.length;
    const made = await put(app, 'pushed.txt', {});
    const next = await commit(app);
    await app.one('POST', `${REPO}/git/refs`, { ref: 'refs/heads/side', sha: text(next, 'sha') });
    await app.one('PATCH', `${REPO}/git/refs/heads%2Fmain`, { sha: text(next, 'sha') });
    await app.one('DELETE', `${REPO}/git/refs/heads/side`);
    const pushes = github.webhooks.log.slice(from).filter((one) => one.event === 'push');
    expect(pushes.map((one) => [one.payload.ref, one.payload.after])).toEqual([
      ['refs/heads/main', at(made.json, 'commit', 'sha')],
      ['refs/heads/side', text(next, 'sha')],
      ['refs/heads/main', text(next, 'sha')],
      ['refs/heads/side', '0'.repeat(40)],
    ]);
    expect(await github.read.file('reports/x.out')).toBe('x\n');
  });

  it('refuses a moved branch, an existing ref and a missing one', async () => {
    const stale = await commit(app, { message: 'stale' });
    await github.as('writer').push('main', { 'faster.txt': 'f\n' });
    const moved = await app.raw('PATCH', `${REPO}/git/refs/heads/main`, { sha: text(stale, 'sha') });
    expect([moved.status, text(moved.json, 'message')]).toEqual([422, 'Update is not a fast-forward']);
    const same = await app.raw('POST', `${REPO}/git/refs`, {
      ref: 'refs/heads/main',
      sha: github.read.head(),
    });
    expect([same.status, text(same.json, 'message')]).toEqual([422, 'Reference already exists']);
    const none = await app.raw('PATCH', `${REPO}/git/refs/heads/none`, { sha: github.read.head() });
    expect(none.status).toBe(422);
    const wrong = await put(app, 'README.md', { sha: '1'.repeat(40) });
    expect(wrong.status).toBe(409);
  });

  it('compares: ahead, behind, diverged, with commits oldest first and files with patches', async () => {
    const writer = github.as('writer');
    const base = github.read.head() ?? '';
    await writer.push('cmp', { 'cmp.txt': 'one\ntwo\nthree\n' }, 'first');
    const head = await writer.push('cmp', { 'cmp.txt': 'one\n2\nthree\n', 'STATE.md': null }, 'second');
    const ahead = await app.one('GET', `${REPO}/compare/${base}...cmp`);
    expect(ahead).toMatchObject({
      status: 'ahead',
      ahead_by: 2,
      behind_by: 0,
      merge_base_commit: { sha: base },
    });
    expect(list(ahead, 'commits').map((one) => text(one, 'commit', 'message'))).toEqual(['first', 'second']);
    expect(list(ahead, 'files').map((one) => [one.filename, one.status])).toEqual([
      ['STATE.md', 'removed'],
      ['cmp.txt', 'added'],
    ]);
    const first = text(list(ahead, 'commits')[0], 'sha');
    const last = await app.one('GET', `${REPO}/compare/${first}...${head}`);
    const changed = list(last, 'files').find((one) => one.filename === 'cmp.txt');
    expect(changed).toMatchObject({ additions: 1, deletions: 1, status: 'modified' });
    expect(text(changed, 'patch')).toBe('@@ -1,3 +1,3 @@\n one\n-two\n+2\n three');
    expect(await app.one('GET', `${REPO}/compare/cmp...${base}`)).toMatchObject({
      status: 'behind',
      behind_by: 2,
    });
    await writer.push('main', { 'other.txt': 'o\n' });
    expect(await app.one('GET', `${REPO}/compare/main...cmp`)).toMatchObject({ status: 'diverged' });
    expect((await app.raw('GET', `${REPO}/compare/main...${'4'.repeat(40)}`)).status).toBe(404);
  });

  it('keeps protected branches: 409 for contents, 422 for refs, 403 for who may not push', async () => {
    github.admin.protect('main', { pullRequest: { approvals: 0 } });
    const contents = await put(app, 'no.txt', {});
    expect([contents.status, text(contents.json, 'message')]).toEqual([
      409,
      'Could not update file: Changes must be made through a pull request.',
    ]);
    const next = await commit(app);
    const ref = await app.raw('PATCH', `${REPO}/git/refs/heads/main`, { sha: text(next, 'sha') });
    expect([ref.status, text(ref.json, 'message')]).toEqual([
      422,
      'Changes must be made through a pull request.',
    ]);
    expect(await app.one('GET', `${REPO}/branches/main`)).toMatchObject({ protected: true });
    github.admin.protect('main', { restrictPush: ['writer'] });
    expect((await put(app, 'no.txt', {})).status).toBe(403);
    expect((await put(github.as('writer').client, 'yes.txt', {})).status).toBe(201);
    github.admin.unprotect('main');
    expect(await app.one('GET', `${REPO}/branches/main`)).toMatchObject({ protected: false });
    expect((await put(github.as('reader').client, 'no.txt', {})).status).toBe(403);
  });

  it('stops secrets at the door when push protection is on', async () => {
    github.admin.setPushProtection(/ghp_\w{36}/);
    const content = `token ghp_${'a'.repeat(36)}\n`;
    const tree = await app.raw('POST', `${REPO}/git/trees`, {
      tree: [{ path: 'log', mode: '100644', content }],
    });
    const blob = await app.raw('POST', `${REPO}/git/blobs`, { content, encoding: 'utf-8' });
    const file = await put(app, 'log', { content: Buffer.from(content).toString('base64') });
    expect([tree.status, blob.status, file.status]).toEqual([409, 409, 409]);
    github.admin.setPushProtection(undefined);
    expect((await app.raw('POST', `${REPO}/git/blobs`, { content, encoding: 'utf-8' })).status).toBe(201);
  });
});
