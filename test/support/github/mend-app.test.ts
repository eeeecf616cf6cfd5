import { createServer } from 'node:http';
import { createAppAuth } from '@octokit/auth-app';
import { Octokit } from '@octokit/core';
import { paginateRest } from '@octokit/plugin-paginate-rest';
import { restEndpointMethods } from '@octokit/plugin-rest-endpoint-methods';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from './client.ts';
import { at, list, text } from './json.ts';
import { type GitHubServer, startGitHub } from './start-github.ts';
import { appJwt } from './upstream.ts';

describe('the app, its installation and its repositories', () => {
  let github: GitHubServer;
  beforeAll(async () => {
    github = await startGitHub({
      repositories: [
        { fullName: 'octo/hello' },
        { fullName: 'octo/secret', private: true },
        { fullName: 'octo/apart', installed: false },
      ],
    });
  });
  afterAll(() => github.close());

  const asApp = () => createClient(github.url, github.jwt());

  it('knows its JWT and nobody else’s', async () => {
    expect(await asApp().one('GET', '/app')).toMatchObject({ id: github.app.id, slug: 'guruguru-test' });
    const now = Math.floor(Date.now() / 1000);
    const key = github.app.privateKey;
    const late = appJwt(github.app.id, key, now - 3600);
    const early = appJwt(github.app.id, key, now + 3600);
    const long = appJwt(github.app.id, key, now, 3600);
    const stranger = appJwt(1, key, now);
    for (const token of [late, early, long, stranger, `${github.jwt()}x`]) {
      expect((await createClient(github.url, token).raw('GET', '/app')).status).toBe(401);
    }
    expect((await asApp().raw('GET', '/repos/octo/hello/issues')).status).toBe(401);
    expect(await asApp().one('GET', '/repos/octo/hello/installation')).toMatchObject({ id: 77 });
    expect((await asApp().raw('GET', '/repos/octo/apart/installation')).status).toBe(404);
  });

  it('gives tokens for what the installation has, narrowed as asked', async () => {
    const path = `/app/installations/${github.app.installationId}/access_tokens`;
    const narrow = await asApp().one('POST', path, {
      repositories: ['hello'],
      permissions: { issues: 'read', contents: 'write' },
    });
    expect(narrow.permissions).toMatchObject({ issues: 'read', contents: 'write' });
    const token = createClient(github.url, text(narrow, 'token'));
    const seen = await token.many('/installation/repositories', 'repositories');
    expect(seen.map((one) => one.full_name)).toEqual(['octo/hello']);
    const issue = await github.as('writer').openIssue({ title: 'narrow' });
    const refused = await token.raw('POST', `/repos/octo/hello/issues/${issue}/comments`, { body: 'x' });
    expect(refused).toMatchObject({
      status: 403,
      json: { message: 'Resource not accessible by integration' },
    });
    expect((await token.raw('GET', '/repos/octo/secret')).status).toBe(404);
    const reaction = await token.raw('POST', `/repos/octo/hello/issues/${issue}/reactions`, {
      content: 'eyes',
    });
    expect(reaction.status).toBe(403);
    expect((await token.raw('GET', '/repos/octo/hello/pulls/comments')).status).toBe(403);
    expect((await asApp().raw('POST', path, { permissions: { administration: 'write' } })).status).toBe(422);
    expect((await asApp().raw('POST', path, { repositories: ['apart'] })).status).toBe(422);
    const wide = createClient(github.url, await github.installationToken());
    const all = await wide.many('/installation/repositories', 'repositories');
    expect(all.map((one) => one.full_name)).toEqual(['octo/hello', 'octo/secret']);
    expect((await wide.raw('POST', '/repos/octo/apart/issues', { title: 'x' })).status).toBe(403);
  });

  it('answers permissions as admin, write, read or none, and 404 for nobody', async () => {
    const app = createClient(github.url, await github.installationToken());
    const ask = async (repo: string, login: string) => {
      const reply = await app.raw('GET', `/repos/octo/${repo}/collaborators/${login}/permission`);
      return reply.status === 200
        ? [at(reply.json, 'permission'), at(reply.json, 'role_name')]
        : reply.status;
    };
    expect(await ask('hello', 'octo')).toEqual(['admin', 'admin']);
    expect(await ask('hello', 'writer')).toEqual(['write', 'write']);
    expect(await ask('hello', 'reader')).toEqual(['read', 'read']);
    expect(await ask('hello', 'stranger')).toEqual(['read', 'read']);
    expect(await ask('secret', 'stranger')).toEqual(['none', 'none']);
    expect(await ask('hello', 'no-such-person')).toBe(404);
    await github.admin.setPermission('writer2', 'none');
    expect(await ask('hello', 'writer2')).toEqual(['read', 'read']);
    await expect(github.as('writer2').push('w2', { 'w.txt': 'w\n' })).rejects.toThrow('403');
    await github.admin.setPermission('writer2', 'write');
    await github.as('writer2').push('w2', { 'w.txt': 'w\n' });
    expect((await github.as('stranger').client.raw('GET', '/repos/octo/secret/issues')).status).toBe(404);
  });

  it('lists deliveries newest first, by cursor and status, and sends them again', async () => {
    let answer = 503;
    const receiver = createServer((incoming, outgoing) => {
      incoming.resume().on('end', () => outgoing.writeHead(answer).end());
    });
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', () => resolve()));
    const address = receiver.address();
    github.webhooks.setUrl(
      `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}/`,
    );
    await github.as('writer').openIssue({ title: 'failed' });
    await github.webhooks.idle();
    answer = 202;
    await github.as('writer').openIssue({ title: 'arrived' });
    await github.webhooks.idle();
    const [newest] = await asApp().many('/app/hook/deliveries');
    expect(newest).toMatchObject({ status_code: 202, event: 'issues', action: 'opened', redelivery: false });
    const page = await asApp().raw('GET', '/app/hook/deliveries?per_page=1');
    const next = /<([^>]+)>; rel="next"/.exec(page.headers.get('link') ?? '')?.[1] ?? '';
    const second = await asApp().raw('GET', next.replace(github.url, ''));
    expect(list({ page: second.json }, 'page')[0]).toMatchObject({ status_code: 503 });
    const [failed] = await asApp().many('/app/hook/deliveries?status=failure');
    expect(failed).toMatchObject({ status_code: 503 });
    const shown = await asApp().one('GET', `/app/hook/deliveries/${failed?.id}`);
    expect(text(shown, 'request', 'payload', 'issue', 'title')).toBe('failed');
    const again = await asApp().raw('POST', `/app/hook/deliveries/${failed?.id}/attempts`);
    expect(again.status).toBe(202);
    await github.webhooks.idle();
    const [last] = await asApp().many('/app/hook/deliveries');
    expect(last).toMatchObject({ guid: failed?.guid, redelivery: true, status_code: 202 });
    github.webhooks.setUrl(undefined);
    receiver.closeAllConnections();
    receiver.close();
  });

  it('converts a manifest code and lists a person’s installations', async () => {
    const made = await createClient(github.url, '').one('POST', '/app-manifests/abc/conversions');
    expect(made).toMatchObject({ id: github.app.id, webhook_secret: github.app.webhookSecret });
    expect(text(made, 'pem')).toContain('RSA PRIVATE KEY');
    const mine = await github.as('reader').client.many('/user/installations', 'installations');
    expect(mine.map((one) => one.id)).toEqual([github.app.installationId]);
  });

  it('serves the real client: app authentication, encodings, pagination', async () => {
    const Client = Octokit.plugin(restEndpointMethods, paginateRest);
    const { id: appId, privateKey, installationId } = github.app;
    const octokit = new Client({
      baseUrl: github.url,
      authStrategy: createAppAuth,
      auth: { appId, privateKey, installationId },
    });
    const at = { owner: 'octo', repo: 'hello' };
    const { data: main } = await octokit.rest.git.getRef({ ...at, ref: 'heads/main' });
    const { data: tree } = await octokit.rest.git.createTree({
      ...at,
      base_tree: main.object.sha,
      tree: [{ path: 'a/b c.txt', mode: '100644', type: 'blob', content: 'spaces\n' }],
    });
    const { data: commit } = await octokit.rest.git.createCommit({
      ...at,
      message: 'client',
      tree: tree.sha,
      parents: [main.object.sha],
    });
    expect(commit.verification.verified).toBe(true);
    await octokit.rest.git.createRef({ ...at, ref: 'refs/heads/guruguru/ask-c1', sha: commit.sha });
    const head = 'guruguru/ask-c1';
    const { data: pull } = await octokit.rest.pulls.create({ ...at, head, base: 'main', title: 'client' });
    expect(pull.user.login).toBe(github.app.botLogin);
    const file = await octokit.rest.repos.getContent({ ...at, path: 'a/b c.txt', ref: head });
    expect(file.data).toMatchObject({ type: 'file', path: 'a/b c.txt' });
    const found = await octokit.paginate(octokit.rest.pulls.list, {
      ...at,
      head: `octo:${head}`,
      per_page: 1,
    });
    expect(found.map((one) => one.number)).toEqual([pull.number]);
    await octokit.rest.git.updateRef({ ...at, ref: `heads/${head}`, sha: commit.sha, force: true });
    const merged = await octokit.rest.pulls.merge({ ...at, pull_number: pull.number, sha: commit.sha });
    expect(merged.data.merged).toBe(true);
    await octokit.rest.git.deleteRef({ ...at, ref: `heads/${head}` });
    const repositories = await octokit.paginate(octokit.rest.apps.listReposAccessibleToInstallation);
    expect(repositories.map((one) => one.full_name)).toContain('octo/hello');
    expect(github.contractViolations.filter((one) => one.includes('ask-c1'))).toEqual([]);
  });

  it('refuses everything while suspended and after the hour', async () => {
    const token = await github.installationToken();
    const app = createClient(github.url, token);
    await github.admin.suspend();
    const path = `/app/installations/${github.app.installationId}`;
    expect(text(await asApp().one('GET', path), 'suspended_at')).toMatch(/^\d{4}-/);
    expect((await asApp().raw('POST', `${path}/access_tokens`)).status).toBe(403);
    expect((await app.raw('GET', '/repos/octo/hello')).status).toBe(403);
    await github.admin.unsuspend();
    expect((await app.raw('GET', '/repos/octo/hello')).status).toBe(200);
    github.admin.expireTokens();
    const expired = await app.raw('GET', '/repos/octo/hello');
    expect(expired).toMatchObject({ status: 401, json: { message: 'Bad credentials' } });
  });

  it('moves a renamed repository, keeps an archived one as it is, follows a default branch', async () => {
    const app = createClient(github.url, await github.installationToken());
    const { admin } = github.repository('octo/secret');
    await admin.rename('quiet');
    const old = await fetch(`${github.url}/repos/octo/secret/branches/main`, {
      redirect: 'manual',
      headers: { authorization: `Bearer ${github.tokens.octo}` },
    });
    expect(old.status).toBe(301);
    const followed = await app.raw('GET', '/repos/octo/secret/branches/main');
    expect([followed.status, text(followed.json, 'name')]).toEqual([200, 'main']);
    await admin.archive();
    const archived = await app.raw('POST', '/repos/octo/quiet/issues', { title: 'x' });
    expect(archived).toMatchObject({
      status: 403,
      json: { message: 'Repository was archived so is read-only.' },
    });
    await github.as('octo').push('trunk', { 'x.txt': 'x\n' });
    await github.admin.changeDefaultBranch('trunk');
    expect(await app.one('GET', '/repos/octo/hello')).toMatchObject({ default_branch: 'trunk' });
  });
});
