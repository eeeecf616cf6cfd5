import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, createClient } from './client.ts';
import { at, list, text } from './json.ts';
import { type GitHubServer, startGitHub } from './start-github.ts';

const REPO = '/repos/octo/hello';

describe('pull requests', () => {
  let github: GitHubServer;
  let app: Client;
  beforeAll(async () => {
    github = await startGitHub();
    app = createClient(github.url, await github.installationToken());
  });
  afterAll(() => github.close());

  const merge = (number: number, body?: unknown) => app.raw('PUT', `${REPO}/pulls/${number}/merge`, body);

  it('refuses a second one from the same head, an unknown branch and an empty one', async () => {
    await github.as('writer').openPull({ head: 'once', files: { 'once.txt': '1\n' } });
    const again = await app.raw('POST', `${REPO}/pulls`, { head: 'once', base: 'main', title: 'again' });
    expect(again.status).toBe(422);
    expect(text(list(again.json, 'errors')[0], 'message')).toBe(
      'A pull request already exists for octo:once.',
    );
    const unknown = await app.raw('POST', `${REPO}/pulls`, { head: 'nowhere', base: 'main', title: 't' });
    expect(list(unknown.json, 'errors')).toEqual([
      { resource: 'PullRequest', field: 'head', code: 'invalid' },
    ]);
    await app.one('POST', `${REPO}/git/refs`, { ref: 'refs/heads/empty', sha: github.read.head() });
    const empty = await app.raw('POST', `${REPO}/pulls`, { head: 'empty', base: 'main', title: 't' });
    expect(text(list(empty.json, 'errors')[0], 'message')).toBe('No commits between main and empty');
  });

  it('lets the head follow its branch and says synchronize', async () => {
    const writer = github.as('writer');
    const pull = await writer.openPull({ head: 'follow', files: { 'f.txt': '1\n' } });
    const after = await writer.push('follow', { 'f.txt': '2\n', 'g.txt': 'g\n' });
    const now = await github.read.pull(pull.number);
    expect(now.head.sha).toBe(after);
    expect(now.json).toMatchObject({ changed_files: 2, commits: 2 });
    const sent = github.webhooks.log.filter((one) => one.action === 'synchronize');
    expect(sent.map((one) => one.payload)).toMatchObject([
      { number: pull.number, before: pull.head.sha, after, pull_request: { head: { sha: after } } },
    ]);
    expect((await github.read.pulls('open')).find((one) => one.number === pull.number)?.head.sha).toBe(after);
  });

  it('lists real files with status, patch and sha, and gives the diff', async () => {
    const files = { 'docs/new.md': 'new\n', 'README.md': 'changed\n', 'STATE.md': null };
    const pull = await github.as('writer').openPull({ head: 'files', files });
    const listed = await app.many(`${REPO}/pulls/${pull.number}/files`);
    expect(listed.map((one) => [one.filename, one.status])).toEqual(
      expect.arrayContaining([
        ['docs/new.md', 'added'],
        ['README.md', 'modified'],
        ['STATE.md', 'removed'],
      ]),
    );
    const added = listed.find((one) => one.status === 'added');
    expect(text(added, 'patch')).toContain('+new');
    const blob = await app.one('GET', `${REPO}/git/blobs/${text(added, 'sha')}`);
    expect(Buffer.from(text(blob, 'content'), 'base64').toString()).toBe('new\n');
    const diff = await fetch(`${github.url}${REPO}/pulls/${pull.number}`, {
      headers: { accept: 'application/vnd.github.v3.diff', authorization: `Bearer ${github.tokens.octo}` },
    });
    expect(await diff.text()).toContain('+++ b/docs/new.md');
    const found = await app.many(`${REPO}/commits/${pull.head.sha}/pulls`);
    expect(found.map((one) => one.number)).toEqual([pull.number]);
  });

  it('merges without a body and keeps the file of a pull request from the same base', async () => {
    const writer = github.as('writer');
    const one = await writer.openPull({ head: 'm1', files: { 'jobs/queue/1.json': '1\n' } });
    const two = await writer.openPull({
      head: 'm2',
      files: { 'jobs/queue/2.json': '2\n', 'README.md': 'two\n' },
    });
    const from = github.webhooks.log.length;
    const before = github.read.head();
    const merged = await merge(one.number);
    expect(merged.json).toMatchObject({ merged: true });
    const second = await merge(two.number, { merge_method: 'squash', sha: two.head.sha });
    expect(second.status).toBe(200);
    expect(await github.read.tree()).toEqual(
      expect.arrayContaining(['jobs/queue/1.json', 'jobs/queue/2.json', 'STATE.md']),
    );
    expect(await github.read.file('README.md')).toBe('two\n');
    const [tip, middle] = await github.read.commits();
    expect(list(tip, 'parents')).toHaveLength(1);
    expect(list(middle, 'parents').map((parent) => parent.sha)).toEqual([before, one.head.sha]);
    const pull = await github.read.pull(one.number);
    expect(pull).toMatchObject({ merged: true, state: 'closed', mergeCommit: text(merged.json, 'sha') });
    expect(pull.json.merged_by).toMatchObject({ login: github.app.botLogin });
    const sent = github.webhooks.log.slice(from);
    expect(sent.filter((d) => d.event === 'push').map((d) => d.payload.ref)).toEqual(
      Array(2).fill('refs/heads/main'),
    );
    const closed = sent.find((d) => d.event === 'pull_request' && d.action === 'closed');
    expect(at(closed?.payload, 'pull_request', 'merged')).toBe(true);
  });

  it('rebases commit by commit', async () => {
    const writer = github.as('writer');
    const pull = await writer.openPull({ head: 'rb', files: { 'rb1.txt': '1\n' }, title: 'first' });
    await writer.push('rb', { 'rb2.txt': '2\n' }, 'second');
    await writer.push('main', { 'meanwhile.txt': 'm\n' }, 'meanwhile');
    expect((await merge(pull.number, { merge_method: 'rebase' })).status).toBe(200);
    const messages = (await github.read.commits()).slice(0, 3).map((one) => text(one, 'commit', 'message'));
    expect(messages).toEqual(['second', 'first', 'meanwhile']);
    expect(await github.read.tree()).toEqual(expect.arrayContaining(['rb1.txt', 'rb2.txt', 'meanwhile.txt']));
  });

  it('keeps merges made at the same time apart', async () => {
    const writer = github.as('writer');
    const names = ['c1', 'c2', 'c3'];
    const pulls = [];
    for (const head of names) pulls.push(await writer.openPull({ head, files: { [`${head}.txt`]: 'x\n' } }));
    const replies = await Promise.all(pulls.map((pull) => merge(pull.number)));
    expect(replies.map((one) => one.status)).toEqual([200, 200, 200]);
    expect(await github.read.tree()).toEqual(expect.arrayContaining(names.map((name) => `${name}.txt`)));
  });

  it('answers 409 for another head, 405 for what cannot be merged, 403 for who may not', async () => {
    const writer = github.as('writer');
    const pull = await writer.openPull({ head: 'no', files: { 'README.md': 'mine\n' } });
    expect((await merge(pull.number, { sha: '1'.repeat(40) })).status).toBe(409);
    for (const who of ['reader', 'stranger']) {
      const refused = await github.as(who).client.raw('PUT', `${REPO}/pulls/${pull.number}/merge`, {});
      expect([who, refused.status]).toEqual([who, 403]);
    }
    await github.admin.setAllowedMerges({ merge: false });
    const method = await merge(pull.number, { merge_method: 'merge' });
    expect(method.json).toMatchObject({ message: 'Merge commits are not allowed on this repository.' });
    expect(method.status).toBe(405);
    expect(await app.one('GET', REPO)).toMatchObject({ allow_merge_commit: false, allow_squash_merge: true });
    await github.admin.setAllowedMerges({ merge: true });
    expect((await github.read.pull(pull.number)).json.mergeable).toBe(true);
    await writer.push('main', { 'README.md': 'theirs\n' });
    expect((await github.read.pull(pull.number)).json).toMatchObject({
      mergeable: false,
      mergeable_state: 'dirty',
    });
    const conflict = await merge(pull.number);
    expect([conflict.status, text(conflict.json, 'message')]).toEqual([405, 'Pull Request is not mergeable']);
    await writer.close(pull.number);
    expect((await merge(pull.number)).status).toBe(405);
  });

  it('counts approvals of people with write permission only, and required checks', async () => {
    const pull = await github.as('writer').openPull({ head: 'rules', files: { 'rules.txt': 'r\n' } });
    github.admin.protect('main', { pullRequest: { approvals: 1 }, requiredChecks: ['guruguru / validate'] });
    await github.as('stranger').review(pull.number, { event: 'APPROVE' });
    const unapproved = await merge(pull.number);
    expect(unapproved.status).toBe(405);
    expect(text(unapproved.json, 'message')).toContain('1 approving review is required');
    await github.as('writer2').review(pull.number, { event: 'APPROVE' });
    expect(text((await merge(pull.number)).json, 'message')).toBe(
      'Required status check "guruguru / validate" is expected.',
    );
    await app.one('POST', `${REPO}/check-runs`, {
      name: 'guruguru / validate',
      head_sha: pull.head.sha,
      conclusion: 'success',
    });
    expect((await merge(pull.number)).status).toBe(200);
    github.admin.unprotect('main');
  });

  it('lets nobody approve their own pull request, and strangers none where reviews are limited', async () => {
    const pull = await github.as('writer').openPull({ head: 'own', files: { 'own.txt': 'o\n' } });
    const path = `${REPO}/pulls/${pull.number}/reviews`;
    expect((await github.as('writer').client.raw('POST', path, { event: 'APPROVE' })).status).toBe(422);
    github.admin.setReviewLimit(true);
    expect((await github.as('stranger').client.raw('POST', path, { event: 'APPROVE' })).status).toBe(403);
    github.admin.setReviewLimit(false);
  });

  it('retargets, closes with its branch, and reopens only what can be', async () => {
    const writer = github.as('writer');
    await writer.push('release', { 'rel.txt': 'r\n' });
    const pull = await writer.openPull({ head: 'move', files: { 'move.txt': 'm\n' } });
    const moved = await writer.retarget(pull.number, 'release');
    expect(moved.base).toEqual({ ref: 'release', sha: github.read.head('release') });
    const edited = github.webhooks.log.findLast((one) => one.action === 'edited');
    expect(edited?.payload.changes).toMatchObject({ base: { ref: { from: 'main' } } });
    await writer.deleteBranch('move');
    expect((await github.read.pull(pull.number)).state).toBe('closed');
    await expect(writer.reopen(pull.number)).rejects.toThrow('has been deleted');
  });

  it('marks a pull request merged whose head was pushed to its base', async () => {
    const writer = github.as('writer');
    const pull = await writer.openPull({ head: 'ff', files: { 'ff.txt': 'f\n' } });
    await writer.client.one('PATCH', `${REPO}/git/refs/heads/main`, { sha: pull.head.sha });
    expect(await github.read.pull(pull.number)).toMatchObject({ merged: true, mergeCommit: pull.head.sha });
  });

  it('sends a queued branch through the merge queue: 405, enqueue, group, merge', async () => {
    const pull = await github.as('writer').openPull({ head: 'queue', files: { 'queue.txt': 'q\n' } });
    github.admin.setMergeQueue('main', true);
    const refused = await merge(pull.number, { sha: pull.head.sha });
    expect(refused.status).toBe(405);
    expect(text(refused.json, 'message')).toContain('merge queue');
    expect(await app.many(`${REPO}/rules/branches/main`)).toMatchObject([{ type: 'merge_queue' }]);
    const enqueue = (expectedHeadOid: string) =>
      app.one('POST', '/graphql', {
        query:
          'mutation($id: ID!, $oid: GitObjectID) { enqueuePullRequest(input: { pullRequestId: $id, expectedHeadOid: $oid }) { mergeQueueEntry { state } } }',
        variables: { id: pull.json.node_id, oid: expectedHeadOid },
      });
    expect(list(await enqueue('2'.repeat(40)), 'errors')).toHaveLength(1);
    const entry = at(await enqueue(pull.head.sha), 'data', 'enqueuePullRequest', 'mergeQueueEntry', 'state');
    expect(entry).toBe('QUEUED');
    const group = await github.admin.startMergeGroup(pull.number);
    expect(group.headRef).toBe(`gh-readonly-queue/main/pr-${pull.number}-${group.baseSha}`);
    await app.one('POST', `${REPO}/check-runs`, {
      name: 'c',
      head_sha: group.headSha,
      conclusion: 'success',
    });
    await github.admin.finishMergeGroup(pull.number);
    expect(await github.read.pull(pull.number)).toMatchObject({ merged: true, mergeCommit: group.headSha });
    expect(github.read.head()).toBe(group.headSha);
    github.admin.setMergeQueue('main', false);
  });
});
