import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, createClient } from './client.ts';
import { list, object, text } from './json.ts';
import { type GitHubServer, startGitHub } from './start-github.ts';

const REPO = '/repos/octo/hello';

describe('issues, comments and reactions', () => {
  let github: GitHubServer;
  let app: Client;
  beforeAll(async () => {
    github = await startGitHub();
    app = createClient(github.url, await github.installationToken());
  });
  afterAll(() => github.close());

  it('writes an app comment under the bot, with the app behind it', async () => {
    const issue = await github.as('writer').openIssue({ title: 'bot' });
    const made = await app.one('POST', `${REPO}/issues/${issue}/comments`, { body: 'planning' });
    expect(object(made, 'user')).toMatchObject({ login: 'guruguru-test[bot]', type: 'Bot' });
    expect(object(made, 'performed_via_github_app').id).toBe(github.app.id);
    const [seen] = await github.read.comments(issue);
    expect(seen).toMatchObject({ author: github.app.botLogin, body: 'planning' });
    const person = await github.as('writer').comment(issue, 'me');
    expect(person.json.performed_via_github_app).toBeNull();
    const sent = github.webhooks.log.find((one) => text(one.payload, 'comment', 'body') === 'planning');
    expect(object(sent?.payload, 'sender')).toMatchObject({ login: 'guruguru-test[bot]', type: 'Bot' });
  });

  it('lists comments of the whole repository since a second, by update, in pages', async () => {
    const writer = github.as('writer');
    const [one, two] = [await writer.openIssue({ title: '1' }), await writer.openIssue({ title: '2' })];
    const first = await writer.comment(one, 'first');
    const second = await writer.comment(two, 'second');
    const listed = await app.many(
      `${REPO}/issues/comments?since=${first.createdAt}&sort=updated&direction=desc`,
    );
    const ids = listed.map((comment) => comment.id);
    expect(ids).toEqual(expect.arrayContaining([first.id, second.id]));
    expect(ids.indexOf(second.id)).toBeLessThan(ids.indexOf(first.id));
    const late = new Date(Date.now() + 5_000).toISOString();
    expect(await app.many(`${REPO}/issues/comments?since=${late}`)).toEqual([]);
    const page = await app.raw('GET', `${REPO}/issues/comments?per_page=1&page=1`);
    expect(page.headers.get('link')).toContain('rel="next"');
    expect(page.headers.get('link')).toContain(github.url);
    expect(await app.many(`${REPO}/issues/${one}/comments?since=${late}`)).toEqual([]);
  });

  it('lists review comments of the whole repository', async () => {
    const writer = github.as('writer');
    const pull = await writer.openPull({ head: 'rc', files: { 'r.txt': 'r\n' } });
    const comment = await writer.reviewComment(pull.number, { path: 'r.txt', body: '/ask here' });
    const answer = await app.one('POST', `${REPO}/pulls/${pull.number}/comments`, {
      body: 'there',
      in_reply_to: comment.id,
      commit_id: pull.head.sha,
      path: 'r.txt',
    });
    expect(answer).toMatchObject({ in_reply_to_id: comment.id, path: 'r.txt' });
    const all = await app.many(`${REPO}/pulls/comments?since=${comment.createdAt}`);
    expect(all.map((one) => one.body)).toEqual(['/ask here', 'there']);
    const refused = await writer.client.raw('POST', `${REPO}/pulls/${pull.number}/comments`, {
      body: 'x',
      path: 'not-in-the-diff.txt',
      commit_id: pull.head.sha,
      line: 1,
    });
    expect(refused.status).toBe(422);
  });

  it('reacts once per person and content: 201, then 200', async () => {
    const writer = github.as('writer');
    const issue = await writer.openIssue({ title: 'react' });
    const comment = await writer.comment(issue, 'c');
    const pull = await writer.openPull({ head: 're', files: { 're.txt': 're\n' } });
    const remark = await writer.reviewComment(pull.number, { path: 're.txt', body: 'r' });
    for (const path of [`issues/${issue}`, `issues/comments/${comment.id}`, `pulls/comments/${remark.id}`]) {
      const first = await app.raw('POST', `${REPO}/${path}/reactions`, { content: 'eyes' });
      const again = await app.raw('POST', `${REPO}/${path}/reactions`, { content: 'eyes' });
      expect([path, first.status, again.status]).toEqual([path, 201, 200]);
      expect(object(again.json).id).toBe(object(first.json).id);
      expect(await app.many(`${REPO}/${path}/reactions`)).toHaveLength(1);
    }
    expect(await github.read.reactions({ comment: comment.id })).toEqual(['eyes by guruguru-test[bot]']);
    expect(object(await github.read.issue(issue), 'reactions')).toMatchObject({ eyes: 1, total_count: 1 });
    const bad = await app.raw('POST', `${REPO}/issues/${issue}/reactions`, { content: 'nod' });
    const none = await app.raw('POST', `${REPO}/issues/comments/424242/reactions`, { content: 'eyes' });
    expect([bad.status, none.status]).toEqual([422, 404]);
  });

  it('serves a pull request as an issue, by number and in lists', async () => {
    const writer = github.as('writer');
    const pull = await writer.openPull({ head: 'as-issue', files: { 'i.txt': 'i\n' }, title: 'as an issue' });
    const issue = await app.one('GET', `${REPO}/issues/${pull.number}`);
    expect(issue).toMatchObject({ number: pull.number, title: 'as an issue', state: 'open' });
    expect(text(issue, 'pull_request', 'url')).toContain(`/pulls/${pull.number}`);
    const numbers = (await app.many(`${REPO}/issues?state=all&since=2020-01-01T00:00:00Z`)).map(
      (one) => one.number,
    );
    expect(numbers).toContain(pull.number);
    const comment = await writer.comment(pull.number, 'on it');
    expect(text(comment.json, 'html_url')).toContain(`/pull/${pull.number}#issuecomment`);
  });

  it('sends an edit with what it was before, and nothing when nothing changed', async () => {
    const writer = github.as('writer');
    const comment = await writer.comment(await writer.openIssue({ title: 'edit' }), 'before');
    const from = github.webhooks.log.length;
    await writer.editComment(comment.id, 'after');
    await writer.editComment(comment.id, 'after');
    const sent = github.webhooks.log.slice(from);
    expect(sent.map((one) => one.payload.changes)).toEqual([{ body: { from: 'before' } }]);
  });

  it('refuses to edit what somebody else wrote, and bodies over 65,536 characters', async () => {
    const writer = github.as('writer');
    const issue = await writer.openIssue({ title: 'mine' });
    const comment = await writer.comment(issue, 'mine');
    const path = `${REPO}/issues/comments/${comment.id}`;
    expect((await github.as('stranger').client.raw('PATCH', path, { body: 'yours' })).status).toBe(403);
    const long = await app.raw('POST', `${REPO}/issues/${issue}/comments`, { body: 'x'.repeat(65_537) });
    expect(long.status).toBe(422);
    expect(text(list(long.json, 'errors')[0], 'message')).toContain('too long');
  });
});
